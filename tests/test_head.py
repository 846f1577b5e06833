"""The head of a page, the picture of its shared address, the sitemap, and the settings of both."""

import struct
from xml.etree import ElementTree as ET

import pytest
from bs4 import BeautifulSoup
from conftest import refused
from notes_site.head import card, check_addresses
from sphinx.config import Config
from sphinx.errors import ConfigError
from sphinx.testing.util import SphinxTestApp
from test_site import BACKWARD, PAGES, ROADS

ADDRESS = "https://host/a/"
DEEP = "https://host.example/a/b/"
GITHUB = "https://github.com/owner/name"
CONF = 'extensions = ["notes_site"]\nproject = "P"\n'
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
    """Insert a figure, as figures.InlineSvg does."""
    from docutils import nodes  # noqa: PLC0415

    doctree[0].append(nodes.raw("", RAW, format="html", alt="A\nblack square"))


def tags(file):
    """Return the properties of the card in the head of a page."""
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
    found = card("What does this error mean, and how do I fix it? " * 5, "P", "", "")
    assert found.count("<text") == 3
    assert "[...]" in found


def test_site_describes_each_page_and_asks_for_no_picture(site):
    for page in PAGES:
        file = site / f"{page}.html"
        assert {"og:title", "og:description", "og:type", "twitter:card"} <= set(tags(file)), page
        assert "cards/" not in file.read_text()
    assert tags(site / f"{ROADS}.html")["og:title"] != tags(site / f"{BACKWARD}.html")["og:title"]


@pytest.fixture
def build(tmp_path):
    """Build a site of two pages at an address."""

    def at(address):
        tmp_path.joinpath("conf.py").write_text('extensions = ["notes_site"]\n')
        tmp_path.joinpath("index.rst").write_text("Front\n=====\n\n.. toctree::\n\n   c & d\n")
        tmp_path.joinpath("c & d.rst").write_text("One\n===\n")
        app = SphinxTestApp(srcdir=tmp_path, confoverrides={"html_baseurl": address})
        try:
            app.build()
        finally:
            app.cleanup()
        return app.outdir

    return at


def test_site_with_an_address_lists_its_pages(build):
    folder = build(DEEP)
    name = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    root = ET.fromstring(folder.joinpath("sitemap.xml").read_text())  # noqa: S314  # ours
    assert root.tag == f"{name}urlset"
    found = [location.text for location in root.iter(f"{name}loc")]
    assert found == [f"{DEEP}c%20%26%20d.html", f"{DEEP}index.html"]
    assert (
        folder.joinpath("robots.txt").read_text().splitlines()[-1] == f"Sitemap: {DEEP}sitemap.xml"
    )
    head = folder.joinpath("index.html").read_text().partition("</head>")[0]
    assert f'<link rel="canonical" href="{DEEP}index.html"' in head


def test_site_without_an_address_has_none_of_it(build):
    folder = build("")
    assert not folder.joinpath("sitemap.xml").exists()
    assert not folder.joinpath("robots.txt").exists()
    assert "canonical" not in folder.joinpath("index.html").read_text()


def settings(**values):
    """Return the settings that make addresses, with these values."""
    defaults = {
        "html_baseurl": "",
        "repository_url": "",
        "repository_branch": "main",
        "notebook_branch": "notebooks",
    }
    found = Config()
    for name, value in (defaults | values).items():
        found.add(name, value, "html", str)
    return found


@pytest.mark.parametrize("address", ["", "https://host/", "http://127.0.0.1:8000/", DEEP])
def test_right_address_is_taken(address):
    check_addresses(None, settings(html_baseurl=address))


@pytest.mark.parametrize(
    "address",
    [
        "host",
        "host/a/",
        "https://host",
        "https://host/a",
        "https:///",
        "ftp://host/",
        "https://host/?a=/",
    ],
)
def test_wrong_address_is_refused(address):
    with refused(
        ConfigError, f"html_baseurl: expected 'https://host/path/' or '', got {address!r}"
    ):
        check_addresses(None, settings(html_baseurl=address))


@pytest.mark.parametrize("url", ["", GITHUB, "https://github.com/o-1/n.a_b"])
def test_right_repository_is_taken(url):
    check_addresses(None, settings(repository_url=url))


@pytest.mark.parametrize(
    "url",
    [
        f"{GITHUB}/",
        "http://github.com/owner/name",
        "owner/name",
        f"{GITHUB}.git/x",
        "https://gitlab.com/o/n",
    ],
)
def test_wrong_repository_is_refused(url):
    message = f"repository_url: expected 'https://github.com/owner/name' or '', got {url!r}"
    with refused(ConfigError, message):
        check_addresses(None, settings(repository_url=url))


@pytest.mark.parametrize("name", ["repository_branch", "notebook_branch"])
@pytest.mark.parametrize("branch", ["", "a b", "-x", "a?b"])
def test_wrong_branch_is_refused(name, branch):
    with refused(ConfigError, f"{name}: expected the name of a branch, got {branch!r}"):
        check_addresses(None, settings(**{name: branch}))
