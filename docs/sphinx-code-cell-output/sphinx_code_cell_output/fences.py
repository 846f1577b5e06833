"""The fences of a page that are its cells, as MyST-NB reads them, or as jupytext does."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import takewhile
from typing import Any

from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from myst_parser.parsers.mdit import create_md_parser

CELL, BLOCK = "{code-cell}", "{code-cell-output}"

Found = list[tuple[Token, list[Token]]]  # each cell, with the blocks that follow it directly
Reading = Callable[[str], Found]


def lines_of(token: Token) -> tuple[int, int]:
    """Return the lines of a fence, counted from 0: the first, and the one after the last."""
    start, end = token.map or (0, 0)
    return start, end


def fences(text: str, config: Any, *, languages: bool = False) -> Found:
    """Return the cells of a page, or with `languages` all fences that name one, and the cells."""
    config = replace(config, disable_syntax=[*config.disable_syntax, "inline"])
    found: Found = []
    last = None
    for token in create_md_parser(config, RendererHTML).parse(f"{text}\n"):
        if token.level == 0 and token.type == "fence":
            if token.info.startswith(BLOCK) and found and last is [found[-1][0], *found[-1][1]][-1]:
                found[-1][1].append(token)
            elif token.info.startswith(CELL) or (languages and token.info[:1].isalpha()):
                found.append((token, []))
        last = token
    return found


def readings(config: Any, notebook: Any) -> Iterator[Reading]:
    """Yield the ways to find the cells of a page, by the most to the least certain one.

    MyST-NB's own reader stores a source map. Jupytext, which `nb_custom_formats` may name, stores
    none; it knows no directives between colons, so that it runs the cells in them, and one of its
    formats marks cells by the name of their language.
    """
    yield partial(fences, config=config)
    if "source_map" not in notebook.metadata:
        plain = replace(config, enable_extensions={*config.enable_extensions} - {"colon_fence"})
        yield partial(fences, config=plain)
        yield partial(fences, config=plain, languages=True)


def matched(text: str, config: Any, notebook: Any) -> tuple[Reading, Found] | None:
    """Return the fences of a page that were run, and how they are found; None if not certain."""
    executed = executed_cells(notebook)
    for reading in readings(config, notebook):
        found = reading(text)
        at = [*range(len(found))] if have_run(found, executed) else chosen(found, executed)
        if at is not None:
            return reading, [found[place] for place in at]
    return None


def have_run(found: Found, executed: list[Any]) -> bool:
    """Whether these cells are those that were run."""
    pairs = zip(found, executed, strict=False)
    return len(found) == len(executed) and all(is_code_of(cell, run) for (cell, _), run in pairs)


def chosen(found: Found, executed: list[Any]) -> list[int] | None:
    """Return the places of the fences that were run, among those that name a language."""
    if all(fence.info.startswith(CELL) for fence, _ in found):
        return None
    return only_places([run.source for run in executed], [code_of(fence) for fence, _ in found])


def code_of(fence: Token) -> str:
    """Return the code of a fence, without its last line end."""
    return "\n".join(fence.content.splitlines())


def is_code_of(fence: Token, executed: Any) -> bool:
    """Whether a fence has the code that was executed, below its options, or loads it."""
    return "load" in executed.metadata or code_of(fence).endswith(executed.source)


def mismatch(text: str, config: Any, notebook: Any) -> str:
    """Return how the cells of a page differ from those that were run."""
    found, executed = fences(text, config), executed_cells(notebook)
    same = takewhile(
        lambda pair: is_code_of(pair[0][0], pair[1]), zip(found, executed, strict=False)
    )
    first = len(list(same))
    numbers = f"{len(executed)} run, {len(found)} in the file"
    if first == len(executed):
        return f"{numbers}: that on line {lines_of(found[first][0])[0] + 1} was not run"
    code = executed[first].source.partition("\n")[0]
    if first == len(found):
        return f"{numbers}: not in it is {code!r}"
    return f"{numbers}: on line {lines_of(found[first][0])[0] + 1}, {code!r} was run"


def executed_cells(notebook: Any) -> list[Any]:
    """Return the code cells of a notebook."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def only_places(part: list[str], whole: list[str]) -> list[int] | None:
    """Return where the items of a list are in a longer one, in order; None unless unambiguous."""
    first = list(places(part, whole))
    last = [len(whole) - 1 - place for place in places(part[::-1], whole[::-1])][::-1]
    return first if first == last and len(first) == len(part) else None


def places(part: list[str], whole: list[str]) -> Iterator[int]:
    """Yield the first place of each item, after that of the item before."""
    rest = enumerate(whole)
    for item in part:
        for place, other in rest:
            if other == item:
                yield place
                break
