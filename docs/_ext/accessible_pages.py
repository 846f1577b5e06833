"""Mend what the theme and the extensions write and a screen reader cannot read well.

Each repair is a piece of their HTML, and what it becomes. A piece that no page has any more has
been mended by them: the tests say so.
"""

import re

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

REPAIRS = {
    # Two landmarks of one kind need names,
    r'<aside class="sidebar-drawer"': r'\g<0> aria-label="Site"',
    r'<aside class="toc-drawer[^"]*"': r'\g<0> aria-label="Page"',
    # and nothing to read or press stands outside of a landmark.
    r'<a href="#" class="back-to-top': r'<nav aria-label="Tools">\g<0>',
    r'<article role="main"': r"</nav>\g<0>",
    # A heading has a level.
    r'<p class="caption" role="heading"': r'\g<0> aria-level="2"',
    # What is folded is named by what its summary says.
    r'<summary aria-label="Toggle hidden content"': r"<summary",
    # A list of parameters has no terms to define.
    r'<dl>(?=\s*<dd><em class="sig-param")': r'<dl role="presentation">',
}


def repair(_app: Sphinx, page: dict[str, str]) -> None:
    """Mend a page."""
    for found, mended in REPAIRS.items():
        page["html"] = re.sub(found, mended, page["html"])


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the repairs."""
    app.setup_extension("rendered_pages")
    app.connect("page-rendered", repair)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
