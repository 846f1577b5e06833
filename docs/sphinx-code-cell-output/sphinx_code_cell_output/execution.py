"""The execution of a page: merged streams, the kernel manager, and the line of a failure.

MyST-NB 1.4 has no option for these. It executes pages by `jupyter_cache.executors.utils`, whose
global `executenb` is replaced while pages are read: the only foreign global that is replaced. A
kernel manager class that MyST-NB passes itself takes precedence.
"""

import sys
from functools import partial
from typing import Any

from sphinx.application import Sphinx

STOPPED = "code_cell_output_stopped"  # in env.temp_data: line and message
REPLACED = "jupyter_cache.executors.utils"


def replace(_app: Sphinx, env: Any, pages: list[str]) -> None:
    """Replace the function that executes notebooks, if any page is read."""
    if pages:
        import jupyter_cache.executors.utils as executors  # noqa: PLC0415  # imports SQLAlchemy

        executors.executenb = partial(execute, env=env)


def restore(_app: Sphinx, _error: Exception | None) -> None:
    """Restore nbclient's function: another site may be built in this process."""
    if executors := sys.modules.get(REPLACED):
        import nbclient  # noqa: PLC0415  # jupyter_cache has imported it

        vars(executors)["executenb"] = nbclient.execute


def execute(notebook: Any, *, env: Any, **options: Any) -> Any:
    """Execute a notebook, and store the line of the cell where the kernel stopped.

    Arguments and result are those of `nbclient.execute`, and the page's environment.

    Raises:
        CellExecutionError: A cell failed; or the kernel died, or did not start. MyST-NB continues
            with the next page.
        CellTimeoutError: A cell ran too long.
    """
    import nbclient  # noqa: PLC0415  # only a page that runs needs it
    from nbclient.exceptions import CellExecutionError, CellTimeoutError  # noqa: PLC0415

    if env.config.code_cell_output_kernel_manager:
        options.setdefault("kernel_manager_class", env.config.code_cell_output_kernel_manager)
    begun: list[int] = []
    try:
        # Kernels send a stream in pieces, and may split a line.
        return nbclient.execute(
            notebook,
            coalesce_streams=True,
            on_cell_start=lambda **event: begun.append(event["cell_index"]),
            **options,
        )
    except CellExecutionError:
        raise
    except Exception as error:
        name, message = type(error).__name__, f"{type(error).__name__}: {error}".splitlines()[0]
        if begun:
            lines = notebook.metadata.get("source_map", {})  # an .ipynb file has none
            line = lines[begun[-1]] if lines else 1
            env.temp_data[STOPPED] = (line, f"the cell did not finish: {message}")
        else:
            env.temp_data[STOPPED] = (1, f"no cell was run: {message}")
        # Any other error would end the build without the name of the page.
        if isinstance(error, CellTimeoutError) or env.mystnb_config.execution_raise_on_error:
            raise
        raise CellExecutionError("", name, str(error)) from error
