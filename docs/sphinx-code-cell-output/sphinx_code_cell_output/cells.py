"""The executed cells of a page, each with the output blocks that follow it."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from markdown_it.token import Token

from sphinx_code_cell_output.chart_data import chart_data
from sphinx_code_cell_output.fences import BLOCK, executed_cells, lines_of, matched
from sphinx_code_cell_output.options import Options, Rules, parsed
from sphinx_code_cell_output.outputs import figure_data_of, in_order, shown
from sphinx_code_cell_output.settle import plain, settled
from sphinx_code_cell_output.visible import visible

NONE = Rules()
WRITES = ("%%writefile", "%%file")


@dataclass
class Cell:
    """An executed cell of a page, and the block that states its output, or a part of it."""

    fence: Token
    executed: Any
    block: Token | None = None
    rules: Rules = NONE
    above: Token | None = None  # the block above that of this cell, if there are several
    part: list[Any] | None = None  # the outputs of this block, if there are several

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
    def outputs(self) -> list[Any]:
        """The outputs that a reader sees, in a fixed order."""
        if self.part is None:
            return list(in_order(visible(self.executed, self.rules.nb)))
        return self.part

    @property
    def raw(self) -> str:
        """The output that a reader sees below the cell, before anything is replaced."""
        data = self.options.figure_data
        text = plain("".join(shown(output, figure_data=data) for output in self.outputs))
        if self.executed.source.lstrip().startswith(WRITES):  # it depends on an earlier run
            text = text.replace("Overwriting ", "Writing ", 1)
        return text

    @property
    def shown(self) -> str:
        """The output that is compared."""
        return settled(self.raw, self.rules.replace)

    @property
    def stated(self) -> str:
        """The content of the block."""
        return settled(plain(self.block.content), self.rules.replace) if self.block else ""

    @property
    def option(self) -> str:
        """The text after the name of the block."""
        return self.block.info.removeprefix(BLOCK).strip() if self.block else ""

    @property
    def options(self) -> Options:
        """The options of the block."""
        return parsed(self.option, self.rules)

    @property
    def lacks_figure_data(self) -> bool:
        """Whether the block asks for the data of a figure, and no output has any."""
        drawn = (figure_data_of(one) or chart_data(one.get("data", {})) for one in self.outputs)
        return "figure-data" in self.option and not any(drawn)


def parts(fence: Token, blocks: list[Token], executed: Any, rules: Rules) -> list[Cell]:
    """Return a cell once for each of its blocks: they have an output each, the last has the rest.

    One block, or none, has all outputs.
    """
    if len(blocks) < 2:
        return [Cell(fence, executed, blocks[0] if blocks else None, rules)]
    outputs = [each for each in Cell(fence, executed, rules=rules).outputs if plain(shown(each))]
    ends = [*range(1, len(blocks)), len(outputs)]
    above = [None, *blocks]
    return [
        Cell(fence, executed, block, rules, above[start], outputs[start:end])
        for start, (block, end) in enumerate(zip(blocks, ends, strict=True))
    ]


def read(text: str, config: Any, notebook: Any, rules: Rules | None = None) -> list[Cell]:
    """Return the executed cells of a page; none if the notebook has other cells than the page."""
    match = matched(text, config, notebook)
    pairs = zip(match[1], executed_cells(notebook), strict=True) if match else ()
    return [cell for pair, run in pairs for cell in parts(*pair, run, rules or NONE)]


def execution_of(env: Any, page: str) -> dict[str, Any]:
    """Return MyST-NB's record of the execution of a page; empty if it was not run."""
    data: dict[str, Any] = getattr(env, "nb_metadata", {}).get(page, {}).get("exec_data", {})
    return data


def executed_notebook(env: Any, page: str) -> Any:
    """Return the notebook of a page as MyST-NB executed it; empty if it was not executed."""
    data = execution_of(env, page)
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
