"""How the kernels of warm_kernels come to be: imported when the first of them is wanted."""

import multiprocessing
import os
from typing import Any

import forked_kernel
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner
from warm_kernels import apart

LAUNCHER = "ipykernel_launcher"


class Fork:
    """What Jupyter asks of a process, for a fork."""

    stdin = stdout = stderr = None

    def __init__(self, *args: Any) -> None:
        context = multiprocessing.get_context("forkserver")
        self.process = context.Process(target=forked_kernel.run, args=args, daemon=True)
        with apart():
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
