"""The result of each block of a build: passed, failed or skipped. Reports and pytest show them."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from sphinx.application import Sphinx

from sphinx_code_cell_output.blocks import OTHER_CELLS
from sphinx_code_cell_output.cells import Cell
from sphinx_code_cell_output.compare import differences
from sphinx_code_cell_output.fences import lines_of
from sphinx_code_cell_output.pages import Page
from sphinx_code_cell_output.problems import Problem, relative
from sphinx_code_cell_output.report import TYPE, reported
from sphinx_code_cell_output.site import Built


@dataclass
class Result:
    """The result of one block, or of a cell without one, or a problem elsewhere on a page."""

    path: str
    line: int
    name: str
    problems: list[Problem] = field(default_factory=list)
    skipped: str = ""
    by_choice: bool = False  # of the project: skipping it is no failure
    cell: Cell | None = None
    page: Page | None = None

    @property
    def text(self) -> str:
        """The messages of its problems."""
        return "\n".join(problem.message for problem in self.problems)


def covers(cell: Cell, line: int) -> bool:
    """Whether a line is one of a cell or its block."""
    spans = [cell.span, *([lines_of(cell.block)] if cell.block else [])]
    return any(start < line <= end for start, end in spans)


def of_cells(page: Page, problems: list[Problem], app: Sphinx) -> Iterator[Result]:
    """Yield a result for each cell that has a block or a problem."""
    path = relative(str(page.path))
    # Of a notebook on one line, problems can't be told apart: they are those of the page.
    known = not page.is_notebook or len({cell.line for cell in page.cells}) == len(page.cells)
    for number, cell in enumerate(page.cells, 1):
        mine = [one for one in problems if known and covers(cell, one.line)]
        if cell.block or mine:
            line = lines_of(cell.block)[0] + 1 if cell.block else cell.line
            result = Result(path, line, f"cell {number}", mine, cell=cell, page=page)
            if not mine:
                result.skipped, result.by_choice = reason_to_skip(cell, app)
            yield result


def reason_to_skip(cell: Cell, app: Sphinx) -> tuple[str, bool]:
    """Return why a block without a problem was not compared, if so; and whether by choice."""
    if cell.options.skip:
        return f"skip: {cell.options.skip}", True
    if cell.executed.execution_count is None:
        return "the cell was not run: one above it failed", False
    found = [one for one in differences([cell]) if one.subtype != "raises"]
    if reported(app, found):
        return "not compared: a cell of the page failed", False
    kinds = ", ".join(f"{TYPE}.{one.subtype}" for one in found)
    return (f"suppress_warnings: {kinds}", True) if kinds else ("", False)


def not_run(built: Built) -> Iterator[Result]:
    """Yield a result for each block that is not run, and each page that can have none."""
    env = built.app.env
    for page, meta in env.metadata.items():
        path = relative(str(env.doc2path(page)))
        for line in meta.get("unrun_lines", ()):
            reason = "its page is not run"
            yield Result(path, line, f"line {line}", skipped=reason, by_choice=True)
        if number := meta.get("foreign_cells"):
            reason = f"{number} cells: the format of the page has no blocks"
            yield Result(path, 1, "page", skipped=reason, by_choice=True)


def results(built: Built) -> list[Result]:
    """Return the results of a build, in the order of pages and lines."""
    found = [*not_run(built)]
    rest = list(built.own)
    for page in built.pages():
        path = relative(str(page.path))
        mine = [one for one in built.own if one.path == path]
        if page.refusal and not mine:  # the file has changed since its page was read
            rest.append(Problem(path, 1, OTHER_CELLS.format("compared", page.refusal)))
        for result in of_cells(page, mine, built.app):
            rest = [problem for problem in rest if problem not in result.problems]
            found.append(result)
    found += [
        Result(one.path, one.line, f"line {one.line}" if one.line else "page", [one])
        for one in rest
    ]
    return sorted(found, key=lambda result: (result.path, result.line))
