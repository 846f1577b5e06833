"""Alter each digit, sign and word that a site states, one at a time: the checks must notice.

The site is built once, afresh, with Sphinx's doctest builder; or an HTML build of it is reused, and
only its doctests run. Then each statement is altered and compared again with the actual
output, by the functions of the build.

Altered are each digit, each sign and each word in the blocks below cells and in doctests (those of
docstrings too), and, if the site checks them, the digits and signs of the numbers in the prose.
"""

import random
import re
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

from markdown_it.token import Token
from sphinx.application import Sphinx

from sphinx_code_cell_output.blocks import OTHER_CELLS
from sphinx_code_cell_output.cells import Cell
from sphinx_code_cell_output.compare import differences
from sphinx_code_cell_output.fences import lines_of
from sphinx_code_cell_output.problems import Problem, relative
from sphinx_code_cell_output.prose import claims, computed
from sphinx_code_cell_output.recorder import Ran, RecordingSite
from sphinx_code_cell_output.report import reported
from sphinx_code_cell_output.site import Built, Options, built
from sphinx_code_cell_output.terminal import plural

CHANGES: list[tuple[str, Callable[[str], str]]] = [
    (r"\d", lambda digit: str((int(digit) + 1) % 10)),
    (r"[-+](?=\d)", lambda sign: "+-"[sign == "+"]),
    (r"[^\W\d_]+", lambda word: f"{word}x"),
]


@dataclass
class Mutant:
    """An altered statement, and the check that must notice."""

    place: str
    before: str
    after: str
    check: Callable[[], bool]

    @cached_property
    def killed(self) -> bool:
        """Whether the check notices; it runs only for the mutants of the sample."""
        return self.check()


def altered(text: str, *, words: bool = True) -> Iterator[tuple[str, str, str]]:
    """Yield a text with each digit, sign and word changed."""
    for pattern, change in CHANGES if words else CHANGES[:2]:
        for match in re.finditer(pattern, text):
            (start, end), new = match.span(), change(match[0])
            context = text[:start].rpartition("\n")[2] + text[start:].partition("\n")[0]
            yield text[:start] + new + text[end:], f"{match[0]} in {context.strip()!r}", new


def in_doctests(ran: list[Ran]) -> Iterator[Mutant]:
    """Alter the expected outputs of the doctests of the pages and the docstrings."""

    def refuses(example: Ran, text: str) -> bool:
        return not example.accepts(text)

    for example in ran:
        place = f"{example.path}:{example.line}"
        for text, before, after in altered(example.stated):
            yield Mutant(place, before, after, partial(refuses, example, text))


def in_blocks(site: Built, left_out: set[str]) -> Iterator[Mutant]:
    """Alter the blocks below cells."""

    def differs(cell: Cell, block: Token) -> bool:
        found = differences([replace(cell, block=block)])
        return any(one.subtype == "difference" for one in reported(site.app, found))

    for page in site.pages():
        path = relative(str(page.path))
        for cell in () if path in left_out else page.cells:
            if cell.block and not cell.options.skip:
                place = f"{path}:{lines_of(cell.block)[0] + 1}"
                for new, before, after in altered(cell.block.content):
                    yield Mutant(
                        place, before, after, partial(differs, cell, cell.block.copy(content=new))
                    )


def in_prose(app: Sphinx, left_out: set[str]) -> Iterator[Mutant]:
    """Alter the numbers in sentences, if the site checks them."""

    def is_unknown(text: str, known: set[str]) -> bool:
        return text.removeprefix("+") not in known

    if "sphinx_code_cell_output.prose" not in app.extensions:
        return
    allowed = app.config.code_cell_output_prose_allowed
    for page in sorted(app.env.found_docs):
        path = relative(str(app.env.doc2path(page)))
        if path in left_out:
            continue
        doctree = app.env.get_doctree(page)
        known = computed(doctree) | set(allowed)
        for line, number in claims(doctree):
            place = f"{path}:{line}"
            for text, before, after in () if number in allowed else altered(number, words=False):
                yield Mutant(place, before, after, partial(is_unknown, text, known))


def problems(site: Built, ran: list[Ran]) -> list[Problem]:
    """Return the first problem of each file whose checks fail, so that they notice nothing new."""
    wrong = [Problem(one.path, one.line, "doctest") for one in ran if not one.accepts(one.stated)]
    refused = [
        Problem(relative(str(page.path)), 1, OTHER_CELLS.format("altered", page.refusal))
        for page in site.pages()
        if page.refusal
    ]
    return list({one.path: one for one in [*refused, *wrong, *site.own][::-1]}.values())[::-1]


def mutants(options: Options) -> tuple[list[Mutant], list[Problem]]:
    """Run the doctests of an HTML build, or build a site afresh; return every mutant of it.

    The files with problems are left out: one problem of each is returned.

    Raises:
        SystemExit: A problem is of no file, such as a doctest that did not run.
    """
    with built(options, RecordingSite) as site:
        builder: Any = site.app.builder
        found = problems(site, builder.ran)
        paths = {one.path for one in found}
        if "" in paths:
            message = next(one.message for one in found if not one.path)
            raise SystemExit(f"the site has a problem: {message}")
        doctests = [one for one in builder.ran if one.path not in paths]
        prose = in_prose(site.app, paths)
        return [*in_blocks(site, paths), *in_doctests(doctests), *prose], found


def mutate(arguments: Namespace) -> int:
    """Print how many mutants the checks noticed, each survivor, and each file that was left out."""
    conf = arguments.conf or arguments.source
    chosen, left_out = mutants(
        Options(
            arguments.source,
            conf,
            pages=arguments.page,
            site=arguments.site,
            fresh=arguments.site is None,
            builder="doctest",
        )
    )
    if arguments.sample is not None:
        number = min(arguments.sample, len(chosen))
        chosen = random.Random(arguments.seed).sample(chosen, number)  # noqa: S311  # not a secret
    for problem in left_out:
        print(f"left out: {problem.place}: {problem.message.splitlines()[0]}")
    for mutant in chosen:
        if not mutant.killed:
            print(f"survived: {mutant.place}: {mutant.before} becomes {mutant.after!r}")
    killed = sum(mutant.killed for mutant in chosen)
    out = f", {plural(len(left_out), 'file')} left out" if left_out else ""
    print(f"killed {killed} of {len(chosen)}{out}")
    return int(killed < len(chosen) or not chosen or bool(left_out))
