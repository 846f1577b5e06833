"""What a fork of warm_kernels does. Each imports it anew, so it imports next to nothing itself."""

import os
import sys
from pathlib import Path


def run(arguments: list[str], folder: str | None, env: dict[str, str]) -> None:
    """Be a kernel: with these arguments, in this folder."""
    os.setsid()
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder or ".")
    # The extensions of the site are not there for those who run a page at home.
    sys.path[:] = [path for path in sys.path if path and Path(path) != Path(__file__).parent]
    from ipykernel import kernelapp  # noqa: PLC0415  # only kernels need it

    parent = f"--IPKernelApp.parent_handle={os.getppid()}"  # it ends when its parent does
    kernelapp.launch_new_instance(argv=[*arguments, parent])
