"""Sphinx's settings for the site."""

import importlib.metadata
import os
import sys
import warnings
from pathlib import Path
from urllib.parse import urlsplit

from sphinx.deprecation import RemovedInSphinx10Warning

root = Path(__file__).parent
sys.path += [str(root / "docs" / "_ext"), str(root / "docs")]

import portable  # noqa: E402  # from docs
from notes_site import PublicModules  # noqa: E402  # from docs/_ext

project = "autograd_notes"
author = "The autograd_notes developers"
copyright = "2026, " + author
language = "en"

# In the order of their handlers. docs/_ext/README.md shows the events of a page.
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_autodoc_typehints",
    "sphinx.ext.viewcode",
    "sphinx.ext.doctest",
    "sphinx.ext.intersphinx",
    "myst_nb",
    "sphinx_code_cell_output",
    "sphinx_code_cell_output.dependencies",
    "sphinx_code_cell_output.tracebacks",
    "sphinx_code_cell_output.prose",
    "sphinx_code_cell_output.counts",
    "notes_site",
    "notfound.extension",
    "sphinx_codeautolink",
    "sphinx_copybutton",
]
exclude_patterns = ["_data", "_ext", "_figures", "_inventories", "sphinx-code-cell-output", "*.py"]
nitpicky = True

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# A fresh build runs every page; an incremental one the pages that changed or import changed code.
nb_execution_mode = "force"
code_cell_output_dependencies = {"autograd_notes": "autograd_notes", "modes": "tests/modes.py"}
code_cell_output_versions = {"torch": importlib.metadata.version("torch")}
checked_with = code_cell_output_versions
nb_execution_timeout = 120
# Preloaded modules: all pages import torch; some import the others, which take as long.
warm_kernels = {"torch": 1, "matplotlib.pyplot": 3, "torch._dynamo": 3}
codeautolink_imports = ["torch"]  # not torch._dynamo, which only its TYPE_CHECKING block names
code_cell_output_kernel_manager = "notes_site.kernels.WarmKernelManager"
# Logged by a build in which an output differs.
code_cell_output_machine = "notes_site.kernels.machine"
code_cell_output_update_command = "tox -e docs-update"
# Errors and stderr must be stated below their cell: see docs/checks.md.
nb_execution_raise_on_error = False
nb_output_stderr = "show"
nb_code_prompt_show = "Show the code"
nb_code_prompt_hide = "Hide the code"
# The installation for the notebook of a page, by a word in its code: the first match counts.
page_notebooks_need = {
    "modes.py": "clone the repository of the site, and in it `pip install .`",
    "benchmarks": "clone the repository of the site, and in it `pip install .[plot]`",
    "InlineBackend": "`pip install autograd-notes[plot]`",
    "": "`pip install autograd-notes`",
}

# Exceptions of the prose check: a number that no page computes, and the reason.
code_cell_output_prose_allowed = {
    "290": "the number of an issue in MyST-NB's tracker",
    "2021": "a year",
}

# The page of checks states against how many variants docs/portable.py holds the outputs.
code_cell_output_totals = {
    "code-paths": len(portable.paths()),
    "noise-seeds": len(portable.SEEDS),
}

# Sphinx's default, IGNORE_EXCEPTION_DETAIL, ignores the text of exceptions.
doctest_default_flags = 0

autodoc_member_order = "bysource"
typehints_defaults = "comma"
always_use_bars_union = True
# The classes that a library defines in one module and documents in another.
typehints_fixup_module_name = PublicModules(
    {"matplotlib.axes._axes": "matplotlib.axes", "networkx.classes.digraph": "networkx"}
)
# sphinx-autodoc-typehints 3.6.1, the newest for Python 3.11, calls a method that Sphinx 10 removes.
warnings.filterwarnings("ignore", ".*_RstSnippetParser.set_application", RemovedInSphinx10Warning)
default_role = "code"  # `x` in a docstring

intersphinx_mapping = {
    name: (uri, str(root / "docs" / "_inventories" / f"{name}.txt"))
    for name, uri in {
        "matplotlib": "https://matplotlib.org/stable/",
        "networkx": "https://networkx.org/documentation/stable/",
        "python": "https://docs.python.org/3/",
        "sphinx": "https://www.sphinx-doc.org/en/master/",
        "torch": "https://docs.pytorch.org/docs/2.13/",
    }.items()
}

# The URL of the repository, "https://github.com/owner/name", for the links to launch a page and to
# its source. Empty until there is one.
repository_url = ""
repository_branch = "main"
notebook_branch = "notebooks"  # .github/workflows/pages.yml fills it

# The URL of the site, "https://host/path/", set by a build for a host.
html_baseurl = os.environ.get("SITE_URL", "")
notfound_urls_prefix = urlsplit(html_baseurl).path or "/"
notfound_context = {
    "title": "Page not found",
    "body": "<h1>Page not found</h1><p>There is no page at this address. Perhaps it has moved: "
    f'<a href="{notfound_urls_prefix}search.html">search for it</a>, '
    f'or begin at <a href="{notfound_urls_prefix}index.html">the front page</a>.</p>',
}

html_theme = "furo"
html_theme_options = {"top_of_page_buttons": []}  # notes_site.downloads has them, in words
html_title = "autograd_notes"
html_static_path = ["docs/_static"]
html_favicon = "docs/_static/favicon.svg"
html_css_files = ["site.css"]
html_js_files = [("keyboard.js", {"defer": "defer"})]
html_copy_source = True
html_math_renderer = "svg"
# Mathematics and figures need the attribute `style`, and hashes do not cover attributes.
content_security_policy = (
    "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'"
)
templates_path = ["docs/_templates"]

# Code only: an output has no button.
copybutton_selector = (
    ":is(.highlight-ipython3, .highlight-python, .highlight-pycon, .highlight-sh, .doctest) pre"
)
copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True
