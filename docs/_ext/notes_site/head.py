"""The head of a page, and the files that a crawler reads: description, card, sitemap, robots.txt.

A card shows when the address of a page is shared: title, description, and a picture of 1200 by 630
pixels in `cards/`, which is the first figure of the page, or its description. The picture and the
sitemap need absolute addresses, so there are none without `html_baseurl`. Sphinx itself writes the
canonical link of each page.
"""

import re
import textwrap
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import vl_convert
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.errors import ConfigError

from notes_site.html import write

# The settings that become parts of addresses: the pattern, and its description for the error.
BRANCH = (r"\w[\w./-]*", "the name of a branch")
ADDRESSES = {
    "html_baseurl": (r"(https?://[^\s/?#]+(/[^\s?#]*)?/)?", "'https://host/path/' or ''"),
    "repository_url": (
        r"(https://github\.com/[\w.-]+/[\w.-]+)?",
        "'https://github.com/owner/name' or ''",
    ),
    "repository_branch": BRANCH,
    "notebook_branch": BRANCH,
}
WIDTH, HEIGHT, MARGIN, TOP, FOOT = 1200, 630, 60, 150, 40
SVG = re.compile(r"<svg .*?</svg>", re.DOTALL)
SIZE = re.compile(r'^(<svg[^>]*?)\s(?:width|height)="[^"]*"')
COLORS = {"currentColor": "black", "var(--color-background-primary, white)": "white"}
URLSET = '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'


def check_addresses(_app: Sphinx, config: Config) -> None:
    """Raise ConfigError for a setting that would make broken links."""
    for name, (pattern, expected) in ADDRESSES.items():
        if not re.fullmatch(pattern, config[name]):
            raise ConfigError(f"{name}: expected {expected}, got {config[name]!r}")


def describe(app: Sphinx, doctree: nodes.document) -> None:
    """Store the description of a page, from its front matter, and its first paragraph."""
    meta = app.env.metadata[app.env.docname]
    known = {node.get("name"): node["content"] for node in doctree.findall(nodes.meta)}
    first = next((node.astext() for node in doctree.findall(nodes.paragraph)), "")
    meta["description"] = " ".join(known.get("description", "").split())
    meta["first_paragraph"] = " ".join(first.split())


def about(env: BuildEnvironment, page: str) -> str:
    """Return the description of a page, or its first paragraph."""
    meta = env.metadata[page]
    return meta.get("description") or meta.get("first_paragraph") or ""


def figure(doctree: nodes.document) -> tuple[str, str]:
    """Return the first SVG of a page, and its text; two empty strings without one."""
    for raw in doctree.findall(nodes.raw):
        found = SVG.search(raw.astext())
        if found and raw.get("alt"):
            svg = found[0]
            for color, plain in COLORS.items():
                svg = svg.replace(color, plain)
            return svg, " ".join(raw["alt"].split())
    return "", ""


def svg_text(text: str, size: int, top: int, color: str, most: int = 3) -> str:
    """Return a text as lines of SVG."""
    wrapped = textwrap.wrap(text, int(1.9 * (WIDTH - 2 * MARGIN) / size), max_lines=most)
    return "".join(
        f'<text x="{MARGIN}" y="{top + i * 1.25 * size}" font-size="{size}" fill="{color}" '
        f'font-family="sans-serif">{escape(line)}</text>'
        for i, line in enumerate(wrapped)
    )


def card(title: str, site: str, text: str, svg: str) -> str:
    """Return the picture of a page as SVG: its title, its figure or a text, and the site."""
    if svg:
        while SIZE.search(svg):
            svg = SIZE.sub(r"\1", svg)
        height = HEIGHT - TOP - FOOT - 40
        place = f'x="{MARGIN}" y="{TOP}" width="{WIDTH - 2 * MARGIN}" height="{height}"'
        svg = svg.replace("<svg ", f"<svg {place} ", 1)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="{WIDTH}" height="{HEIGHT}"><rect width="100%" height="100%" fill="white"/>'
        f"{svg_text(title, 52 if len(title) < 40 else 40, 80, 'black', 2)}"
        f"{svg or svg_text(text, 36, 240, '#444')}"
        f"{svg_text(site, 26, HEIGHT - FOOT, '#444')}</svg>"
    )


def tags(values: dict[str, str]) -> str:
    """Return the non-empty values as elements of the head."""
    return "".join(
        f'<meta {"name" if name.startswith("twitter") else "property"}="{name}" '
        f'content="{escape(value)}">\n'
        for name, value in values.items()
        if value
    )


def add_card(
    app: Sphinx, page: str, _template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Add the card to the head of a page, and write its picture if it has an address."""
    if doctree is None or app.builder.name != "html":
        return
    title, site, text = app.env.titles[page].astext(), app.config.project, about(app.env, page)
    base = app.config.html_baseurl
    values = {
        "og:title": title,
        "og:description": text,
        "og:type": "website" if page == app.config.root_doc else "article",
        "og:site_name": site,
        "twitter:card": "summary_large_image" if base else "summary",
    }
    if base:
        svg, alt = figure(doctree)
        picture = vl_convert.svg_to_png(card(title, site, text, svg))
        write(Path(app.outdir, "cards", f"{page}.png"), picture)
        values["og:url"] = urljoin(base, app.builder.get_target_uri(page))
        values["og:image"] = urljoin(base, f"cards/{page}.png")
        values |= {"og:image:width": str(WIDTH), "og:image:height": str(HEIGHT)}
        values["og:image:alt"] = alt or f"{title}: {text}"
    context["metatags"] += tags(values)


def write_sitemap(app: Sphinx, error: Exception | None) -> None:
    """Write sitemap.xml, and robots.txt with its address."""
    base = app.config.html_baseurl
    if error or not base or app.builder.name != "html":
        return
    pages = [app.builder.get_target_uri(page) for page in sorted(app.env.found_docs)]
    urls = "".join(f"<url><loc>{escape(urljoin(base, page))}</loc></url>\n" for page in pages)
    sitemap = f'<?xml version="1.0" encoding="UTF-8"?>\n{URLSET}\n{urls}</urlset>\n'
    write(Path(app.outdir, "sitemap.xml"), sitemap)
    robots = f"User-agent: *\nAllow: /\nSitemap: {urljoin(base, 'sitemap.xml')}\n"
    write(Path(app.outdir, "robots.txt"), robots)
