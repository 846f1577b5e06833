"""The outputs of a cell that a reader sees: by its tags, and by the settings of MyST-NB."""

from copy import deepcopy
from typing import Any

from myst_nb.core.utils import coalesce_streams

HIDDEN = {"remove-output", "remove_output", "remove-cell", "remove_cell"}


def visible(cell: Any, nb: Any) -> list[Any]:
    """Return the outputs that the page shows; `nb` has the settings of MyST-NB, or is None."""
    tags = set(cell.metadata.get("tags", ()))

    def setting(name: str) -> Any:
        return nb and nb.get_cell_level_config(name, cell.metadata, lambda *_: None)

    if tags & HIDDEN or setting("remove_code_outputs"):
        return []
    hidden = {name for name in ("stdout", "stderr") if f"remove-{name}" in tags}
    if setting("output_stderr") in ("remove", "remove-warn"):
        hidden.add("stderr")
    outputs = [output for output in cell.outputs if output.get("name") not in hidden]
    return list(coalesce_streams(deepcopy(outputs))) if setting("merge_streams") else outputs
