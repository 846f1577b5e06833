"""The update of a page: its blocks are rewritten to state the output of their cells."""

import io
import re

from sphinx_code_cell_output.cells import BLOCK, Cell, lines_of
from sphinx_code_cell_output.compare import agrees


def updated(text: str, cells: list[Cell]) -> str:
    """Return the page with each block that disagrees rewritten, added or removed."""
    lines = io.StringIO(text, newline="").readlines()  # split where Markdown does, not at \f
    end = "\r\n" if "\r\n" in text else "\n"
    for cell in reversed(cells):
        if agrees(cell):
            continue
        after = cell.span[1]
        if not cell.block:
            lines[after:after] = [end, block(cell, end)]
            continue
        start, stop = lines_of(cell.block)
        if cell.shown:
            lines[start:stop] = [block(cell, end)]
        else:
            del lines[after:stop]
    return "".join(lines)


def block(cell: Cell, end: str) -> str:
    """Return the block of a cell, with a fence longer than any in its output."""
    longest = max([2, *map(len, re.findall(r"`+", cell.shown))])
    fence = "`" * (longest + 1)
    text = f"{fence}{f'{BLOCK} {cell.option}'.strip()}\n{cell.shown}\n{fence}\n"
    return text.replace("\n", end)
