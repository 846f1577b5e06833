"""The pytest plugin: `pytest --code-cell-output docs/` runs each output block as a test.

A module of its own, which imports nothing: pytest loads it at every start.
"""

from pathlib import Path
from typing import Any

SUFFIXES = (".md", ".ipynb")


def pytest_addoption(parser: Any) -> None:
    """Register the options of the command line."""
    group = parser.getgroup("code-cell-output")
    group.addoption(
        "--code-cell-output",
        action="store_true",
        help="execute the MyST-NB pages, and run each of their output blocks as a test",
    )
    group.addoption(
        "--code-cell-output-conf",
        metavar="DIR",
        help="the folder of conf.py (default: the nearest above a page)",
    )
    group.addoption(
        "--code-cell-output-source",
        metavar="DIR",
        help="the folder of the pages (default: that of conf.py)",
    )


def pytest_collect_file(file_path: Path, parent: Any) -> Any:
    """Collect a page of a Sphinx project, if the option asks for it."""
    if not parent.config.getoption("code_cell_output") or file_path.suffix not in SUFFIXES:
        return None
    from sphinx_code_cell_output.pytest_items import page_file  # noqa: PLC0415  # imports Sphinx

    return page_file(file_path, parent)
