"""The options of a block, after its name: `digits figure-data`, or `skip: reason`."""

from dataclasses import dataclass
from typing import Any

from sphinx_code_cell_output.settle import Replacements, replacements

EXPECTED = "expected 'digits', 'exact', 'figure-data' or 'skip: REASON'"


@dataclass(frozen=True)
class Rules:
    """The settings of a project and a page that its cells are compared by."""

    replace: Replacements = ()
    digits: bool = False
    figure_data: bool = False
    nb: Any = None  # the settings of MyST-NB for the page

    @classmethod
    def of(cls, env: Any, notebook: Any) -> "Rules":
        """Return the rules of a page."""
        config, nb = env.config, env.mystnb_config
        own = dict(notebook.metadata.get(nb.metadata_key, {}))
        own.pop("output_folder", None)
        return cls(
            replacements(config.code_cell_output_replace),
            config.code_cell_output_digits,
            config.code_cell_output_figure_data,
            nb.copy(**own) if own else nb,
        )


@dataclass(frozen=True)
class Options:
    """The options of one block."""

    digits: bool = False
    figure_data: bool = False
    skip: str = ""  # the reason
    error: str = ""


def parsed(text: str, rules: Rules) -> Options:
    """Return the options that a block states, and those of the project where it states none."""
    start, mark, reason = text.partition("skip:")
    words = start.split()
    error = ""
    if (mark and not reason.strip()) or {*words} - {"digits", "exact", "figure-data"}:
        error = f"{EXPECTED}, got {text!r}"
    digits = "digits" in words or (rules.digits and "exact" not in words)
    figure_data = "figure-data" in words or rules.figure_data
    return Options(digits, figure_data, reason.strip(), error)
