"""The update of a page: its blocks are rewritten to state the output of their cells."""

import io
import re

from sphinx_code_cell_output.cells import Cell
from sphinx_code_cell_output.compare import agrees
from sphinx_code_cell_output.digits import rounded
from sphinx_code_cell_output.fences import BLOCK, lines_of


def updated(text: str, cells: list[Cell]) -> str:
    """Return the page with each block that disagrees rewritten, added or removed."""
    lines = io.StringIO(text, newline="").readlines()  # split where Markdown does, not at \f
    end = "\r\n" if "\r\n" in text else "\n"
    for cell in reversed(cells):
        if agrees(cell):
            continue
        if not cell.block:
            lines[cell.span[1] : cell.span[1]] = [end, block(cell, end)]
            continue
        start, stop = lines_of(cell.block)
        if cell.shown:
            lines[start:stop] = [block(cell, end)]
        else:
            del lines[lines_of(cell.above or cell.fence)[1] : stop]
    return "".join(lines)


def block(cell: Cell, end: str) -> str:
    """Return the block of a cell, with a fence longer than any in its output."""
    shown = rounded(cell.shown, cell.stated) if cell.options.digits else cell.shown
    longest = max([2, *map(len, re.findall(r"`+", shown))])
    fence = "`" * (longest + 1)
    text = f"{fence}{f'{BLOCK} {cell.option}'.strip()}\n{shown}\n{fence}\n"
    return text.replace("\n", end)
