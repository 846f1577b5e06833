"""The clients of kernels that report the data of figures, or run inline; a page imports them."""

import inspect
from typing import Any

from myst_nb.core.execute.inline import ModifiedNotebookClient
from nbclient import NotebookClient
from nbclient.util import ensure_async, run_sync

from sphinx_code_cell_output import execution, figure_data

# The code that a kernel runs first: it may be that of another environment, without this package.
SOURCE = f"exec({inspect.getsource(figure_data) + 'start()'!r}, {{'__name__': 'figure_data'}})"


async def report_figures(client: Any) -> None:
    """Make the kernel of a client report the data of figures, if it runs Python."""
    if client.km.kernel_spec.language == "python":
        reply = client.kc.execute(SOURCE, silent=True, store_history=False, reply=True, timeout=60)
        await ensure_async(reply)


class FigureClient(NotebookClient):
    """A client whose kernel reports the data of figures."""

    async def async_start_new_kernel_client(self) -> Any:
        """Start the client of the kernel."""
        started = await super().async_start_new_kernel_client()
        await report_figures(self)
        return started


class InlineClient(ModifiedNotebookClient):  # type: ignore[misc]  # MyST-NB has no types
    """The client of the mode `inline`, which runs each cell when it is rendered."""

    def __init__(self, notebook: Any, env: Any, **options: Any) -> None:
        self.reports = figure_data.is_wanted(notebook, env.config)
        env.temp_data[execution.RAN] = True
        super().__init__(notebook, **execution.settings(env, options))

    async def async_start_new_kernel_client(self) -> Any:
        """Start the client of the kernel."""
        started = await super().async_start_new_kernel_client()
        if self.reports:
            await report_figures(self)
        return started

    start_new_kernel_client = run_sync(async_start_new_kernel_client)


def execute(notebook: Any, cwd: str | None = None, **options: Any) -> Any:
    """Execute a notebook as `nbclient.execute` does, and report the data of figures."""
    resources = {"metadata": {"path": cwd}} if cwd else {}
    return FigureClient(notebook, resources=resources, **options).execute()
