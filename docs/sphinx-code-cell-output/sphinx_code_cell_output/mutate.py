"""Alter each digit, sign and word that a site states, one at a time: the checks must notice.

The site is built once, afresh, with Sphinx's doctest builder; or an HTML build of it is reused, and
only its doctests run. Then each statement is altered and compared again with the actual
output, by the functions of the build.

Altered are each digit and each sign in the blocks below cells, in doctests (those of docstrings
too) and, if the site checks them, in the numbers of the prose; and each word of each error message
in the first two.
"""

import argparse
import doctest
import random
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from markdown_it.token import Token
from sphinx.application import Sphinx
from sphinx.ext.doctest import DocTestBuilder, SphinxDocTestRunner, TestGroup
from sphinx.util.docutils import docutils_namespace

from sphinx_code_cell_output.cells import Cell, executed_notebook, lines_of, read
from sphinx_code_cell_output.compare import differences
from sphinx_code_cell_output.prose import claims, computed

ERROR = re.compile(r"^\w*(?:Error|Warning|Exception|Exit|Interrupt)\b.*", re.MULTILINE)


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


class Recorder(SphinxDocTestRunner):
    """A runner that keeps the expected and the actual output of each doctest of a build."""

    kept: list[tuple[str, str, str, int]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._checker = self
        self.place = ""

    def report_start(self, out: Any, test: Any, example: Any) -> None:
        """Store the location of the example."""
        self.place = f"{test.filename}:{(test.lineno or 0) + example.lineno + 1}"
        super().report_start(out, test, example)

    def check_output(self, want: str, got: str, flags: int) -> bool:
        """Compare as doctest does, and store both sides."""
        Recorder.kept.append((self.place, want, got, flags))
        return doctest.OutputChecker().check_output(want, got, flags)

    def output_difference(self, example: Any, got: str, flags: int) -> str:
        """Describe a difference as doctest does."""
        return doctest.OutputChecker().output_difference(example, got, flags)


class RecordingBuilder(DocTestBuilder):
    """Sphinx's doctest builder, with the recorder as its runner."""

    def test_group(self, group: TestGroup) -> bool:
        """Test the doctests of a group."""
        if not isinstance(self.test_runner, Recorder):  # Sphinx makes a runner for each page
            self.test_runner = Recorder(verbose=False, optionflags=self.opt)
            # As Sphinx does: the setup code and the doctests print to the same stream.
            vars(self.test_runner)["_fakeout"] = vars(self.setup_runner)["_fakeout"]
        return super().test_group(group)


class Site(Sphinx):
    """A site that is built with the recording builder in place of the doctest builder."""

    def preload_builder(self, name: str) -> None:
        """Register the builder before Sphinx looks for it."""
        self.setup_extension("sphinx.ext.doctest")
        self.add_builder(RecordingBuilder, override=True)
        super().preload_builder(name)


def in_doctests() -> Iterator[Mutant]:
    """Alter the expected outputs of the doctests of the pages and the docstrings."""

    def refuses(text: str, got: str, flags: int) -> bool:
        return not doctest.OutputChecker().check_output(text, got, flags)

    for place, want, got, flags in Recorder.kept:
        for text, before, after in altered(want):
            yield Mutant(place, before, after, partial(refuses, text, got, flags))


def in_blocks(app: Sphinx) -> Iterator[Mutant]:
    """Alter the blocks below cells."""

    def differs(cell: Cell, block: Token) -> bool:
        return any(differences([replace(cell, block=block)]))

    env: Any = app.env
    for page in sorted(env.found_docs):
        notebook = executed_notebook(env, page)
        text = Path(env.doc2path(page)).read_text("utf-8")
        for cell in read(text, env.myst_config, notebook) if notebook.cells else ():
            if cell.block:
                place = f"{name_of(app, page)}:{lines_of(cell.block)[0] + 1}"
                for new, before, after in altered(cell.block.content):
                    yield Mutant(
                        place, before, after, partial(differs, cell, cell.block.copy(content=new))
                    )


def in_prose(app: Sphinx) -> Iterator[Mutant]:
    """Alter the numbers in sentences, if the site checks them."""

    def is_unknown(text: str, known: set[str]) -> bool:
        return text.removeprefix("+") not in known

    if "sphinx_code_cell_output.prose" not in app.extensions:
        return
    allowed = app.config.code_cell_output_prose_allowed
    for page in sorted(app.env.found_docs):
        doctree = app.env.get_doctree(page)
        known = computed(doctree) | set(allowed)
        for line, number in claims(doctree):
            place = f"{name_of(app, page)}:{line}"
            for text, before, after in () if number in allowed else altered(number, words=False):
                yield Mutant(place, before, after, partial(is_unknown, text, known))


def name_of(app: Sphinx, page: str) -> str:
    """Return the file of a page, relative to the parent of the sources."""
    return Path(app.env.doc2path(page)).relative_to(app.srcdir.parent).as_posix()


def mutants(source: Path, conf: Path, site: Path | None = None) -> list[Mutant]:
    """Run the doctests of an HTML build, or build a site afresh; return every mutant of it."""
    Recorder.kept = []
    # As sphinx-build does: the directives of the site are not left for the next one.
    with docutils_namespace(), tempfile.TemporaryDirectory() as folder:
        html = site or Path(folder, "html")
        app = Site(
            source,
            conf,
            html.with_name("doctest"),  # MyST-NB writes the executed notebooks beside it
            html / ".doctrees",
            "doctest",
            freshenv=site is None,
            status=None,
            warningiserror=True,
        )
        app.build(force_all=site is None)
        if app.statuscode:
            raise SystemExit("the site has problems of its own: build it first")
        return [*in_blocks(app), *in_doctests(), *in_prose(app)]


def main(arguments: list[str] | None = None) -> int:
    """Print how many mutants the checks noticed, and each survivor."""
    parser = argparse.ArgumentParser(
        prog="python -m sphinx_code_cell_output.mutate", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("source", type=Path, help="the folder of the pages")
    parser.add_argument("-c", "--conf", type=Path, help="the folder of conf.py (default: source)")
    parser.add_argument("--sample", type=int, help="take only so many of the mutants")
    parser.add_argument("--seed", type=int, default=0, help="which ones (default: 0)")
    parser.add_argument("--site", type=Path, help="an HTML build of the site (default: build one)")
    options = parser.parse_args(arguments)
    chosen = mutants(options.source, options.conf or options.source, options.site)
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
