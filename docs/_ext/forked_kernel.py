"""The program of a forked kernel: outside notes_site, so that a kernel does not import Sphinx."""

import os
import sys
from pathlib import Path

CONF_FOLDERS = Path(__file__).parents[0], Path(__file__).parents[1]


def run(arguments: list[str], folder: str | None, env: dict[str, str]) -> None:
    """Run an IPython kernel in this forked process."""
    os.setsid()
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder or ".")
    # Readers who run a page at home do not have the folders that conf.py adds.
    sys.path[:] = [path for path in sys.path if path and Path(path) not in CONF_FOLDERS]
    from ipykernel import kernelapp  # noqa: PLC0415  # only kernels need it

    parent = f"--IPKernelApp.parent_handle={os.getppid()}"  # it ends with its parent
    kernelapp.launch_new_instance(argv=[*arguments, parent])
