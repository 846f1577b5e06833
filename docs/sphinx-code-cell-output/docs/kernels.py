"""One kernel for all pages: `code_cell_output_kernel_manager = "kernels.SharedKernelManager"`.

A new kernel for each of some forty small pages would take most of the time of a build. Between two
pages, the kernel forgets its variables.
"""

import atexit
from typing import Any, ClassVar

from jupyter_client.manager import AsyncKernelManager

RESET = "%reset -f\nimport os\nos.chdir({!r})\n%reset -f"


def end(provisioner: Any) -> None:
    """End the process of a kernel."""
    if provisioner.process:
        provisioner.process.kill()
        provisioner.process.wait()


class SharedKernelManager(AsyncKernelManager):
    """Starts a kernel for the first page, and connects the others to it."""

    running: ClassVar[Any] = None  # the manager that started it

    async def _async_start_kernel(self, **kw: Any) -> None:
        first = type(self).running
        if first and await first.is_alive():
            self.provisioner = first.provisioner
            self.load_connection_info(first.get_connection_info())
            await self.reset(kw["cwd"])
        else:
            await super()._async_start_kernel(**kw)
            atexit.register(end, self.provisioner)
            type(self).running = self
        self._owns_kernel = False  # the end of a page does not end the kernel

    start_kernel = _async_start_kernel

    async def reset(self, folder: str) -> None:
        """Delete the variables of the page before, and change to the folder of this one."""
        client = self.client()
        client.start_channels()
        await client.wait_for_ready(timeout=60)
        code = RESET.format(str(folder))
        await client.execute(code, silent=True, store_history=False, reply=True, timeout=60)
        client.stop_channels()

    async def _async_cleanup_resources(self, restart: bool = False) -> None:
        del restart
        self._close_control_socket()

    cleanup_resources = _async_cleanup_resources
