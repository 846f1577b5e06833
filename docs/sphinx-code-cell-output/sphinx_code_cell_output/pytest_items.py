"""The pages and blocks that pytest collects: one build of the project gives the results of all."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sphinx.errors import SphinxError

from sphinx_code_cell_output.results import Result, results
from sphinx_code_cell_output.site import Options, built

RESULTS = pytest.StashKey[dict[tuple[Path, Path], list[Result]]]()


class Differs(Exception):  # noqa: N818  # not an error of the program
    """A block differs from the output of its cell."""


class Block(pytest.Item):
    """An output block; its test fails if the build reported a problem of it."""

    def __init__(self, *, result: Result, **options: Any) -> None:
        super().__init__(**options)
        self.result = result

    def runtest(self) -> None:
        """Raise the problems of the block; skip it if its cell did not run."""
        if self.result.problems:
            raise Differs(self.result.text)
        if self.result.skipped:
            pytest.skip(self.result.skipped)

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        """Return the place and the message alone: a traceback would be that of this file."""
        if isinstance(excinfo.value, Differs):
            return f"{self.result.path}:{self.result.line}: {excinfo.value}"
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return the file, the line and the name of the test."""
        return self.path, max(self.result.line - 1, 0), f"{self.path.name}: {self.name}"


class PageFile(pytest.File):
    """A page of a Sphinx project."""

    conf: Path
    source: Path

    def collect(self) -> Iterator[Block]:
        """Yield the blocks of the page; the first page of a project builds it."""
        for result in self.results():
            if Path(result.path).resolve() == self.path:
                name = f"line {result.line}"
                yield Block.from_parent(self, name=name, result=result)

    def results(self) -> list[Result]:
        """Return the results of the project."""
        stash = self.config.stash.setdefault(RESULTS, {})
        place = self.source, self.conf
        if place not in stash:
            pages = [argument.partition("::")[0] for argument in self.config.args]
            only = pages if all(Path(page).is_file() for page in pages) else []
            try:
                # The project's pytest may turn warnings into errors: Sphinx has some of its own.
                with warnings.catch_warnings():
                    warnings.simplefilter("default")
                    with built(Options(*place, pages=only)) as site:
                        stash[place] = results(site)
            except SphinxError as error:
                raise self.CollectError(f"{error.category}: {error}") from error
        return stash[place]


def page_file(path: Path, parent: Any) -> PageFile | None:
    """Return the collector of a page; None if the page is in no Sphinx project."""
    option = parent.config.getoption
    root = parent.config.invocation_params.dir
    above = [folder for folder in path.parents if (folder / "conf.py").is_file()]
    conf = option("code_cell_output_conf") or (above[0] if above else None)
    source = option("code_cell_output_source") or conf
    if conf is None or (root / source) not in path.parents:
        return None
    page: PageFile = PageFile.from_parent(parent, path=path)
    page.conf, page.source = (root / conf).resolve(), (root / source).resolve()
    return page
