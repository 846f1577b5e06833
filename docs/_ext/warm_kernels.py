"""Kernels that start with their imports done.

Each page still has a kernel of its own, and shares no name with another. But all are forked from
one process, which has imported once what most of them want: `warm_kernels = ["numpy"]` in conf.py.
Name what starts no thread, and what does not change between two builds of one process.
"""

import multiprocessing
import os
import sys
from functools import partial
from types import ModuleType
from typing import Any
from unittest.mock import patch

import forked_kernel
import jupyter_cache.executors.utils as executors
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.typing import ExtensionMetadata

LAUNCHER = "ipykernel_launcher"
KERNEL = ["ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.debugger"]
# What ipykernel sets for itself, but matplotlib must know when it is imported; and its debugger,
# which nobody uses here, need not warn that the interpreter has its modules frozen.
ENVIRONMENT = {
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}


class Fork:
    """What Jupyter asks of a process, for a fork."""

    stdin = stdout = stderr = None

    def __init__(self, *args: Any) -> None:
        context = multiprocessing.get_context("forkserver")
        self.process = context.Process(target=forked_kernel.run, args=args, daemon=True)
        # A fork runs the program of its parent first, but a kernel has nothing to do with Sphinx.
        nothing = {"__main__": ModuleType("__main__")}
        with patch.dict(sys.modules, nothing), patch.dict(os.environ, ENVIRONMENT):
            self.process.start()
        self.pid = self.process.pid

    def poll(self) -> int | None:
        """Return the exit code, once there is one."""
        return self.process.exitcode

    def wait(self) -> int | None:
        """Wait for the exit code."""
        self.process.join()
        return self.process.exitcode

    def send_signal(self, signal: int) -> None:
        """Send a signal, while somebody is there."""
        if self.poll() is None:
            os.kill(self.process.pid, signal)

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()

    def terminate(self) -> None:
        """Ask it to end."""
        self.process.terminate()


class WarmProvisioner(LocalProvisioner):
    """Forks kernels of ipykernel, and starts others as ever."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Start a kernel."""
        if LAUNCHER not in cmd:
            return await super().launch_kernel(cmd, **kwargs)
        arguments = cmd[cmd.index(LAUNCHER) + 1 :]
        self.process = Fork(arguments, kwargs.get("cwd"), kwargs.get("env", dict(os.environ)))
        self.pid = self.process.pid
        return self.connection_info


class WarmKernelManager(AsyncKernelManager):
    """Manages the kernels of the pages."""

    async def _async_pre_start_kernel(self, **kwargs: Any) -> Any:
        if self.provisioner is None:
            self.provisioner = WarmProvisioner(
                kernel_id=self.kernel_id, kernel_spec=self.kernel_spec, parent=self
            )
        return await super()._async_pre_start_kernel(**kwargs)

    pre_start_kernel = _async_pre_start_kernel


def prepare(_app: Sphinx, config: Config) -> None:
    """Let MyST-NB fork its kernels, where the system can."""
    if config.warm_kernels and "forkserver" in multiprocessing.get_all_start_methods():
        multiprocessing.set_forkserver_preload([*KERNEL, *config.warm_kernels])
        executors.executenb = partial(executors.executenb, kernel_manager_class=WarmKernelManager)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the setting."""
    app.add_config_value("warm_kernels", default=[], rebuild="", types=list)
    app.connect("config-inited", prepare)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
