"""The warnings of a build, as page, line and message: reports and commands need them as data."""

import logging
import os
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sphinx.util.logging import WarningLogRecordTranslator, WarningSuppressor


@dataclass(frozen=True, order=True)
class Problem:
    """A warning: its file, its line (0 if it has none), its message, and its type."""

    path: str
    line: int
    message: str
    kind: str = ""

    @property
    def place(self) -> str:
        """The file and the line, as editors open them."""
        return f"{self.path}:{self.line}" if self.line else self.path


class Collector(logging.Handler):
    """Collects the warnings of a build, as Sphinx locates and suppresses them."""

    def __init__(self, app: Any) -> None:
        super().__init__(logging.WARNING)
        self.problems: list[Problem] = []
        self.filters = [WarningSuppressor(app)]
        self.translator: Any = WarningLogRecordTranslator(app)
        logging.getLogger("sphinx").addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Store a warning once: Sphinx emits those again that it buffered."""
        record = copy(record)
        self.translator.filter(record)
        path, line = split(str(getattr(record, "location", None) or ""))
        kinds = [getattr(record, "type", ""), getattr(record, "subtype", "")]
        kind = ".".join(filter(None, kinds))
        message = logging.LogRecord.getMessage(record)  # without the place
        while message.endswith(f" [{kind}]"):  # added by each translator of the record
            message = message.removesuffix(f" [{kind}]")
        problem = Problem(relative(path), line, message, kind)
        if problem not in self.problems:
            self.problems.append(problem)


def split(place: str) -> tuple[str, int]:
    """Return the file and the line of a place such as `page.md:3`."""
    path, _, line = place.rpartition(":")
    return (path, int(line)) if line.isdecimal() else (place.removesuffix(":"), 0)


def relative(path: str) -> str:
    """Return a path relative to the current folder, if it is below it."""
    return path.removeprefix(f"{Path.cwd()}{os.sep}")
