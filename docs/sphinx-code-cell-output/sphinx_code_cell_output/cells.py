"""The executed cells of a page, each with the output block that follows it."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import nbformat
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from myst_parser.parsers.mdit import create_md_parser

CELL, BLOCK = "{code-cell}", "{code-cell-output}"
HIDDEN = {"remove-output", "remove_output", "remove-cell", "remove_cell"}
# The place of a warning differs between runs and machines.
PLACE = re.compile(r"^.*\.py:\d+: (?=\w+: )| \([^()\n]* at /\S+:\d+\.\)", re.MULTILINE)
# The line of code after the text of a warning; the text itself may have several lines.
CODE = re.compile(r"^(.*\.py:\d+: \w+: .*\n(?:(?!  |.*\.py:\d+: \w+: ).*\n)*)  .*\n?", re.MULTILINE)


def shown(output: Any) -> str:
    """Return one output of a cell as text; a picture or other rich output as its kind."""
    if output.output_type == "error":
        text = f"{output.ename}: {output.evalue}"
    elif output.output_type == "stream":
        text = (
            PLACE.sub("", CODE.sub(r"\1", output.text)) if output.name == "stderr" else output.text
        )
    else:
        kinds = [kind for kind in output.data if not kind.startswith("application/papermill")]
        rich = [kind for kind in kinds if kind != "text/plain"]
        if any(kind.startswith("image/") for kind in rich):
            text = "<figure>"
        else:
            text = f"<{rich[0]}>" if rich else output.data[kinds[0]] if kinds else ""
    return text if not text or text.endswith("\n") else text + "\n"


def in_order(outputs: list[Any]) -> Iterator[Any]:
    """Put stderr after stdout: their order of arrival is random."""
    for streams, group in groupby(outputs, lambda output: output.output_type == "stream"):
        run = list(group)
        if streams:
            run.sort(key=lambda output: output.name == "stderr")
        yield from run


def plain(text: str) -> str:
    """Return a text without trailing blanks."""
    return "\n".join(line.rstrip() for line in text.splitlines()).rstrip()


@dataclass
class Cell:
    """An executed cell of a page, and the block that follows it."""

    fence: Token
    executed: Any
    block: Token | None = None

    @property
    def span(self) -> tuple[int, int]:
        """The lines of the cell, counted from 0: the first, and the one after the last."""
        return lines_of(self.fence)

    @property
    def line(self) -> int:
        """The line on which the cell starts."""
        return self.span[0] + 1

    @property
    def tags(self) -> set[str]:
        """The tags of the cell."""
        return set(self.executed.metadata.get("tags", ()))

    @property
    def error(self) -> str:
        """The last line of the error that the cell raised, if any."""
        outputs = self.executed.outputs
        return next((shown(output) for output in outputs if output.output_type == "error"), "")

    @property
    def shown(self) -> str:
        """The output that a reader sees below the cell."""
        if self.tags & HIDDEN:
            return ""
        return plain("".join(map(shown, in_order(self.executed.outputs))))

    @property
    def stated(self) -> str:
        """The content of the block."""
        return plain(self.block.content) if self.block else ""

    @property
    def option(self) -> str:
        """The option after the name of the block."""
        return self.block.info.removeprefix(BLOCK).strip() if self.block else ""


def lines_of(token: Token) -> tuple[int, int]:
    """Return the lines of a fence, counted from 0: the first, and the one after the last."""
    start, end = token.map or (0, 0)
    return start, end


def read(text: str, config: Any, notebook: Any) -> list[Cell]:
    """Return the executed cells of a page, each with the block that follows it directly."""
    config = replace(config, disable_syntax=[*config.disable_syntax, "inline"])
    executed = iter(cell for cell in notebook.cells if cell.cell_type == "code")
    cells: list[Cell] = []
    last = None
    for token in create_md_parser(config, RendererHTML).parse(f"{text}\n"):
        if token.level == 0 and token.type == "fence":
            if token.info.startswith(BLOCK) and cells and cells[-1].fence is last:
                cells[-1].block = token
            elif token.info.startswith(CELL):
                cells.append(Cell(token, next(executed)))
        last = token
    return cells


def executed_notebook(env: Any, page: str) -> Any:
    """Return the notebook of a page as MyST-NB executed it; empty if it was not executed."""
    data = getattr(env, "nb_metadata", {}).get(page, {}).get("exec_data")
    if not data:
        return nbformat.v4.new_notebook()
    config = env.mystnb_config
    notebook = nbformat.read(Path(config.output_folder, f"{page}.ipynb"), 4)
    if data["method"] == "cache":  # MyST-NB does not write outputs from its cache to files
        from jupyter_cache import get_cache  # noqa: PLC0415  # imports SQLAlchemy

        with suppress(KeyError):  # a page that failed is not cached
            cache = get_cache(config.execution_cache_path)
            notebook = cache.merge_match_into_notebook(notebook)[1]
    return notebook
