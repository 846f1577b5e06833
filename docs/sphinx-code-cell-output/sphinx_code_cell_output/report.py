"""The summary after the differences: the machine, and the command that accepts them."""

import platform
from collections.abc import Callable, Iterable

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import import_object, logging
from sphinx.util.logging import is_suppressed_warning

from sphinx_code_cell_output.compare import Finding

logger = logging.getLogger(__name__)

TYPE = "code_cell_output"  # of all warnings
MACHINE = "sphinx_code_cell_output.report.machine"  # Sphinx calls a default that is callable
UPDATE = "sphinx-build -b dummy -D code_cell_output_update=1 SOURCE OUTPUT"
LOOSE = {
    "unrun_outputs": "output blocks not compared, because their cells were not run: %d",
    "foreign_cells": "cells not compared, because the format of their page has no blocks: %d",
    "checked_skipped": "output blocks not compared, because of their option skip: %d",
    "cached_outputs": "output blocks compared with outputs from MyST-NB's cache, not run: %d",
    "checked_replaced": "output blocks in which code_cell_output_replace acts: %d",
}


def machine() -> str:
    """Return the Python and the operating system of this machine."""
    return f"Python {platform.python_version()}, {platform.platform()}"


def total(env: BuildEnvironment, kind: str) -> int:
    """Return the sum of a count over all pages."""
    return sum(int(env.metadata[page].get(kind, 0)) for page in env.found_docs)


def loose(app: Sphinx, kinds: Iterable[str] = LOOSE) -> list[str]:
    """Return a line for each kind of block that was not compared in full, if there are any."""
    return [LOOSE[kind] % number for kind in kinds if (number := total(app.env, kind))]


def reported(app: Sphinx, findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings that the site reports: `suppress_warnings` turns others off."""
    off = app.config.suppress_warnings
    return [one for one in findings if not is_suppressed_warning(TYPE, one.subtype, off)]


def summarize(app: Sphinx, error: Exception | None) -> None:
    """Warn once of all differences: a log from another machine must name its facts."""
    if error:
        return
    for line in loose(app):
        logger.info("%s", line)
    differing = total(app.env, "differing_cells")
    if not differing:
        return
    named = app.config.code_cell_output_machine
    describe: Callable[[], str] = import_object(named) if isinstance(named, str) else named
    logger.warning(
        "differences between cells and their blocks: %d; this machine: %s\n"
        "If the new output is right, rewrite the blocks: %s",
        differing,
        describe(),
        app.config.code_cell_output_update_command,
        type=TYPE,
        subtype="summary",
    )
