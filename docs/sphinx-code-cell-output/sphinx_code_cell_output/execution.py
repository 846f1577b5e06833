"""The execution of a page: merged streams, the kernel manager, and the line of a failure.

MyST-NB 1.4 has no option for these. It executes pages by `jupyter_cache.executors.utils`, or inline
by a client of its own: the global `executenb` of the first and the class of the second are replaced
while pages are read, and no other foreign global. A kernel manager class that MyST-NB passes itself
takes precedence.
"""

import sys
from functools import partial
from typing import Any

from sphinx.application import Sphinx

from sphinx_code_cell_output import figure_data

# In env.temp_data: the cell at which a kernel stopped, and why; whether a kernel ran at all.
STOPPED, RAN = "code_cell_output_stopped", "code_cell_output_ran"
# The modules whose globals are replaced, or kept.
REPLACED = ("jupyter_cache.executors.utils", "sphinx_code_cell_output.clients")


def replace(_app: Sphinx, env: Any, pages: list[str]) -> None:
    """Replace the function that executes notebooks, if any page is read."""
    if pages:
        import jupyter_cache.executors.utils as executors  # noqa: PLC0415  # imports SQLAlchemy
        from myst_nb.core.execute import inline  # noqa: PLC0415  # imports the former

        from sphinx_code_cell_output import clients  # noqa: PLC0415  # imports nbclient

        executors.executenb = partial(execute, env=env)
        inline.ModifiedNotebookClient = partial(clients.InlineClient, env=env)


def restore(_app: Sphinx, _error: Exception | None) -> None:
    """Restore the originals: another site may be built in this process."""
    executors, clients = map(sys.modules.get, REPLACED)
    if executors and clients:
        import nbclient  # noqa: PLC0415  # jupyter_cache has imported it
        from myst_nb.core.execute import inline  # noqa: PLC0415  # likewise

        vars(executors)["executenb"] = nbclient.execute
        inline.ModifiedNotebookClient = vars(clients)["ModifiedNotebookClient"]


def settings(env: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a client: kernels send a stream in pieces, and may split a line."""
    manager = env.config.code_cell_output_kernel_manager
    return {
        "coalesce_streams": True,
        **({"kernel_manager_class": manager} if manager else {}),
        **options,
    }


def execute(notebook: Any, *, env: Any, **options: Any) -> Any:
    """Execute a notebook, and store the place of the cell where the kernel stopped.

    Arguments and result are those of `nbclient.execute`, and the page's environment.

    Raises:
        CellExecutionError: A cell failed; or the kernel died, or did not start. MyST-NB continues
            with the next page.
        CellTimeoutError: A cell ran too long.
    """
    import nbclient  # noqa: PLC0415  # only a page that runs needs it
    from nbclient.exceptions import CellExecutionError, CellTimeoutError  # noqa: PLC0415

    env.temp_data[RAN] = True
    begun: list[int] = []
    run: Any = nbclient.execute
    if figure_data.is_wanted(notebook, env.config):
        from sphinx_code_cell_output import clients  # noqa: PLC0415  # imports nbclient

        run = clients.execute
    try:
        return run(
            notebook,
            on_cell_start=lambda **event: begun.append(event["cell_index"]),
            **settings(env, options),
        )
    except CellExecutionError:
        raise
    except Exception as error:
        name, message = type(error).__name__, f"{type(error).__name__}: {error}".splitlines()[0]
        index, event = (
            (begun[-1], "the cell did not finish") if begun else (None, "no cell was run")
        )
        env.temp_data[STOPPED] = index, f"{event}: {message}"
        # Any other error would end the build without the name of the page.
        if isinstance(error, CellTimeoutError) or env.mystnb_config.execution_raise_on_error:
            raise
        raise CellExecutionError("", name, str(error)) from error
