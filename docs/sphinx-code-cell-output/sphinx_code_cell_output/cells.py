"""Doctests for executable cells: what a `{code-cell}` shows is stated below it, and compared.

A `{code-cell-output}` block directly after a cell states its output. Whenever a page is read, in
every builder, what the cell has just shown is compared with what the block says; a difference is a
warning with the page, the line and a diff. The block itself is not rendered: the reader of the site
sees the live output, the reader of the Markdown file sees the block.
"""

import difflib
import io
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import nbformat
from docutils import nodes
from jupyter_cache import get_cache
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from myst_parser.parsers.mdit import create_md_parser
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata

logger = logging.getLogger(__name__)

CELL, BLOCK = "{code-cell}", "{code-cell-output}"
HIDDEN = {"remove-output", "remove_output", "remove-cell", "remove_cell"}
NUMBER = re.compile(r"-?\d+(?:\.\d*)?(?:e[-+]?\d+)?")
# Where a warning comes from differs from run to run and from machine to machine.
PLACE = re.compile(r"^.*\.py:\d+: (?=\w+: )| \([^()\n]* at /\S+:\d+\.\)", re.MULTILINE)
# The line of code that follows the text of a warning, which may have several lines itself.
CODE = re.compile(r"^(.*\.py:\d+: \w+: .*\n(?:(?!  |.*\.py:\d+: \w+: ).*\n)*)  .*\n?", re.MULTILINE)


def shown(output: Any) -> str:
    """Return one output of a cell as text: a picture, or the like, by the name of its kind."""
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
    """Put stderr behind stdout: which of the two arrives first is left to chance."""
    for streams, group in groupby(outputs, lambda output: output.output_type == "stream"):
        run = list(group)
        if streams:
            run.sort(key=lambda output: output.name == "stderr")
        yield from run


def plain(text: str) -> str:
    """Return a text without trailing blanks."""
    return "\n".join(line.rstrip() for line in text.splitlines()).rstrip()


def same(stated: str, found: str, *, digits: bool) -> bool:
    """Compare to the letter; with `digits`, compare numbers to the digits stated."""
    if not digits:
        return stated == found
    pairs = zip(NUMBER.findall(stated), NUMBER.findall(found), strict=False)
    return NUMBER.split(stated) == NUMBER.split(found) and all(rounds_to(*p) for p in pairs)


def rounds_to(stated: str, found: str) -> bool:
    """Whether a number is the stated one, as far as that is written. Whole numbers are exact."""
    if not re.search(r"\.\d|e", stated):
        return stated == found
    unit = Decimal(1).scaleb(int(Decimal(stated).as_tuple().exponent))
    return abs(Decimal(stated) - Decimal(found)) <= unit / 2


@dataclass
class Cell:
    """A cell of a page, as it was executed, and the block that follows it."""

    fence: Token
    executed: Any
    block: Token | None = None

    @property
    def line(self) -> int:
        """The line on which the cell starts."""
        return self.fence.map[0] + 1

    @property
    def tags(self) -> set[str]:
        """The tags of the cell."""
        return set(self.executed.metadata.get("tags", ()))

    @property
    def error(self) -> str:
        """The last line of what the cell raised, if it raised."""
        outputs = self.executed.outputs
        return next((shown(output) for output in outputs if output.output_type == "error"), "")

    @property
    def shown(self) -> str:
        """All that a reader sees below the cell."""
        return (
            ""
            if self.tags & HIDDEN
            else plain("".join(map(shown, in_order(self.executed.outputs))))
        )

    @property
    def option(self) -> str:
        """What stands behind the name of the block."""
        return self.block.info.removeprefix(BLOCK).strip() if self.block else ""

    @property
    def agrees(self) -> bool:
        """Whether the cell shows what its block states."""
        stated = plain(self.block.content) if self.block else ""
        return same(stated, self.shown, digits=self.option == "digits")


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


def failure(cells: list[Cell], *, stopped: bool) -> Iterator[tuple[int, str]]:
    """Yield the cell that failed, or did not come to its end: nothing after it has run at all."""
    for cell in cells:
        if cell.error and "raises-exception" not in cell.tags:
            yield cell.line, f"the cell failed: {cell.error}"
            return
    if stopped and cells:
        begun = [cell for cell in cells if cell.executed.execution_count is not None]
        yield (begun or cells[:1])[-1].line, "the cell did not finish"


def differences(cells: list[Cell]) -> Iterator[tuple[int, str]]:
    """Yield each cell that does not show what its block states."""
    for cell in cells:
        line = cell.block.map[0] + 1 if cell.block else cell.line
        if "raises-exception" in cell.tags and not cell.error:
            yield cell.line, "the cell is tagged raises-exception, and raises nothing"
        if cell.option not in ("", "digits"):
            yield line, f"expected no option, or 'digits', got {cell.option!r}"
        elif cell.shown and not cell.block:
            yield line, f"the cell shows what no block states:\n{cell.shown}"
        elif cell.block and not cell.shown:
            yield line, "the cell of this block shows nothing"
        elif not cell.agrees:
            stated, found = plain(cell.block.content).splitlines(), cell.shown.splitlines()
            diff = difflib.unified_diff(stated, found, "stated", "shown", lineterm="")
            yield line, "the cell shows something else:\n" + "\n".join(diff)


def updated(text: str, cells: list[Cell]) -> str:
    """Return the page with each block that disagrees rewritten, added, or taken away."""
    lines = io.StringIO(text, newline="").readlines()  # split where Markdown does, not at \f
    end = "\r\n" if "\r\n" in text else "\n"
    for cell in reversed(cells):
        if cell.agrees:
            continue
        longest = max([2, *map(len, re.findall(r"`+", cell.shown))])
        fence = "`" * (longest + 1)
        block = f"{fence}{f'{BLOCK} {cell.option}'.strip()}\n{cell.shown}\n{fence}\n"
        block = block.replace("\n", end)
        after = cell.fence.map[1]
        if not cell.block:
            lines[after:after] = [end, block]
        elif cell.shown:
            lines[slice(*cell.block.map)] = [block]
        else:
            del lines[after : cell.block.map[1]]
    return "".join(lines)


class Mark(nodes.Invisible, nodes.Element):
    """The place of a block, until its page is compared."""


class CodeCellOutput(SphinxDirective):
    """State what the cell above shows."""

    has_content = True
    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Leave a mark, to find the blocks that stand where no cell is executed."""
        mark = Mark()
        self.set_source_info(mark)
        return [mark]


def merge_streams(_app: Sphinx, _env: BuildEnvironment, pages: list[str]) -> None:
    """Have each stream of a cell once: the kernel sends pieces, in the midst of a line too."""
    if pages:
        import jupyter_cache.executors.utils as executors  # noqa: PLC0415  # only now needed

        executors.executenb = partial(executors.executenb, coalesce_streams=True)


def executed_notebook(env: BuildEnvironment, page: str) -> Any:
    """Return a page as MyST-NB executed it; empty if it did not."""
    data = getattr(env, "nb_metadata", {}).get(page, {}).get("exec_data")
    if not data:
        return nbformat.v4.new_notebook()
    config = env.mystnb_config
    notebook = nbformat.read(Path(config.output_folder, f"{page}.ipynb"), 4)
    if data["method"] == "cache":  # what MyST-NB takes from there, it does not write
        with suppress(KeyError):  # a page that failed is not there
            cache = get_cache(config.execution_cache_path)
            notebook = cache.merge_match_into_notebook(notebook)[1]
    return notebook


def check(app: Sphinx, doctree: nodes.document) -> None:
    """Compare the page that has just been read."""
    env, path = app.env, Path(app.env.doc2path(app.env.docname))
    notebook = executed_notebook(env, env.docname)
    cells: list[Cell] = []
    found: list[tuple[int, str]] = []
    if notebook.cells:
        text = path.read_bytes().decode()  # with the ends of its lines
        cells = read(text, env.myst_config, notebook)
        stopped = not env.nb_metadata[env.docname]["exec_data"]["succeeded"]
        found = list(failure(cells, stopped=stopped))
        if app.config.code_cell_output_update and not found:
            if (new := updated(text, cells)) != text:
                path.write_bytes(new.encode())
        elif not found:
            found = list(differences(cells))
    # MyST-NB counts the lines after a cell as if one blank line stood there, however many do.
    blocks = {(str(path), cell.fence.map[1] + 2) for cell in cells if cell.block}
    for mark in list(doctree.findall(Mark)):
        if (mark.source, mark.line) not in blocks:
            found.append((mark.line, "this block does not follow a cell"))
        mark.parent.remove(mark)
    if found:
        env.note_reread()  # until it agrees, a build that finds nothing changed compares it again
    for line, message in found:
        logger.warning(message, location=(env.docname, line), type="code_cell_output")
    stated = sum(cell.block is not None for cell in cells)
    env.metadata[env.docname].update(checked_cells=len(cells), checked_outputs=stated)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive and the comparison."""
    app.add_config_value("code_cell_output_update", default=False, rebuild="env", types=bool)
    app.add_directive("code-cell-output", CodeCellOutput)
    app.connect("doctree-read", check)
    app.connect("env-before-read-docs", merge_streams)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
