"""The page of errors: an overview of its entries, the messages of other versions, and a search.

An entry is a section with a label `(error-...)=`. The stated output of its first cell decides its
kind: error (also after a warning), warning, or silent. Below a cell is the output of other versions
of torch, where `docs/ask_other_torch.py` found a difference; differences that no longer fit the
page are a warning.

The messages of all entries, those of other versions too, go into `error_messages.js`. Only the page
of the search loads it, and error_search.js finds in it a message with other numbers as well.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ask_other_torch import MESSAGE, cells, entries, fingerprint
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.builders import Builder
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole
from sphinx_code_cell_output.counts import row_of

from notes_site.html import write

logger = logging.getLogger(__name__)

MESSAGES = "error_messages.js"


class Overview(nodes.General, nodes.Element):
    """The placeholder of the overview, until the page is read."""


class ErrorOverview(SphinxDirective):
    """List all entries of this page, each with its kind and its message."""

    def run(self) -> list[nodes.Node]:
        """Return the placeholder."""
        return [Overview()]


class AskedVersions(SphinxRole):
    """The text, and behind it the versions of torch that ran the cells of the page."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the text and the versions."""
        return [nodes.Text(f"{self.text} {listed(load(self.env)['asked'])}")], []


def load(env: BuildEnvironment) -> Any:
    """Return the differences of other versions, and make the page depend on their file."""
    file = Path(env.srcdir, "_data", "error_versions.json")
    env.note_dependency(file)
    return json.loads(file.read_text("utf-8"))


def listed(versions: Iterable[str]) -> str:
    """Return versions as a list in a sentence."""
    *others, last = versions or ["(none)"]
    return f"{', '.join(others)} and {last}" if others else last


def kind(messages: list[str]) -> str:
    """Return the kind of an entry, given the messages of its first cell."""
    if any(message.partition(":")[0].endswith("Error") for message in messages):
        return "Error"
    return "Warning" if messages else "Silent"


def row(section: nodes.section, messages: list[str]) -> nodes.row:
    """Return the row of an entry, with the first sentence of its first message."""
    title = [child.deepcopy() for child in section[0].children]
    name = section["ids"][0]
    entry = nodes.inline("", "", nodes.reference("", "", *title, refid=name, internal=True))
    if messages:
        sentence = messages[0].partition(". ")[0]
        entry += [nodes.Text(" "), nodes.literal(sentence, sentence)]
    found: nodes.row = row_of([kind(messages), entry])
    return found


def table(rows: list[nodes.row]) -> nodes.table:
    """Return the overview."""
    group = nodes.tgroup("", *(nodes.colspec(colwidth=width) for width in (1, 7)), cols=2)
    group += [nodes.thead("", row_of(["Kind", "Entry"])), nodes.tbody("", *rows)]
    return nodes.table("", group, classes=["error-overview"])


def index(app: Sphinx, section: nodes.Element, messages: Iterable[str]) -> None:
    """Add messages of an entry to the general index, and to the search."""
    name, title = section["ids"][0], section[0].astext()
    # Sphinx splits an index entry at a semicolon.
    texts = [message.replace(";", ",") for message in messages]
    found = [("single", text, name, "main", None) for text in texts]
    section.insert(1, addnodes.index(entries=found))
    meta = app.env.metadata[app.env.docname]
    meta.setdefault("error_messages", []).extend((text, name, title) for text in texts)


def add_entries(app: Sphinx, doctree: nodes.document) -> None:
    """Mark the kind of each entry of a page, index its messages, and fill the overview."""
    _, parts = entries(Path(app.env.doc2path(app.env.docname)).read_text("utf-8"))
    sections = {name: node for node in doctree.findall(nodes.section) for name in node["ids"]}
    rows, seen = [], set[str]()
    for name, text in parts.items():
        section = sections[name]
        section["ids"].sort(key=lambda one: one != name)  # links use the first one
        messages = MESSAGE.findall(cells(text)[0].stated)
        rows.append(row(section, messages))
        index(app, section, (one for one in MESSAGE.findall(text) if one not in seen))
        seen.update(MESSAGE.findall(text))
        classes = ["error-kind", kind(messages).lower()]
        section.insert(1, nodes.paragraph("", kind(messages), classes=classes))
    for place in list(doctree.findall(Overview)):
        place.replace_self(table(rows))


def mismatches(page: str, data: Any) -> list[str]:
    """Return the mismatches between the data of other versions and a page."""
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


def add_versions(app: Sphinx, doctree: nodes.document) -> None:
    """Insert the output of other versions below each cell that has one."""
    start, parts = entries(page := Path(app.env.doc2path(app.env.docname)).read_text("utf-8"))
    if not parts:
        return
    data = load(app.env)
    if found := mismatches(page, data):
        for problem in found:
            logger.warning("error_versions.json: %s", problem, location=app.env.docname)
        return
    nodes_of_cells = [
        node for node in doctree.findall(nodes.container) if "cell" in node["classes"]
    ]
    keys = [("", 0)] * len(cells(start))
    keys += [(name, i + 1) for name, text in parts.items() for i in range(len(cells(text)))]
    places = dict(zip(keys, nodes_of_cells, strict=True))
    sections = {name: node for node in doctree.findall(nodes.section) for name in node["ids"]}
    order = list(parts)  # a message belongs to the first entry that has it
    for one in sorted(data["differences"], key=lambda one: order.index(one["entry"])):
        cell = places[one["entry"], one["cell"]]
        note = nodes.container(classes=["error-version"])
        note += nodes.paragraph("", f"torch {listed(one['versions'])}:")
        note += nodes.literal_block(one["said"], one["said"], language="none")
        cell.parent.insert(cell.parent.index(cell) + 1, note)
        index(app, sections[one["entry"]], MESSAGE.findall(one["said"]))


def write_messages(app: Sphinx, builder: Builder) -> None:
    """Write the messages of all pages, each once, as a script."""
    found: dict[str, dict[str, str]] = {}
    for page, meta in sorted(app.env.metadata.items()):
        for message, name, title in meta.get("error_messages", ()):
            path = f"{app.env.titles[page].astext()} > {title}"
            found.setdefault(message, {"page": page, "anchor": f"#{name}", "title": path})
    if builder.format == "html" and found:
        lines = [json.dumps({"message": key} | value) for key, value in found.items()]
        script = "const errorMessages = [\n" + ",\n".join(lines) + "\n];\n"
        write(Path(app.outdir, "_static", MESSAGES), script)


def load_messages(
    app: Sphinx, page: str, _template: str, _context: dict[str, Any], _doctree: Any
) -> None:
    """Load the messages and their search on the page of the search, before the search begins."""
    if page == "search" and any("error_messages" in meta for meta in app.env.metadata.values()):
        app.add_js_file(MESSAGES, loading_method="defer")
        app.add_js_file("error_search.js", loading_method="defer")
