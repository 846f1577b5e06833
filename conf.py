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

# In the order in which they act. docs/_ext/README.md shows the events of a page.
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

# A fresh build runs every page; a later one those that have changed, or import what has.
nb_execution_mode = "force"
code_cell_output_dependencies = {"autograd_notes": "autograd_notes"}
code_cell_output_versions = {"torch": importlib.metadata.version("torch")}
checked_with = code_cell_output_versions
nb_execution_timeout = 120
# All pages import torch; some import the others, which take as long as torch.
warm_kernels = {"torch": 1, "matplotlib.pyplot": 3, "torch._dynamo": 3}
code_cell_output_kernel_manager = "notes_site.kernels.WarmKernelManager"
# For the log of a build in which an output differs.
code_cell_output_machine = "notes_site.kernels.machine"
code_cell_output_update_command = "tox -e docs-update"
# An error, and whatever is written to stderr, must be stated below its cell: see docs/checks.md.
nb_execution_raise_on_error = False
nb_output_stderr = "show"
nb_code_prompt_show = "Show the code"
nb_code_prompt_hide = "Hide the code"
# What the notebook of a page needs, by a word in its code: the first that fits.
page_notebooks_need = {
    "benchmarks": "clone the repository of the site, and in it `pip install .[plot]`",
    "InlineBackend": "`pip install autograd-notes[plot]`",
    "": "`pip install autograd-notes`",
}

# A number in prose that no page computes, and why it may stand there.
code_cell_output_prose_allowed = {
    "290": "the number of an issue in MyST-NB's tracker",
    "2021": "a year",
}

# The page of checks states against how many variants docs/portable.py holds the outputs.
code_cell_output_totals = {
    "code-paths": len(portable.paths()),
    "noise-seeds": len(portable.SEEDS),
}

# Sphinx's own default ignores the text of exceptions. Here every character counts.
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

# Where the repository is, "https://github.com/owner/name", and so where a page can be launched and
# its source is shown. No address is known yet.
repository_url = ""
repository_branch = "main"
notebook_branch = "notebooks"  # .github/workflows/pages.yml fills it

# Where the site is, "https://host/path/": whoever builds it for a host knows.
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
# The attribute `style` places mathematics and draws figures, and no hash can allow an attribute.
content_security_policy = (
    "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'"
)
templates_path = ["docs/_templates"]

copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True
