"""The repairs of what others write: each is still wanted."""

import re

import pytest
from accessible_pages import REPAIRS, repair
from sphinx.testing.util import SphinxTestApp


@pytest.fixture(scope="module")
def unrepaired(tmp_path_factory):
    """Return what the theme and the extensions write, page by page."""
    folder = tmp_path_factory.mktemp("unrepaired")
    (folder / "conf.py").write_text(
        'extensions = ["myst_nb", "sphinx.ext.autodoc"]\nhtml_theme = "furo"\n'
        'nb_execution_mode = "off"\npython_maximum_signature_line_length = 5\n'
    )
    (folder / "index.md").write_text(
        "# T\n\n```{toctree}\n:caption: C\nother\n```\n\n```{py:function} f(one, other)\n```\n"
    )
    (folder / "other.md").write_text(
        "---\nfile_format: mystnb\nkernelspec:\n  name: python3\n---\n\n# O\n\n"
        "```{code-cell}\n:tags: [hide-input]\n1\n```\n"
    )
    app = SphinxTestApp("html", srcdir=folder)
    try:
        app.build()
        return "".join(file.read_text() for file in app.outdir.glob("*.html"))
    finally:
        app.cleanup()


@pytest.mark.parametrize("found", REPAIRS)
def test_each_repair_is_wanted(unrepaired, found):
    assert re.search(found, unrepaired)


def test_pages_are_repaired(site):
    html = "".join(file.read_text() for file in site.rglob("*.html"))
    assert 'aria-label="Toggle hidden content"' not in html
    assert html.count('<nav aria-label="Tools">') == html.count('</nav><article role="main"') > 10


def test_the_rest_stays():
    page = {"html": '<dl>\n<dt>a</dt></dl><summary class="x">'}
    repair(None, page)
    assert page["html"] == '<dl>\n<dt>a</dt></dl><summary class="x">'
