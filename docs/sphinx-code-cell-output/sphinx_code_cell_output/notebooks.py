"""Pages that are notebooks: the outputs that the file stores are the blocks of its cells."""

import re
from typing import Any

import nbformat
from markdown_it.token import Token

from sphinx_code_cell_output.cells import Cell
from sphinx_code_cell_output.compare import agrees
from sphinx_code_cell_output.fences import BLOCK, executed_cells
from sphinx_code_cell_output.options import Rules

SUFFIX = ".ipynb"
OPTIONS = BLOCK.strip("{}")  # in the metadata of a cell: the options of its block
# Jupyter writes one key a line; a quote inside a text has a backslash before it.
CODE = re.compile(r'^\s*"cell_type": "code"', re.MULTILINE)


def stored_cells(text: str) -> list[Any]:
    """Return the code cells of a notebook's text."""
    return executed_cells(nbformat.reads(text, 4))


def code_lines(text: str, number: int) -> list[int]:
    """Return the lines of the code cells of a notebook's text, counted from 0."""
    lines = [text[: match.start()].count("\n") for match in CODE.finditer(text)]
    return lines if len(lines) == number else [0] * number  # some programs write a single line


def stated_lines(text: str) -> list[int]:
    """Return the lines, counted from 1, of the code cells of a notebook that store an output."""
    stored = stored_cells(text)
    lines = code_lines(text, len(stored))
    return [line + 1 for line, cell in zip(lines, stored, strict=True) if cell.outputs]


def read(text: str, notebook: Any, rules: Rules) -> list[Cell]:
    """Return the executed cells of a notebook, each with a block that is its stored output.

    None if the cells of the file are not those that were executed.
    """
    stored, run = stored_cells(text), executed_cells(notebook)
    if [cell.source for cell in stored] != [cell.source for cell in run]:
        return []
    cells: list[Cell] = []
    for line, before, executed in zip(code_lines(text, len(stored)), stored, run, strict=True):
        fence = Token("fence", "", 0, map=[line, line + 1], meta={"index": len(cells)})
        option = str(before.metadata.get(OPTIONS, ""))
        block = Token("fence", "", 0, info=f"{BLOCK} {option}", map=[line, line + 1])
        block.content = Cell(fence, before, block, rules).shown
        cells.append(Cell(fence, executed, block if block.content or option else None, rules))
    return cells


def mismatch(text: str, notebook: Any) -> str:
    """Return how the cells of a notebook differ from those that were run."""
    stored, run = stored_cells(text), executed_cells(notebook)
    return f"{len(run)} run, {len(stored)} in the file"


def is_stripped(cells: list[Cell]) -> bool:
    """Whether a notebook stores no output that a reader sees, as after nbstripout."""
    return any(cell.shown for cell in cells) and not any(cell.stated for cell in cells)


def updated(text: str, cells: list[Cell]) -> str:
    """Return the notebook with the outputs of each cell that disagrees replaced."""
    changed = [cell for cell in cells if not agrees(cell)]
    if not changed:
        return text
    notebook = nbformat.reads(text, 4)
    code = executed_cells(notebook)
    for cell in changed:
        stored = code[cell.fence.meta["index"]]
        stored.outputs = cell.executed.outputs
        stored.execution_count = cell.executed.execution_count
    return f"{nbformat.writes(notebook)}\n"
