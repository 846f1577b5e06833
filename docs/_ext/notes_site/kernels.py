"""Kernels that start with their imports done.

Each page has a kernel of its own. All are forked from one process, which has imported the modules
of `warm_kernels = {"numpy": 1, "sympy": 3}`: numpy always, sympy if at least three pages are read,
because few of them need it. Name modules that start no thread, and that do not change between two
builds of one Sphinx process.
"""

import multiprocessing
import os
import platform
import re
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import forkserver
from pathlib import Path
from types import ModuleType
from typing import Any, cast
from unittest.mock import patch

import forked_kernel
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

LAUNCHER = "ipykernel_launcher"
# macOS allows 103 bytes; jupyter_client appends "-1" to "-5".
LONGEST_SOCKETS = 101
CAN_FORK = "forkserver" in multiprocessing.get_all_start_methods()
KERNEL = ["ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.debugger"]
ENVIRONMENT = {
    # ipykernel sets it too, but matplotlib reads it when it is imported.
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    # The debugger, which is not used here, warns of frozen modules.
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}


@contextmanager
def without_main() -> Iterator[None]:
    """Start a process that does not import Sphinx's own program as its `__main__`."""
    empty = {"__main__": ModuleType("__main__")}
    with patch.dict(sys.modules, empty), patch.dict(os.environ, ENVIRONMENT):
        yield


class Fork:
    """A forked process, with the methods of subprocess.Popen that jupyter_client calls."""

    stdin = stdout = stderr = None

    def __init__(self, *args: Any) -> None:
        context = multiprocessing.get_context("forkserver")
        self.process = context.Process(target=forked_kernel.run, args=args, daemon=True)
        with without_main():
            self.process.start()
        self.pid = self.process.pid or 0

    def poll(self) -> int | None:
        """Return the exit code; None while the process runs."""
        return self.process.exitcode

    def wait(self) -> int | None:
        """Wait for the process, and return its exit code."""
        self.process.join()
        return self.process.exitcode

    def send_signal(self, signal: int) -> None:
        """Send a signal if the process runs."""
        if self.poll() is None:
            os.kill(self.pid, signal)

    def kill(self) -> None:
        """Kill the process."""
        self.process.kill()

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.process.terminate()


class WarmProvisioner(LocalProvisioner):
    """Forks kernels of ipykernel, where the system can, and starts other kernels as before."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Start a kernel, and return its connection."""
        if LAUNCHER not in cmd or not CAN_FORK:
            return await super().launch_kernel(cmd, **kwargs)
        arguments = cmd[cmd.index(LAUNCHER) + 1 :]
        fork = Fork(arguments, kwargs.get("cwd"), kwargs.get("env", dict(os.environ)))
        self.process, self.pid = cast("Any", fork), fork.pid
        return self.connection_info


class WarmKernelManager(AsyncKernelManager):
    """The kernel manager of all pages: `code_cell_output_kernel_manager` names it."""

    async def _async_pre_start_kernel(self, **kwargs: Any) -> Any:
        if self.provisioner is None:
            self.provisioner = WarmProvisioner(
                kernel_id=self.kernel_id, kernel_spec=self.kernel_spec, parent=self
            )
            # A TCP port that is free when jupyter_client chooses it may be taken when the kernel
            # binds it: the kernel dies then. The name of a socket file is the kernel's alone.
            sockets = str(Path(tempfile.gettempdir(), f"kernel-{uuid.uuid4().hex}"))
            if CAN_FORK and len(sockets) <= LONGEST_SOCKETS:
                self.transport, self.ip = "ipc", sockets
        return await super()._async_pre_start_kernel(**kwargs)

    pre_start_kernel = _async_pre_start_kernel


def start(app: Sphinx, _env: BuildEnvironment, pages: list[str]) -> None:
    """Start the process that the kernels are forked from. It imports while Sphinx reads a page."""
    warm = [name for name, least in app.config.warm_kernels.items() if len(pages) >= least]
    if pages and warm and CAN_FORK:
        multiprocessing.set_forkserver_preload([*KERNEL, *warm])
        with without_main():
            forkserver.ensure_running()


def machine() -> str:
    """Return the facts that can change a digit: torch, its CPU capability, MKL, threads, processor.

    The log of a build names them if an output differs.
    """
    import torch  # noqa: PLC0415  # only a build that reports a difference needs it

    mkl = re.search(r"Math Kernel Library Version (\S+?)-", torch.__config__.show())
    facts = [
        f"torch {torch.__version__}",
        f"CPU capability {torch.backends.cpu.get_cpu_capability()}",
        f"MKL {mkl[1] if mkl else 'absent'} (MKL_CBWR {os.environ.get('MKL_CBWR', 'unset')})",
        f"{torch.get_num_threads()} threads",
        processor(),
    ]
    return ", ".join(facts)


def processor() -> str:
    """Return the name of the processor; on Linux, platform knows its architecture only."""
    info = Path("/proc/cpuinfo")
    text = info.read_text("utf-8") if info.is_file() else ""
    name = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    return name[1] if name else platform.processor() or platform.machine()
