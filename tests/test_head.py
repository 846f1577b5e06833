"""What shows when somebody shares the address of a page."""

import struct

import pytest
from bs4 import BeautifulSoup
from page_cards import card
from sphinx.testing.util import SphinxTestApp
from test_site import BACKWARD, PAGES, ROADS

ADDRESS = "https://host/a/"
CONF = 'extensions = ["markdown_pages", "page_cards"]\nproject = "P"\n'
FIGURE = """\
One & <two>
===========

First paragraph.

.. toctree::

   plain
"""
RAW = '<div><svg width="10" height="10" viewBox="0 0 10 10"><rect width="9" fill="currentColor"/></svg></div>'


@pytest.fixture(scope="module", params=["", ADDRESS])
def small(request, tmp_path_factory):
    """Build a site of a page with a figure and one without, with an address and without."""
    folder = tmp_path_factory.mktemp("small")
    folder.joinpath("conf.py").write_text(CONF)
    folder.joinpath("index.rst").write_text(FIGURE)
    folder.joinpath("plain.rst").write_text("Plain\n=====\n\nOnly text.\n")
    app = SphinxTestApp(srcdir=folder, confoverrides={"html_baseurl": request.param})
    app.connect("doctree-resolved", lambda _app, doctree, page: page == "index" and add(doctree))
    try:
        app.build()
    finally:
        app.cleanup()
    return app.outdir, request.param


def add(doctree):
    """Put a figure on a page, as inline_svg does."""
    from docutils import nodes  # noqa: PLC0415

    doctree[0].append(nodes.raw("", RAW, format="html", alt="A\nblack square"))


def tags(file):
    """Return what the head of a page says to those who link to it."""
    soup = BeautifulSoup(file.read_text(), "html.parser")
    metas = [
        (meta.get("property") or meta.get("name"), meta["content"])
        for meta in soup.find_all("meta", content=True)
    ]
    found = [pair for pair in metas if pair[0] and pair[0].startswith(("og:", "twitter:"))]
    assert len(dict(found)) == len(found)
    return dict(found)


def test_page_says_its_title_and_what_it_is_about(small):
    folder, base = small
    expected = {
        "og:title": "One & <two>",
        "og:description": "First paragraph.",
        "og:type": "website",
        "og:site_name": "P",
        "twitter:card": "summary",
    }
    if base:
        expected |= {
            "twitter:card": "summary_large_image",
            "og:url": f"{ADDRESS}index.html",
            "og:image": f"{ADDRESS}cards/index.png",
            "og:image:width": "1200",
            "og:image:height": "630",
            "og:image:alt": "A black square",
        }
    assert tags(folder / "index.html") == expected
    assert tags(folder / "plain.html")["og:type"] == "article"


def test_picture_is_there_only_where_it_has_an_address(small):
    folder, base = small
    pictures = sorted(path.name for path in folder.glob("cards/*"))
    assert pictures == (["index.png", "plain.png"] if base else [])
    for picture in pictures:
        data = (folder / "cards" / picture).read_bytes()
        assert data[:8] == b"\x89PNG\r\n\x1a\n"
        assert struct.unpack(">II", data[16:24]) == (1200, 630)


def test_page_without_a_figure_shows_its_description(small):
    folder, base = small
    if base:
        assert tags(folder / "plain.html")["og:image:alt"] == "Plain: Only text."
    assert "Only text." in card("Plain", "P", "Only text.", "")


def test_figure_keeps_its_proportions_on_the_card():
    found = card("T", "P", "about", RAW[5:-6])
    assert 'viewBox="0 0 10 10"' in found
    assert 'width="10"' not in found
    assert "about" not in found
    assert '<rect width="9"' in found


def test_long_title_stays_on_the_card():
    found = card("What does this error mean, and how is it mended? " * 5, "P", "", "")
    assert found.count("<text") == 3
    assert "[...]" in found


def test_site_describes_each_page_and_asks_for_no_picture(site):
    for page in PAGES:
        file = site / f"{page}.html"
        assert {"og:title", "og:description", "og:type", "twitter:card"} <= set(tags(file)), page
        assert "cards/" not in file.read_text()
    assert tags(site / f"{ROADS}.html")["og:title"] != tags(site / f"{BACKWARD}.html")["og:title"]
