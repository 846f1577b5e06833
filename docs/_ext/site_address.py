"""What a site needs that has an address: `html_baseurl`, an address such as "https://host/path/".

`sitemap.xml` lists all pages, and `robots.txt` says where it is. Without an address neither is
written; Sphinx itself writes the canonical link of each page, and leaves it out too.
"""

import re
from html import escape
from pathlib import Path
from urllib.parse import urljoin

from changed_files import write
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError
from sphinx.util.typing import ExtensionMetadata

ADDRESS = re.compile(r"https?://[^\s/?#]+(/[^\s?#]*)?/|")
URLSET = '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'


def check(_app: Sphinx, config: Config) -> None:
    """Refuse what is no address of a folder."""
    if not ADDRESS.fullmatch(config.html_baseurl):
        got = config.html_baseurl
        raise ConfigError(f"html_baseurl: expected 'https://host/path/' or '', got {got!r}")


def sitemap(addresses: list[str]) -> str:
    """Return a list of addresses as a sitemap."""
    urls = "".join(f"<url><loc>{escape(address)}</loc></url>\n" for address in addresses)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{URLSET}\n{urls}</urlset>\n'


def write_both(app: Sphinx, error: Exception | None) -> None:
    """Write the list of pages, and where it is."""
    base = app.config.html_baseurl
    if error or not base or app.builder.name != "html":
        return
    pages = [app.builder.get_target_uri(page) for page in sorted(app.env.found_docs)]
    write(Path(app.outdir, "sitemap.xml"), sitemap([urljoin(base, page) for page in pages]))
    robots = f"User-agent: *\nAllow: /\nSitemap: {urljoin(base, 'sitemap.xml')}\n"
    write(Path(app.outdir, "robots.txt"), robots)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register both."""
    app.connect("config-inited", check)
    app.connect("build-finished", write_both)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
