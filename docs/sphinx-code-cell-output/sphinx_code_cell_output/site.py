"""A build for the commands: the project's own conf.py, in this process, with a progress bar."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

from sphinx_code_cell_output import pages
from sphinx_code_cell_output.problems import Collector, Problem

WIDTH = 20  # of the bar


@dataclass
class Options:
    """The folders of a project, and its pages to build: none for all."""

    source: Path
    conf: Path
    pages: list[str] = field(default_factory=list)
    build: Path | None = None  # the folder of the build, kept; None: a temporary one
    site: Path | None = None  # an HTML build of the project, whose doctrees are used instead
    fresh: bool = True
    jobs: int = 1
    builder: str = "dummy"

    def folders(self, temporary: str) -> tuple[Path, Path]:
        """Return the folders of the output and of the doctrees.

        MyST-NB writes the executed notebooks beside the first. A build of some pages is not kept:
        the next one of all pages would have to read each again.
        """
        if self.site:
            return self.site.with_name(self.builder), self.site / ".doctrees"
        folder = Path(temporary) if self.pages or not self.build else self.build
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".gitignore").write_text("*\n")
        return folder / "out", folder / "doctrees"


class Site(Sphinx):
    """A site whose conf.py need not name the extension."""

    def preload_builder(self, name: str) -> None:
        """Set the extension up after those of conf.py, before its settings are read."""
        self.setup_extension("sphinx_code_cell_output")
        super().preload_builder(name)


@dataclass
class Built:
    """A site that was built, with the warnings of its build."""

    app: Sphinx
    problems: list[Problem]

    @property
    def own(self) -> list[Problem]:
        """The warnings of the checks, without their summary."""
        return [
            problem
            for problem in self.problems
            if problem.kind.partition(".")[0] == "code_cell_output"
            and problem.kind != "code_cell_output.summary"
        ]

    def pages(self) -> Iterator[pages.Page]:
        """Yield each page with executed cells."""
        for name in sorted(self.app.env.found_docs):
            page = pages.read(self.app.env, name)
            if page.executed:
                yield page


class Progress:
    """A bar over the pages of a build, on a terminal alone."""

    def __init__(self, app: Sphinx) -> None:
        self.total = self.done = 0
        if sys.stderr.isatty():
            app.connect("env-before-read-docs", self.begin)
            app.connect("source-read", self.advance)
            app.connect("env-updated", self.end)

    def begin(self, _app: Sphinx, _env: Any, names: list[str]) -> None:
        """Store the number of pages that are read."""
        self.total = len(names)

    def advance(self, _app: Sphinx, name: str, _source: list[str]) -> None:
        """Draw the bar, and the name of the page that is read now."""
        filled = WIDTH * self.done // max(self.total, 1)
        bar = "#" * filled + "." * (WIDTH - filled)
        sys.stderr.write(f"\r\x1b[2K[{bar}] {self.done}/{self.total} {name}")
        sys.stderr.flush()
        self.done += 1

    def end(self, _app: Sphinx, _env: Any) -> None:
        """Remove the bar."""
        sys.stderr.write("\r\x1b[2K")


def page_name(source: Path, page: str) -> str:
    """Return the name of a page that is given by its name, or by its file."""
    path = Path(page).resolve()
    if path.is_file() and source.resolve() in path.parents:
        path = path.relative_to(source.resolve())
        return path.with_suffix("").as_posix()
    return page


def overrides(names: list[str]) -> dict[str, Any]:
    """Return the settings of a build of these pages alone."""
    if not names:
        return {}
    return {"include_patterns": [f"{name}.*" for name in names], "root_doc": names[0]}


@contextmanager
def built(options: Options, application: type[Sphinx] = Site) -> Iterator[Built]:
    """Build a project, or some of its pages, and keep its files until the end of the block.

    Raises:
        SphinxError: The settings, the folders or an extension are at fault.
    """
    with TemporaryDirectory() as temporary, patch_docutils(options.conf), docutils_namespace():
        app = application(
            options.source,
            options.conf,
            *options.folders(temporary),
            options.builder,
            overrides([page_name(options.source, page) for page in options.pages]),
            status=None,
            warning=io.StringIO(),
            freshenv=options.fresh,
            parallel=options.jobs,
        )
        collector = Collector(app)
        Progress(app)
        app.build()
        yield Built(app, collector.problems)
