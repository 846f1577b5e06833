"""Put each executed page beside its HTML as a notebook, for Jupyter and the like.

`page.ipynb` has the text of the page as plain Markdown, its cells, and what they have shown. Its
first cell says what to install: `page_notebooks_need = {"matplotlib": "...", "": "..."}`, by a word
in the code; the first that fits. Nothing in it says where it was built.
"""

import posixpath
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import nbformat.v4 as nb
from changed_files import write
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.typing import ExtensionMetadata
from sphinx_code_cell_output.cells import executed_notebook
from sphinx_code_cell_output.tracebacks import ANSI, PLACE, short

logger = logging.getLogger(__name__)

CELL = re.compile("\0(\\d+)\0")
FIRST = "*This is the page [{title}]({uri}) of {project}, as a notebook. To run it: {need}.*"


def has_notebook(env: BuildEnvironment, page: str) -> bool:
    """Whether a page is executed."""
    return bool(getattr(env, "nb_metadata", {}).get(page, {}).get("exec_data"))


def link(base: str, page: str, uri: str) -> str:
    """Return where a link of a page leads, from a notebook: to the site."""
    name = f"{page}.html"
    uri = uri if uri and not uri.startswith("#") else posixpath.basename(name) + uri
    return urljoin(urljoin(base, name), uri) if base else uri


def cleaned(output: Any) -> Any:
    """Return an output without the folders of the machine that made it."""
    if output.output_type == "error":
        output.traceback = short(ANSI.sub("", "\n".join(output.traceback))).splitlines()
    elif output.output_type == "stream" and output.name == "stderr":
        output.text = PLACE.sub("line ", output.text)
    return output


def code_cell(cell: Any) -> Any:
    """Return an executed cell with what a reader needs of it."""
    tags = cell.metadata.get("tags", [])
    metadata: dict[str, Any] = {"tags": tags} if tags else {}
    if "hide-input" in tags:
        metadata["jupyter"] = {"source_hidden": True}
    outputs = [cleaned(output) for output in cell.outputs]
    count = cell.execution_count
    return nb.new_code_cell(cell.source, metadata=metadata, outputs=outputs, execution_count=count)


def cells(text: str, executed: Any) -> Iterator[Any]:
    """Yield the cells of a page: its text, split where a mark stands for executed code."""
    for position, part in enumerate(CELL.split(text)):
        if position % 2:
            yield code_cell(executed.cells[int(part)])
        elif part.strip():
            yield nb.new_markdown_cell(part.strip())


def notebook(first: str, text: str, executed: Any) -> str:
    """Return a page as a notebook, the same each time."""
    known = ("kernelspec", "language_info")
    metadata = {name: executed.metadata[name] for name in known if name in executed.metadata}
    found = [nb.new_markdown_cell(first), *cells(text, executed)]
    for number, cell in enumerate(found):
        cell.id = f"cell-{number}"
    return nb.writes(nb.new_notebook(cells=found, metadata=metadata)) + "\n"


def write_notebook(
    app: Sphinx, page: str, _template: str, _context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Write the notebook of a page that is executed."""
    if doctree is None or app.builder.name != "html" or not has_notebook(app.env, page):
        return
    from doctree_markdown import markdown  # noqa: PLC0415  # a build that changes nothing is quick

    executed = executed_notebook(app.env, page)
    leads = partial(link, app.config.html_baseurl, page)
    code = "\n".join(cell.source for cell in executed.cells if cell.cell_type == "code")
    needs = app.config.page_notebooks_need
    first = FIRST.format(
        title=app.env.titles[page].astext(),
        uri=leads(""),
        project=app.config.project,
        need=next((need for word, need in needs.items() if word in code), "nothing else"),
    )
    # Two builds with one parent folder write over each other's executed pages.
    if any(cell.get("source") and not cell.get("execution_count", 1) for cell in executed.cells):
        logger.warning("the page's notebook is not executed, read it anew: -E", location=page)
    text = markdown(app, doctree, leads, cells=True)
    write(Path(app.outdir, f"{page}.ipynb"), notebook(first, text, executed))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the setting, and what is written when."""
    app.add_config_value("page_notebooks_need", default={}, rebuild="html", types=dict)
    app.connect("html-page-context", write_notebook)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
