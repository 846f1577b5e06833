"""The page for missing addresses, at any depth, with the site in any folder."""

import functools
import os
import subprocess
import sys
import threading
from http import HTTPStatus
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from conftest import ROOT, Quiet, watch
from playwright.sync_api import expect

MISSING = HTTPStatus.NOT_FOUND


class Host(Quiet):
    """A host of pages: it sends `404.html` of the site for a missing page."""

    prefix = "/"

    def translate_path(self, path):
        """Serve the site below the prefix, and nothing else."""
        inside = path.startswith(self.prefix)
        return super().translate_path("/" + path.removeprefix(self.prefix) if inside else "/none")

    def send_error(self, code, *_):
        """Send the page."""
        page = Path(self.directory, "404.html").read_bytes()
        self.send_response(code)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(page)


@pytest.fixture
def host():
    """Return a function that serves a folder as a host does, and returns the address."""
    servers = []

    def serve(folder, prefix="/"):
        handler = type("At", (Host,), {"prefix": prefix})
        server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=folder))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}{prefix}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def visit(tab, address, path):
    """Open a missing page, and follow its links to an existing one."""
    wrong = watch(tab, address)
    assert tab.goto(f"{address}{path}").status == MISSING
    expect(tab.get_by_role("heading", name="Page not found")).to_be_visible()
    border = "getComputedStyle(document.querySelector('.sidebar-drawer')).borderRightWidth"
    assert tab.evaluate(border) == "1px"  # as in the theme's style
    tab.get_by_role("link", name="the front page").click()
    expect(tab).to_have_url(f"{address}index.html")
    tab.go_back()
    tab.get_by_role("link", name="search for it").click()
    expect(tab).to_have_url(f"{address}search.html")
    said = "Failed to load resource: the server responded with a status of 404 (Not Found)"
    assert set(wrong) == {(MISSING, f"{address}{path}"), said}


@pytest.mark.parametrize("path", ["missing.html", "backward/missing.html", "a/b/c/"])
def test_missing_page_leads_back(site, host, tab, path):
    visit(tab, host(site), path)


@pytest.fixture(scope="module")
def hosted(tmp_path_factory):
    """Build one page with the settings of the site, for an address in a folder of a host."""
    folder = tmp_path_factory.mktemp("hosted")
    folder.joinpath("index.md").write_text("# Front\n\nText.\n")
    build = [sys.executable, "-m", "sphinx", "-W", "-q", "-c", ROOT, folder, folder / "html"]
    subprocess.run(build, check=True, env={**os.environ, "SITE_URL": "https://host.example/a/b/"})
    return folder / "html"


@pytest.mark.parametrize("path", ["missing.html", "c/d/missing.html"])
def test_missing_page_leads_back_in_a_folder_of_the_host(hosted, host, tab, path):
    visit(tab, host(hosted, "/a/b/"), path)


def test_site_knows_its_address(hosted):
    head = (hosted / "index.html").read_text().partition("</head>")[0]
    assert '<link rel="canonical" href="https://host.example/a/b/index.html"' in head
    assert 'property="og:image" content="https://host.example/a/b/cards/index.png"' in head
    assert (hosted / "cards" / "index.png").is_file()
    assert "https://host.example/a/b/index.html" in (hosted / "sitemap.xml").read_text()
    assert "(https://host.example/a/b/index.md)" in (hosted / "llms.txt").read_text()


def test_site_without_an_address_names_none(site):
    head = (site / "index.html").read_text().partition("</head>")[0]
    for name in ("canonical", "og:url", "og:image"):
        assert name not in head
    assert (
        not list(site.glob("sitemap.xml"))
        + list(site.glob("robots.txt"))
        + list(site.glob("cards"))
    )
