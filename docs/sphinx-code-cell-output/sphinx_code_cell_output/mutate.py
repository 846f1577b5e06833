"""Alter what the site states, one digit, sign or word at a time, and see that its checks notice.

The site is built once, afresh. Then each statement is altered and compared again, by the functions
that the build compares with, with what the page has just shown. Nothing is executed twice.

Altered are: each digit and each sign in the blocks below cells, in doctests (those of docstrings
too) and in the numbers of the prose; and each word of each error message in the first two.
"""

import argparse
import doctest
import random
import re
import sys
import tempfile
from collections.abc import Iterator
from copy import copy
from pathlib import Path
from typing import Any, NamedTuple

import sphinx.ext.doctest
from sphinx.application import Sphinx

from sphinx_code_cell_output import cells, prose

ROOT = Path(__file__).parents[3]
ERROR = re.compile(r"^\w*(?:Error|Warning|Exception|Exit|Interrupt)\b.*", re.MULTILINE)


class Mutant(NamedTuple):
    """An altered statement, and whether the checks noticed."""

    place: str
    before: str
    after: str
    killed: bool


def altered(text: str, *, words: bool = True) -> Iterator[tuple[str, str, str]]:
    """Yield a text with each digit and sign changed, and each word of each error message."""
    changes = [(m.span(), str((int(m[0]) + 1) % 10)) for m in re.finditer(r"\d", text)]
    changes += [(m.span(), "+-"[m[0] == "+"]) for m in re.finditer(r"[-+](?=\d)", text)]
    for line in ERROR.finditer(text) if words else ():
        for word in re.finditer(r"[A-Za-z]+", line[0]):
            start = line.start() + word.start()
            changes.append(((start, start + len(word[0])), word[0] + "x"))
    for (start, end), new in changes:
        context = text[:start].rpartition("\n")[2] + text[start:].partition("\n")[0]
        yield text[:start] + new + text[end:], f"{text[start:end]} in {context.strip()!r}", new


class Recorder(sphinx.ext.doctest.SphinxDocTestRunner):
    """Keep what each doctest of the build was compared with."""

    kept: list[tuple[str, str, str, int]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._checker = self
        self.place = ""

    def report_start(self, out: Any, test: Any, example: Any) -> None:
        """Note where the example stands."""
        self.place = f"{test.filename}:{(test.lineno or 0) + example.lineno + 1}"
        super().report_start(out, test, example)

    def check_output(self, want: str, got: str, flags: int) -> bool:
        """Compare as ever, and keep both sides."""
        Recorder.kept.append((self.place, want, got, flags))
        return doctest.OutputChecker().check_output(want, got, flags)

    def output_difference(self, example: Any, got: str, flags: int) -> str:
        """Describe a difference as ever."""
        return doctest.OutputChecker().output_difference(example, got, flags)


def in_doctests() -> Iterator[Mutant]:
    """Alter what the doctests of the pages and the docstrings expect."""
    check = doctest.OutputChecker().check_output
    for place, want, got, flags in Recorder.kept:
        for text, before, after in altered(want):
            yield Mutant(place, before, after, not check(text, got, flags))


def in_blocks(app: Sphinx) -> Iterator[Mutant]:
    """Alter what the blocks below cells state."""
    for page in sorted(app.env.found_docs):
        path = Path(app.env.doc2path(page))
        notebook = cells.executed_notebook(app.env, page)
        for cell in cells.read(path.read_text("utf-8"), app.env.myst_config, notebook):
            if not cell.block:
                continue
            stated = cell.block.content
            for text, before, after in altered(stated):
                cell.block = copy(cell.block)
                cell.block.content = text
                place = f"{path.relative_to(ROOT)}:{cell.block.map[0] + 1}"
                yield Mutant(place, before, after, any(cells.differences([cell])))


def in_prose(app: Sphinx) -> Iterator[Mutant]:
    """Alter the numbers that stand in sentences."""
    for page in sorted(app.env.found_docs):
        doctree = app.env.get_doctree(page)
        known = prose.computed(doctree) | set(app.config.prose_numbers_allowed)
        for line, number in prose.claims(doctree):
            if number not in app.config.prose_numbers_allowed:
                for text, before, after in altered(number, words=False):
                    place = f"docs/{page}.md:{line}"
                    yield Mutant(place, before, after, text.removeprefix("+") not in known)


def mutants() -> list[Mutant]:
    """Build the site, and return every mutant of it."""
    Recorder.kept = []
    sphinx.ext.doctest.SphinxDocTestRunner = Recorder  # type: ignore[misc]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "doctest")
        app = Sphinx(
            ROOT / "docs",
            ROOT,
            out,
            out / ".doctrees",
            "doctest",
            freshenv=True,
            status=None,
            warningiserror=True,
        )
        app.build(force_all=True)
        if app.statuscode:
            raise SystemExit("the site has problems of its own: build it first")
        return [*in_blocks(app), *in_doctests(), *in_prose(app)]


def main() -> int:
    """Report how many mutants the checks noticed, and each that they did not."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sample", type=int, help="take only so many of the mutants")
    parser.add_argument("--seed", type=int, default=0, help="which ones (default: 0)")
    options = parser.parse_args()
    chosen = mutants()
    if options.sample is not None:
        chosen = random.Random(options.seed).sample(chosen, options.sample)
    for mutant in chosen:
        if not mutant.killed:
            print(f"survived: {mutant.place}: {mutant.before} becomes {mutant.after!r}")
    killed = sum(mutant.killed for mutant in chosen)
    print(f"killed {killed} of {len(chosen)}")
    return int(killed < len(chosen) or not chosen)


if __name__ == "__main__":
    sys.exit(main())
