"""The stylesheets of all extensions, in one file."""

import re

import pytest
from bs4 import BeautifulSoup
from sphinx.testing.util import SphinxTestApp
from test_accessibility import every_page


@pytest.fixture
def built(tmp_path):
    (tmp_path / "conf.py").write_text(
        'extensions = ["one_stylesheet", "myst_nb"]\nhtml_theme = "furo"\nhtml_static_path = ["own"]\n'
        'html_css_files = ["late.css", ("early.css", {"priority": 100})]\n'
    )
    (tmp_path / "index.rst").write_text("T\n=\n")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "early.css").write_text("a { color: red }")

    def build(text):
        (tmp_path / "own" / "late.css").write_text(text)
        app = SphinxTestApp("html", srcdir=tmp_path, freshenv=True)
        try:
            app.build(force_all=True)
            html = BeautifulSoup((app.outdir / "index.html").read_text(), "html.parser")
            styles = [link["href"] for link in html.select("link[rel=stylesheet]")]
            return styles, (app.outdir / "_static" / "all.css").read_text()
        finally:
            app.cleanup()

    return build


def test_a_page_asks_for_one_file_with_all_rules_in_order(built):
    styles, text = built("b { color: blue }")
    assert len(styles) == 1
    places = [
        text.index(rule)
        for rule in ("color: red", "--color-brand-primary", "Collapsible cell", "color: blue")
    ]
    assert places == sorted(places)


def test_the_colours_of_code_are_the_ones_that_the_theme_wrote(built):
    assert 'body[data-theme="dark"] .highlight' in built("")[1]


def test_the_address_changes_with_the_rules(built):
    (one,), (same,), (other,) = (
        built(text)[0] for text in ("b { top: 0 }", "b { top: 0 }", "b { top: 1px }")
    )
    assert one == same != other


def test_each_page_has_it_and_it_has_no_address_that_moved(site):
    for page in every_page:
        links = BeautifulSoup((site / f"{page}.html").read_text(), "html.parser").select(
            "link[rel=stylesheet]"
        )
        assert len(links) == 1, page
    text = (site / "_static" / "all.css").read_text()
    assert not re.search(r"url\((?!\s*['\"]?data:)", text)
    assert "@import" not in text
