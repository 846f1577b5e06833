"""Sphinx's doctest builder, which keeps the expected and the actual output of each doctest."""

import doctest
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sphinx.ext.doctest import DocTestBuilder, SphinxDocTestRunner, TestGroup

from sphinx_code_cell_output.problems import relative
from sphinx_code_cell_output.site import Site


@dataclass
class Ran:
    """An example that was run: its file, its line there, both outputs, and how they compare."""

    path: str
    line: int
    flags: int
    is_error: bool
    stated: str = ""
    shown: str = ""

    def accepts(self, stated: str) -> bool:
        """Whether doctest would accept the output if this was the expected one."""
        check = doctest.OutputChecker().check_output
        if check(stated, self.shown, self.flags):
            return True
        if not (self.is_error and self.flags & doctest.IGNORE_EXCEPTION_DETAIL):
            return False
        strip = vars(doctest)["_strip_exception_details"]
        return check(strip(stated), strip(self.shown), self.flags)


class Recorder(SphinxDocTestRunner):
    """A runner that records each example."""

    def __init__(self, folder: Path, ran: list[Ran], flags: int) -> None:
        super().__init__(verbose=False, optionflags=flags)
        self._checker = self
        self.folder = folder
        self.ran = ran

    def report_start(self, out: Any, test: Any, example: Any) -> None:
        """Record the place of the example."""
        path = (self.folder / test.filename).resolve()
        is_error = example.exc_msg is not None
        line = line_of(path, test.lineno, example)
        self.ran.append(Ran(relative(str(path)), line, self.optionflags, is_error))
        super().report_start(out, test, example)

    def check_output(self, want: str, got: str, flags: int) -> bool:
        """Compare as doctest does, and record both sides."""
        if not self.ran[-1].shown:  # doctest may compare once more, without details
            self.ran[-1] = replace(self.ran[-1], stated=want, shown=got, flags=flags)
        return doctest.OutputChecker().check_output(want, got, flags)

    def report_unexpected_exception(self, out: Any, test: Any, example: Any, exc_info: Any) -> None:
        """Record an exception that the example does not expect."""
        error = f"{exc_info[0].__name__}: {exc_info[1]}\n"
        self.ran[-1] = replace(self.ran[-1], stated=example.want, shown=error)
        super().report_unexpected_exception(out, test, example, exc_info)

    def output_difference(self, example: Any, got: str, flags: int) -> str:
        """Describe a difference as doctest does."""
        return doctest.OutputChecker().output_difference(example, got, flags)


def line_of(path: Path, first: int | None, example: Any) -> int:
    """Return the line of an example: Sphinx knows about that of its block, if any."""
    prompt = f">>> {example.source.splitlines()[0]}"
    lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    found = [number for number, text in enumerate(lines, 1) if text.strip() == prompt]
    known = 0 if first is None else first + example.lineno + 1
    return next((number for number in found if number >= known), known)


class RecordingBuilder(DocTestBuilder):
    """Sphinx's doctest builder, with the recorder as its runner."""

    def init(self) -> None:
        """Begin without records."""
        super().init()
        self.ran: list[Ran] = []

    def test_group(self, group: TestGroup) -> bool:
        """Test the doctests of a group."""
        if not isinstance(self.test_runner, Recorder):  # Sphinx makes a runner for each page
            self.test_runner = Recorder(Path(self.env.srcdir), self.ran, self.opt)
            # As Sphinx does: the setup code and the doctests print to the same stream.
            vars(self.test_runner)["_fakeout"] = vars(self.setup_runner)["_fakeout"]
        return super().test_group(group)


class RecordingSite(Site):
    """A site that is built with the recording builder in place of the doctest builder."""

    def preload_builder(self, name: str) -> None:
        """Register the builder before Sphinx looks for it."""
        self.setup_extension("sphinx.ext.doctest")
        self.add_builder(RecordingBuilder, override=True)
        super().preload_builder(name)
