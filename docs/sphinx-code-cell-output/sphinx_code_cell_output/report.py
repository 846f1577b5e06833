"""The summary after the differences: the machine, and the command that accepts them."""

import platform
from collections.abc import Callable

from sphinx.application import Sphinx
from sphinx.util import import_object, logging

logger = logging.getLogger(__name__)

MACHINE = "sphinx_code_cell_output.report.machine"  # Sphinx calls a default that is callable
UPDATE = "sphinx-build -b dummy -D code_cell_output_update=1 SOURCE OUTPUT"
UNCOMPARED = {
    "unrun_outputs": "output blocks not compared, because their cells were not run: %d",
    "cached_outputs": "output blocks compared with outputs from MyST-NB's cache, not run: %d",
}


def machine() -> str:
    """Return the Python and the operating system of this machine."""
    return f"Python {platform.python_version()}, {platform.platform()}"


def total(app: Sphinx, kind: str) -> int:
    """Return the sum of a count over all pages."""
    return sum(int(page.get(kind, 0)) for page in app.env.metadata.values())


def summarize(app: Sphinx, error: Exception | None) -> None:
    """Warn once of all differences: a log from another machine must name its facts."""
    if error:
        return
    for kind, message in UNCOMPARED.items():
        if number := total(app, kind):
            logger.info(message, number)
    differing = total(app, "differing_cells")
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
        type="code_cell_output",
        subtype="summary",
    )
