"""The directive `{code-cell-output}`, and the check of a page that has just been read."""

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from sphinx_code_cell_output import pages
from sphinx_code_cell_output.cells import Cell
from sphinx_code_cell_output.compare import differences, failure
from sphinx_code_cell_output.execution import STOPPED
from sphinx_code_cell_output.notebooks import is_stripped

logger = logging.getLogger(__name__)


class Mark(nodes.Invisible, nodes.Element):
    """The placeholder of a block, until its page is compared."""


class CodeCellOutput(SphinxDirective):
    """State the output of the cell above."""

    has_content = True
    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return a placeholder: a block without an executed cell is an error of the page."""
        mark = Mark()
        self.set_source_info(mark)
        return [mark]


def check(app: Sphinx, doctree: nodes.document) -> None:
    """Compare the page that has just been read, or update it."""
    env: Any = app.env
    page = pages.read(env, env.docname)
    cells = page.cells
    found: list[tuple[int, str]] = []
    differing: list[tuple[int, str]] = []
    if cells:
        stop = env.temp_data.get(STOPPED)
        succeeded = env.nb_metadata[env.docname]["exec_data"]["succeeded"]
        found = [stop] if stop else list(failure(cells, stopped=not succeeded))
        if app.config.code_cell_output_update and not found:
            page.accept(cells)
        elif page.is_notebook and is_stripped(cells):
            found.append((1, "this notebook stores no outputs, so none is compared"))
        elif not found:
            differing = list(differences(cells))
    found += [*differing, *strays(doctree, page.path, cells)]
    if found:
        env.note_reread()  # an unchanged page is compared again until it agrees
    for line, message in found:
        logger.warning(message, location=(env.docname, line), type="code_cell_output")
    env.metadata[env.docname].update(
        checked_cells=len(cells),
        checked_outputs=sum(cell.block is not None for cell in cells),
        differing_cells=len(differing),
    )


def strays(doctree: nodes.document, path: Path, cells: list[Cell]) -> list[tuple[int, str]]:
    """Remove the placeholders of a page; return the blocks that do not follow an executed cell."""
    # MyST-NB counts one blank line after a cell, even if there are more.
    follow = {(str(path), cell.span[1] + 2) for cell in cells if cell.block}
    marks = list(doctree.findall(Mark))
    for mark in marks:
        mark.parent.remove(mark)
    message = "this block does not follow a cell"
    return [
        (mark.line or 1, message) for mark in marks if (str(mark.source), mark.line) not in follow
    ]
