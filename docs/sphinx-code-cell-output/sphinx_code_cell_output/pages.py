"""A page of a site that was built: its file, its text, and its executed cells."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sphinx_code_cell_output import cells, fences, notebooks, sources, update
from sphinx_code_cell_output.cells import Cell
from sphinx_code_cell_output.compare import agrees
from sphinx_code_cell_output.options import Rules

# A project's own formats, such as .Rmd, have cells of another form, and no blocks.
WITH_BLOCKS = (".md", ".myst", notebooks.SUFFIX)


@dataclass
class Page:
    """A page, and its executed cells with their blocks; without cells if nothing was executed."""

    name: str
    path: Path
    text: str
    cells: list[Cell]
    in_file: list[Cell] | None  # with their lines in the file; None if the file has other cells
    executed: int = 0
    foreign: int = 0  # the cells that were run, of a format without blocks
    notebook: Any = None  # as it was executed
    starts: list[int] = field(default_factory=list)  # of its cells, if MyST-NB does not know them
    other: str = ""  # the difference between the cells of the page and those that were run

    @property
    def is_notebook(self) -> bool:
        """Whether the page is an .ipynb file."""
        return self.path.suffix == notebooks.SUFFIX

    @property
    def refusal(self) -> str:
        """Why no cell of the page can be compared, if so."""
        return self.other if self.executed and not self.cells else ""

    def line(self, known: int) -> int:
        """Return a line of the page: without a source map, MyST-NB counts 10,000 for each cell."""
        number, offset = divmod(known, 10_000)
        return self.starts[number - 1] + offset if 0 < number <= len(self.starts) else known

    def line_of(self, index: int) -> int:
        """Return the line of a cell by its place in the notebook."""
        executed = self.notebook.cells[index]
        return next((cell.line for cell in self.cells if cell.executed is executed), 1)

    def accept(self, accepted: list[Cell]) -> list[Cell]:
        """Rewrite the blocks of these cells that disagree; return those that the file has not.

        A handler of `source-read` may have added or moved cells. A file that has changed since it
        was read has none of them.
        """
        unchanged = self.path.read_bytes() == self.text.encode()
        in_file = (unchanged and self.in_file) or []
        wanted, known = ({id(one.executed) for one in some} for some in (accepted, in_file))
        if in_file is not self.cells:
            placed = [cell for cell in in_file if id(cell.executed) in wanted]
        else:
            placed = accepted
        write = notebooks.updated if self.is_notebook else update.updated
        if (new := write(self.text, placed)) != self.text:
            self.path.write_bytes(new.encode())
        return [one for one in accepted if id(one.executed) not in known and not agrees(one)]


def read(env: Any, name: str) -> Page:
    """Return a page with the cells of its last execution."""
    path = Path(env.doc2path(name))
    notebook = cells.executed_notebook(env, name)
    if not notebook.cells:
        return Page(name, path, "", [], [])
    data = path.read_bytes()
    text = data.decode()  # keeps the line ends
    rules = Rules.of(env, notebook)
    executed = len(fences.executed_cells(notebook))
    if path.suffix in env.mystnb_config.custom_formats and path.suffix not in WITH_BLOCKS:
        return Page(name, path, text, [], None, foreign=executed)
    if sources.has_changed(env, name, data):
        other = "the file has changed since it was read"
        return Page(name, path, text, [], None, executed, other=other)
    if path.suffix == notebooks.SUFFIX:
        found = notebooks.read(text, notebook, rules)
        other = "" if found else notebooks.mismatch(text, notebook)
        return Page(name, path, text, found, found, executed, notebook=notebook, other=other)
    built = sources.built_text(env, name)
    whole = text if built is None else built
    found = cells.read(whole, env.myst_config, notebook, rules)
    in_file: list[Cell] | None = found
    if built is not None:
        in_file = sources.placed(text, built, env.myst_config, notebook, rules)
    page = Page(name, path, text, found, in_file, executed, notebook=notebook)
    if executed and not found:
        page.other = fences.mismatch(whole, env.myst_config, notebook)
    elif "source_map" not in notebook.metadata:
        page.starts = sources.starts(whole, notebook, found)
    return page
