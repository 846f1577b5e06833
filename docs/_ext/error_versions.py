"""Show what other versions of torch say to the cells of a page, as error_cells.py has kept it.

It stands below the cell, and the search finds it too. Data that no longer fit the page are a
warning.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from docutils import nodes
from error_cells import MESSAGE, cells, entries, fingerprint
from error_entries import index
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole
from sphinx.util.typing import ExtensionMetadata

logger = logging.getLogger(__name__)


def load(env: BuildEnvironment) -> Any:
    """Return what is kept, and read the page again when it changes."""
    file = Path(env.srcdir, "_data", "error_versions.json")
    env.note_dependency(file)
    return json.loads(file.read_text("utf-8"))


def listed(versions: Iterable[str]) -> str:
    """Return versions as a sentence has them."""
    *others, last = versions or ["(none)"]
    return f"{', '.join(others)} and {last}" if others else last


class AskedVersions(SphinxRole):
    """Say which versions have been asked."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return them as a text, after the name."""
        return [nodes.Text(f"{self.text} {listed(load(self.env)['asked'])}")], []


def problems(page: str, data: Any) -> list[str]:
    """Return what of the data does not fit the page."""
    _, parts = entries(page)
    stated = {
        (name, number, cell.stated)
        for name, text in parts.items()
        for number, cell in enumerate(cells(text), start=1)
    }
    found = [
        f"cell {one['cell']} of {one['entry']} does not state {one['page']!r}"
        for one in data["differences"]
        if (one["entry"], one["cell"], one["page"]) not in stated
    ]
    old = [version for version, asked in data["asked"].items() if asked != fingerprint(page)]
    return found + ([f"the cells have changed since torch {listed(old)} ran them"] if old else [])


def show(app: Sphinx, doctree: nodes.document) -> None:
    """Put below each cell what other versions have said."""
    start, parts = entries(page := Path(app.env.doc2path(app.env.docname)).read_text("utf-8"))
    if not parts:
        return
    data = load(app.env)
    if found := problems(page, data):
        for problem in found:
            logger.warning("error_versions.json: %s", problem, location=app.env.docname)
        return
    places = [node for node in doctree.findall(nodes.container) if "cell" in node["classes"]]
    of = [("", 0)] * len(cells(start))
    of += [(name, i + 1) for name, text in parts.items() for i in range(len(cells(text)))]
    place = dict(zip(of, places, strict=True))
    sections = {name: node for node in doctree.findall(nodes.section) for name in node["ids"]}
    for one in data["differences"]:
        cell = place[one["entry"], one["cell"]]
        note = nodes.container(classes=["error-version"])
        note += nodes.paragraph("", f"torch {listed(one['versions'])}:")
        note += nodes.literal_block(one["said"], one["said"], language="none")
        cell.parent.insert(cell.parent.index(cell) + 1, note)
        index(sections[one["entry"]], MESSAGE.findall(one["said"]))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the role, and what is done with a page once it is read."""
    app.add_role("error-versions", AskedVersions())
    app.connect("doctree-read", show)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
