"""The comparison of a cell with its block: to the letter, or to the digits that are stated."""

import difflib
import re
from collections.abc import Iterator
from decimal import Decimal

from sphinx_code_cell_output.cells import Cell, lines_of

NUMBER = re.compile(r"-?\d+(?:\.\d*)?(?:e[-+]?\d+)?")


def same(stated: str, found: str, *, digits: bool) -> bool:
    """Compare to the letter; with `digits`, compare numbers to the digits stated."""
    if not digits:
        return stated == found
    pairs = zip(NUMBER.findall(stated), NUMBER.findall(found), strict=False)
    return NUMBER.split(stated) == NUMBER.split(found) and all(rounds_to(*p) for p in pairs)


def rounds_to(stated: str, found: str) -> bool:
    """Whether a number rounds to the stated one. Whole numbers must be equal."""
    if not re.search(r"\.\d|e", stated):
        return stated == found
    unit = Decimal(1).scaleb(int(Decimal(stated).as_tuple().exponent))
    return abs(Decimal(stated) - Decimal(found)) <= unit / 2


def agrees(cell: Cell) -> bool:
    """Whether the output of a cell agrees with its block."""
    return same(cell.stated, cell.shown, digits=cell.option == "digits")


def failure(cells: list[Cell], *, stopped: bool) -> Iterator[tuple[int, str]]:
    """Yield the cell that failed or did not finish, which ended the execution."""
    for cell in cells:
        if cell.error and "raises-exception" not in cell.tags:
            yield cell.line, f"the cell failed: {cell.error}"
            return
    if stopped and cells:
        begun = [cell for cell in cells if cell.executed.execution_count is not None]
        yield (begun or cells[:1])[-1].line, "the cell did not finish"


def differences(cells: list[Cell]) -> Iterator[tuple[int, str]]:
    """Yield the line and the difference of each cell that does not agree with its block."""
    for cell in cells:
        line = lines_of(cell.block)[0] + 1 if cell.block else cell.line
        if "raises-exception" in cell.tags and not cell.error:
            yield cell.line, "the cell is tagged raises-exception, and raises nothing"
        if cell.option not in ("", "digits"):
            yield line, f"expected no option, or 'digits', got {cell.option!r}"
        elif cell.shown and not cell.block:
            yield line, f"the cell shows what no block states:\n{cell.shown}"
        elif cell.block and not cell.shown:
            yield line, "the cell of this block shows nothing"
        elif not agrees(cell):
            stated, found = cell.stated.splitlines(), cell.shown.splitlines()
            diff = difflib.unified_diff(stated, found, "stated", "shown", lineterm="")
            yield line, "the cell shows something else:\n" + "\n".join(diff)
