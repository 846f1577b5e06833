"""The result of each block of a build: passed, failed or skipped. Reports and pytest show them."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from sphinx_code_cell_output.cells import Cell, lines_of
from sphinx_code_cell_output.compare import differences
from sphinx_code_cell_output.pages import Page
from sphinx_code_cell_output.problems import Problem, relative
from sphinx_code_cell_output.site import Built


@dataclass
class Result:
    """The result of one block, or of a cell without one, or a problem elsewhere on a page."""

    path: str
    line: int
    name: str
    problems: list[Problem] = field(default_factory=list)
    skipped: str = ""
    by_option: bool = False  # the block itself says that it is not compared
    cell: Cell | None = None

    @property
    def text(self) -> str:
        """The messages of its problems."""
        return "\n".join(problem.message for problem in self.problems)


def covers(cell: Cell, line: int) -> bool:
    """Whether a line is one of a cell or its block."""
    spans = [cell.span, *([lines_of(cell.block)] if cell.block else [])]
    return any(start < line <= end for start, end in spans)


def of_cells(page: Page, problems: list[Problem]) -> Iterator[Result]:
    """Yield a result for each cell that has a block or a problem."""
    path = relative(str(page.path))
    # Of a notebook on one line, problems can't be told apart: they are those of the page.
    known = not page.is_notebook or len({cell.line for cell in page.cells}) == len(page.cells)
    for number, cell in enumerate(page.cells, 1):
        mine = [one for one in problems if known and covers(cell, one.line)]
        if cell.block or mine:
            line = lines_of(cell.block)[0] + 1 if cell.block else cell.line
            result = Result(path, line, f"cell {number}", mine, cell=cell)
            if not mine and cell.options.skip:
                result.skipped, result.by_option = f"skip: {cell.options.skip}", True
            elif not mine and cell.executed.execution_count is None:
                result.skipped = "the cell was not run: one above it failed"
            elif not mine and any(differences([cell])):
                result.skipped = "not compared: a cell of the page failed"
            yield result


def results(built: Built) -> list[Result]:
    """Return the results of a build, in the order of pages and lines."""
    found = []
    rest = list(built.own)
    for page in built.pages():
        path = relative(str(page.path))
        for result in of_cells(page, [one for one in built.own if one.path == path]):
            rest = [problem for problem in rest if problem not in result.problems]
            found.append(result)
    found += [
        Result(one.path, one.line, f"line {one.line}" if one.line else "page", [one])
        for one in rest
    ]
    return sorted(found, key=lambda result: (result.path, result.line))
