"""The comparison of a cell with its block: to the letter, or to the digits that are stated."""

import difflib
from collections.abc import Iterator
from typing import NamedTuple

from sphinx_code_cell_output.cells import Cell
from sphinx_code_cell_output.digits import same
from sphinx_code_cell_output.fences import lines_of


class Finding(NamedTuple):
    """A problem of a page: a warning of the type `code_cell_output.SUBTYPE`."""

    line: int
    message: str
    subtype: str


def agrees(cell: Cell) -> bool:
    """Whether the output of a cell agrees with its block, or is not compared."""
    if cell.options.skip:
        return True
    return same(cell.stated, cell.shown, digits=cell.options.digits)


def failure(cells: list[Cell], *, stopped: bool) -> Iterator[Finding]:
    """Yield the cell that failed or did not finish, which ended the execution."""
    if not stopped:
        return
    for cell in cells:
        if cell.error and "raises-exception" not in cell.tags:
            yield Finding(cell.line, f"the cell failed: {cell.error}", "failed")
            return
    begun = [cell for cell in cells if cell.executed.execution_count is not None]
    for cell in begun[-1:] or cells[:1]:
        yield Finding(cell.line, "the cell did not finish", "failed")


def differences(cells: list[Cell]) -> Iterator[Finding]:
    """Yield the line and the difference of each cell that does not agree with its block."""
    last = None
    for cell in cells:
        line = lines_of(cell.block)[0] + 1 if cell.block else cell.line
        if "raises-exception" in cell.tags and not cell.error and cell.fence is not last:
            message = "the cell is tagged raises-exception, and raises nothing"
            yield Finding(cell.line, message, "raises")
        last = cell.fence
        if cell.options.error:
            yield Finding(line, cell.options.error, "option")
        elif cell.options.skip:
            continue
        elif cell.shown and not cell.block:
            message = f"the cell shows what no block states:\n{cell.shown}"
            yield Finding(line, message, "unstated")
        elif cell.block and not cell.shown:
            yield Finding(line, "the cell of this block shows nothing", "difference")
        elif cell.lacks_figure_data:
            message = "figure-data: expected a chart, or a figure drawn in this build; got none"
            yield Finding(line, message, "option")
        elif not agrees(cell):
            stated, found = cell.stated.splitlines(), cell.shown.splitlines()
            diff = difflib.unified_diff(stated, found, "stated", "shown", lineterm="")
            message = "the cell shows something else:\n" + "\n".join(diff)
            yield Finding(line, message, "difference")
