"""The other forms of a page: its notebook, and the links below its title.

`page.ipynb` has the text of the page as plain Markdown, its cells, and their outputs. Its first
cell names the installation: `page_notebooks_need = {"matplotlib": "...", "": "..."}` maps a word in
the code to it, and the first match counts. It contains no path of the machine that built it.

`repository_url`, `repository_branch` and `notebook_branch`, the branch with the notebooks beside
the sources, make the links to the source, Colab and Binder. Without a repository, the source is
the copy inside the site.
"""

import os
import posixpath
import re
from collections.abc import Iterator
from functools import partial
from html import escape
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urljoin

import nbformat.v4
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx_code_cell_output.cells import executed_notebook
from sphinx_code_cell_output.tracebacks import ANSI, PLACE, short

from notes_site.html import write
from notes_site.markdown import markdown

logger = logging.getLogger(__name__)
nb: Any = nbformat.v4  # its functions have no types

CELL = re.compile("\0(\\d+)\0")
FIRST = "*This is the page [{title}]({uri}) of {project}, as a notebook. To run it: {need}.*"


def has_notebook(env: BuildEnvironment, page: str) -> bool:
    """Whether a page is executed."""
    return bool(getattr(env, "nb_metadata", {}).get(page, {}).get("exec_data"))


def absolute(base: str, page: str, uri: str) -> str:
    """Return a link of a page as its notebook needs it: to the HTML, with the site's address."""
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
    """Return an executed cell with its source, tags and outputs only."""
    tags = cell.metadata.get("tags", [])
    metadata: dict[str, Any] = {"tags": tags} if tags else {}
    if "hide-input" in tags:
        metadata["jupyter"] = {"source_hidden": True}
    return nb.new_code_cell(
        cell.source,
        metadata=metadata,
        outputs=[cleaned(output) for output in cell.outputs],
        execution_count=cell.execution_count,
    )


def cells(text: str, executed: Any) -> Iterator[Any]:
    """Yield the cells of a notebook: the text, split at the marks, and the executed cells."""
    for position, part in enumerate(CELL.split(text)):
        if position % 2:
            yield code_cell(executed.cells[int(part)])
        elif part.strip():
            yield nb.new_markdown_cell(part.strip())


def notebook(first: str, text: str, executed: Any) -> str:
    """Return a page as a notebook; the same page gives the same bytes."""
    known = ("kernelspec", "language_info")
    metadata = {name: executed.metadata[name] for name in known if name in executed.metadata}
    found = [nb.new_markdown_cell(first), *cells(text, executed)]
    for number, cell in enumerate(found):
        cell.id = f"cell-{number}"
    made = nb.new_notebook(cells=found, metadata=metadata)
    return f"{nb.writes(made)}\n"


def write_notebook(
    app: Sphinx, page: str, _template: str, _context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Write the notebook of an executed page."""
    if doctree is None or app.builder.name != "html" or not has_notebook(app.env, page):
        return
    executed = executed_notebook(app.env, page)
    link = partial(absolute, app.config.html_baseurl, page)
    code = "\n".join(cell.source for cell in executed.cells if cell.cell_type == "code")
    needs = app.config.page_notebooks_need
    first = FIRST.format(
        title=app.env.titles[page].astext(),
        uri=link(""),
        project=app.config.project,
        need=next((need for word, need in needs.items() if word in code), "nothing else"),
    )
    # Two builds with one parent folder overwrite each other's executed pages.
    if any(cell.get("source") and not cell.get("execution_count", 1) for cell in executed.cells):
        logger.warning("the page has no executed notebook: rebuild it with -E", location=page)
    text = markdown(app, doctree, link, cells=True)
    write(Path(app.outdir, f"{page}.ipynb"), notebook(first, text, executed))


def links(config: Config, source: str, copy: str, *, runs: bool) -> dict[str, str]:
    """Return the address of each link by its text; `source` is a path in the repository."""
    file, url, branch = PurePosixPath(source), config.repository_url, config.notebook_branch
    found = {"Notebook": f"{file.stem}.ipynb"} if runs else {}
    found["Markdown"] = f"{file.stem}.md"
    found["Source"] = f"{url}/blob/{config.repository_branch}/{source}?plain=1" if url else copy
    if runs and url:
        project = url.removeprefix("https://github.com/")
        path = file.with_suffix(".ipynb")
        colab = f"https://colab.research.google.com/github/{project}/blob/{branch}/{path}"
        found["Colab"] = colab
        found["Binder"] = f"https://mybinder.org/v2/gh/{project}/{branch}?labpath={path}"
    return found


def insert_links(
    app: Sphinx, page: str, _template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Insert the links below the title of a page."""
    if doctree is None or app.builder.name != "html":
        return
    source = Path(os.path.relpath(app.env.doc2path(page), app.confdir)).as_posix()
    copy = context["pathto"](f"_sources/{context['sourcename']}", resource=True)
    found = links(app.config, source, copy, runs=has_notebook(app.env, page))
    parts = (
        f'<a class="muted-link"{" download" * (text == "Notebook")} href="{escape(uri)}">{text}</a>'
        for text, uri in found.items()
    )
    line = f'<p class="page-links">{" · ".join(parts)}</p>'
    context["body"] = context["body"].replace("</h1>", f"</h1>\n{line}", 1)
