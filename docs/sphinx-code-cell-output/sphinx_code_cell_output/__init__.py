"""Doctests for executable cells: the output of a MyST-NB `{code-cell}` is stated and compared.

A `{code-cell-output}` block directly after a cell states its output. Whenever a page is read, in
every builder, it is compared with the output that the cell has just shown; a difference is a
warning with the page, the line and a diff. The block itself is not rendered: a reader of the site
sees the live output, a reader of the Markdown file sees the block.

Extensions of their own are `.prose`, `.counts`, `.tracebacks` and `.dependencies`.
"""

from collections.abc import Callable
from typing import Any

from sphinx.application import Sphinx

from sphinx_code_cell_output import blocks, execution, report, settings, settle, sources

__version__ = "0.1.0"

# Event, priority (Sphinx's default is 500), handler, reason.
EVENTS: list[tuple[str, int, Callable[..., Any], str]] = [
    ("config-inited", 500, settings.read_boolean, "'-D code_cell_output_update=true' works"),
    ("config-inited", 500, settings.exclude, "no build finds the files of another"),
    ("config-inited", 500, settle.check_replacements, "a malformed pattern is an error here"),
    ("env-before-read-docs", 500, execution.replace, "only a build that reads pages executes"),
    ("source-read", 10_000, sources.note, "after all that change the text of a page"),
    ("doctree-read", 500, blocks.check, "before .tracebacks (550) changes what cells show"),
    ("build-finished", 500, execution.restore, "the next build starts afresh"),
    ("build-finished", 900, report.summarize, "the end of a log is read first"),
]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the output blocks: settings, directive and events."""
    app.setup_extension("myst_nb")
    app.add_config_value("code_cell_output_update", "false", rebuild="", types=(bool, str))
    app.add_config_value("code_cell_output_kernel_manager", "", rebuild="", types=Any)
    app.add_config_value("code_cell_output_machine", report.MACHINE, rebuild="", types=Any)
    app.add_config_value("code_cell_output_update_command", report.UPDATE, rebuild="", types=(str,))
    app.add_config_value("code_cell_output_replace", {}, rebuild="env", types=(dict,))
    app.add_config_value("code_cell_output_digits", default=False, rebuild="env", types=(bool,))
    app.add_config_value(
        "code_cell_output_figure_data", default=False, rebuild="env", types=(bool,)
    )
    app.add_directive("code-cell-output", blocks.CodeCellOutput)
    for event, priority, handler, _ in EVENTS:
        app.connect(event, handler, priority)
    return {"version": __version__, "parallel_read_safe": True, "parallel_write_safe": True}
