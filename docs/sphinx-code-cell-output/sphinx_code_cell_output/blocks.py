"""The directive `{code-cell-output}`, and the check of a page that has just been read."""

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from myst_nb.core.read import is_myst_markdown_notebook
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from sphinx_code_cell_output import notebooks, pages, report, sources
from sphinx_code_cell_output.cells import Cell, execution_of
from sphinx_code_cell_output.compare import Finding, differences, failure
from sphinx_code_cell_output.execution import RAN, STOPPED
from sphinx_code_cell_output.fences import lines_of

logger = logging.getLogger(__name__)

OTHER_CELLS = "the cells of this file are not those that were run: none is {}: {}"
AMBIGUOUS = "source-read handlers changed them, so that several could be meant"
# The head of a block, in the text of a page that is not run.
BLOCKS = re.compile(r"^ {0,3}(?:`{3,}|~{3,}|:{3,}) *\{code-cell-output\}", re.MULTILINE)


class Mark(nodes.Invisible, nodes.Element):
    """The placeholder of a block, until its page is compared."""


class CodeCellOutput(SphinxDirective):
    """State the output of the cell above."""

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Return a placeholder: a block without an executed cell is an error of the page."""
        mark = Mark()
        self.set_source_info(mark)
        return [mark]


def check(app: Sphinx, doctree: nodes.document) -> None:
    """Compare the page that has just been read, or update it."""
    env: Any = app.env
    page = pages.read(env, env.docname)
    marks = taken(doctree)
    run = execution_of(env, env.docname)
    cached = run and run["method"] == "cache" and not env.temp_data.get(RAN)
    unrun = [] if run else stated_lines(env, page.path, marks)
    found = [] if unrun else [*compared(app, page), *strays(marks, page)]
    found = report.reported(app, found)
    if found:
        env.note_reread()  # an unchanged page is compared again until it agrees
    for line, message, subtype in found:
        place = env.docname, line
        logger.warning(message, location=place, type=report.TYPE, subtype=subtype)
    stated = [cell for cell in page.cells if cell.block]
    env.metadata[env.docname].update(
        unrun_outputs=len(unrun),
        unrun_lines=unrun,
        foreign_cells=page.foreign,
        cached_outputs=len(marks) if cached else 0,
        checked_cells=len({id(cell.executed) for cell in page.cells}),
        checked_outputs=sum(not cell.options.skip for cell in stated),
        checked_skipped=sum(bool(cell.options.skip) for cell in stated),
        checked_replaced=sum(cell.raw != cell.shown for cell in stated if not cell.options.skip),
        differing_cells=sum(one.subtype not in ("failed", "orphan") for one in found),
    )


def compared(app: Sphinx, page: pages.Page) -> list[Finding]:
    """Compare or update the cells of a page; those after one that failed were not run."""
    env: Any = app.env
    if page.refusal:
        return [Finding(1, OTHER_CELLS.format("compared", page.refusal), "orphan")]
    if not page.cells:
        return []
    if stop := env.temp_data.get(STOPPED):
        index, message = stop
        found = [Finding(1 if index is None else page.line_of(index), message, "failed")]
    else:
        stopped = not execution_of(env, page.name)["succeeded"]
        found = list(failure(page.cells, stopped=stopped))
    ran = [cell for cell in page.cells if not found or cell.line < found[0].line]
    if app.config.code_cell_output_update:
        found += differences(page.accept(ran))
        if page.in_file is page.cells:
            sources.note_file(env, page.name, page.path.read_bytes())
        else:  # the text that was built has the old blocks
            env.note_reread()
        if page.in_file is None:
            found.append(Finding(1, OTHER_CELLS.format("updated", AMBIGUOUS), "orphan"))
    elif page.is_notebook and not found and notebooks.is_stripped(page.cells):
        message = "this notebook stores no outputs, so none is compared"
        found.append(Finding(1, message, "unstated"))
    else:
        found += differences(ran)
    return found


def stated_lines(env: Any, path: Path, marks: list[Mark]) -> list[int]:
    """Return the lines of the blocks of a page, if MyST-NB reads it as a notebook."""
    if path.suffix == notebooks.SUFFIX:
        return notebooks.stated_lines(path.read_text("utf-8-sig"))
    text = path.read_text("utf-8-sig") if marks else ""
    if path.suffix in env.mystnb_config.custom_formats or is_myst_markdown_notebook(text):
        lines = [text[: match.start()].count("\n") + 1 for match in BLOCKS.finditer(text)]
        known = [mark.line or 1 for mark in marks]  # counts 10,000 for a cell without a source map
        return lines if len(lines) == len(known) else known
    return []


def taken(doctree: nodes.document) -> list[Mark]:
    """Remove the placeholders of a page, and return them."""
    marks = list(doctree.findall(Mark))
    for mark in marks:
        mark.parent.remove(mark)
    return marks


def strays(marks: list[Mark], page: pages.Page) -> list[Finding]:
    """Return the blocks that do not follow an executed cell."""
    if page.refusal:
        return []  # one finding is enough for the page
    follow = set()
    first: Cell | None = None
    for cell in page.cells:
        if cell.block and (first is None or first.fence is not cell.fence):
            first = cell
        if cell.block and first and first.block:
            # MyST-NB counts one blank line after a cell, even if there are more.
            line = cell.span[1] + 2 + lines_of(cell.block)[0] - lines_of(first.block)[0]
            follow.add((str(page.path), line))
    message = "this block does not follow a cell"
    places = [(str(mark.source), page.line(mark.line or 1)) for mark in marks]
    return [
        Finding(line, message, "orphan") for source, line in places if (source, line) not in follow
    ]
