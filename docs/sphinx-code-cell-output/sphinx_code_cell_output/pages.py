"""A page of a site that was built: its file, its text, and its executed cells."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sphinx_code_cell_output import cells, notebooks, update
from sphinx_code_cell_output.cells import Cell


@dataclass
class Page:
    """A page, and its executed cells with their blocks; without cells if nothing was executed."""

    name: str
    path: Path
    text: str
    cells: list[Cell]

    @property
    def is_notebook(self) -> bool:
        """Whether the page is an .ipynb file."""
        return self.path.suffix == notebooks.SUFFIX

    def accept(self, accepted: list[Cell]) -> None:
        """Rewrite the blocks of these cells if they disagree."""
        write = notebooks.updated if self.is_notebook else update.updated
        if (new := write(self.text, accepted)) != self.text:
            self.path.write_bytes(new.encode())


def read(env: Any, name: str) -> Page:
    """Return a page as it is on disk, with the cells of its last execution."""
    path = Path(env.doc2path(name))
    notebook = cells.executed_notebook(env, name)
    text, found = "", []
    if notebook.cells:
        text = path.read_bytes().decode()  # keeps the line ends
        if path.suffix == notebooks.SUFFIX:
            found = notebooks.read(text, notebook)
        else:
            found = cells.read(text, env.myst_config, notebook)
    return Page(name, path, text, found)
