"""Sphinx's settings for the documentation, which the extension itself checks."""

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.append(str(Path(__file__).parent))  # for `kernels`

project = "sphinx-code-cell-output"
author = "The autograd_notes developers"
copyright = "2026, " + author
language = "en"

extensions = [
    "sphinx_code_cell_output",
    "sphinx_code_cell_output.tracebacks",
    "sphinx_code_cell_output.prose",
    "sphinx_code_cell_output.counts",
]
exclude_patterns = ["comparison", "examples"]
nitpicky = True
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

nb_execution_mode = "force"
nb_execution_timeout = 120
code_cell_output_kernel_manager = "kernels.SharedKernelManager"
code_cell_output_replace = {
    r"this machine: .*": "this machine: <facts>",
    r"in \d+\.\d+s": "in <time>s",
    r": \d+ s, ": ": <time> s, ",
}
code_cell_output_prose_allowed = {
    **dict.fromkeys(("2019", "2021", "2024", "2025", "2026"), "a year"),
    **dict.fromkeys(("0.66", "0.67", "0.68"), "two thirds, rounded or not"),
    "9.2": "a version of pytest",
    **dict.fromkeys(("290", "617", "664", "690", "721", "864"), "the number of an issue"),
}

# The examples of the pages are copied there, and deleted with the process of this build.
examples = TemporaryDirectory()
os.environ["CODE_CELL_OUTPUT_EXAMPLES"] = examples.name

html_theme = "furo"
html_title = "sphinx-code-cell-output"
html_copy_source = True
