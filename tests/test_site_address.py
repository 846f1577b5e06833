"""What a site with an address has: canonical links, a sitemap, robots.txt; and one without."""

from xml.etree import ElementTree as ET

import pytest
from conftest import refused
from site_address import check
from sphinx.config import Config
from sphinx.errors import ConfigError
from sphinx.testing.util import SphinxTestApp

ADDRESS = "https://host.example/a/b/"


@pytest.fixture
def build(tmp_path):
    """Build a site of two pages at an address."""

    def at(address):
        tmp_path.joinpath("conf.py").write_text('extensions = ["site_address"]\n')
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
    folder = build(ADDRESS)
    name = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    root = ET.fromstring(folder.joinpath("sitemap.xml").read_text())  # noqa: S314  # ours
    assert root.tag == f"{name}urlset"
    found = [location.text for location in root.iter(f"{name}loc")]
    assert found == [f"{ADDRESS}c%20%26%20d.html", f"{ADDRESS}index.html"]
    assert (
        folder.joinpath("robots.txt").read_text().splitlines()[-1]
        == f"Sitemap: {ADDRESS}sitemap.xml"
    )
    head = folder.joinpath("index.html").read_text().partition("</head>")[0]
    assert f'<link rel="canonical" href="{ADDRESS}index.html"' in head


def test_site_without_an_address_has_none_of_it(build):
    folder = build("")
    assert not folder.joinpath("sitemap.xml").exists()
    assert not folder.joinpath("robots.txt").exists()
    assert "canonical" not in folder.joinpath("index.html").read_text()


@pytest.mark.parametrize("address", ["", "https://host/", "http://127.0.0.1:8000/", ADDRESS])
def test_right_address_is_taken(address):
    settings = Config()
    settings.add("html_baseurl", address, "html", str)
    check(None, settings)


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
    settings = Config()
    settings.add("html_baseurl", address, "html", str)
    with refused(
        ConfigError, f"html_baseurl: expected 'https://host/path/' or '', got {address!r}"
    ):
        check(None, settings)
