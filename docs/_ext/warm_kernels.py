"""Kernels that start with their imports done.

Each page still has a kernel of its own, and shares no name with another. But all are forked from
one process, which has imported once what they want. `warm_kernels = {"numpy": 1, "sympy": 3}` in
conf.py: numpy always, and sympy where at least three pages are run, because few of them need it.
Name what starts no thread, and what does not change between two builds of one process.
"""

import multiprocessing
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import forkserver
from types import ModuleType
from unittest.mock import patch

from sphinx.application import ENV_PICKLE_FILENAME, Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.typing import ExtensionMetadata

KERNEL = ["ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.debugger"]
# What ipykernel sets for itself, but matplotlib must know when it is imported; and its debugger,
# which nobody uses here, need not warn that the interpreter has its modules frozen.
ENVIRONMENT = {
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}


@contextmanager
def apart() -> Iterator[None]:
    """Start a process that does not first run Sphinx: its program is nothing to a kernel."""
    nothing = {"__main__": ModuleType("__main__")}
    with patch.dict(sys.modules, nothing), patch.dict(os.environ, ENVIRONMENT):
        yield


def edited(app: Sphinx) -> int:
    """Guess how many pages will run: those younger than what is kept of the last build."""
    kept = app.doctreedir / ENV_PICKLE_FILENAME
    last = kept.stat().st_mtime if kept.exists() else 0
    return sum(page.stat().st_mtime > last for page in app.srcdir.rglob("*.md"))


def start(app: Sphinx, pages: int) -> None:
    """Start the process that the kernels are forked from, and let it import in its own time."""
    warm = [name for name, least in app.config.warm_kernels.items() if pages >= least]
    if warm and "forkserver" in multiprocessing.get_all_start_methods():
        multiprocessing.set_forkserver_preload([*KERNEL, *warm])
        with apart():
            forkserver.ensure_running()


def prepare(app: Sphinx, _env: BuildEnvironment, pages: list[str]) -> None:
    """Start the process, if it is not running since the setup."""
    start(app, len(pages))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the setting, and start at once where a page has been edited."""
    app.add_config_value("warm_kernels", default={}, rebuild="", types=dict)
    app.connect("env-before-read-docs", prepare)
    start(app, edited(app))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
