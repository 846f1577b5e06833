"""Say in the head of a page what shows when somebody shares its address: title, text, picture.

The picture is the first figure of the page under its title, on white, 1200 by 630 pixels; a page
without a figure shows its description. It lies in `cards/`, and no page asks for it. It needs an
absolute address, so without `html_baseurl` there is none.
"""

import re
import textwrap
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from changed_files import write
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

WIDTH, HEIGHT, MARGIN, TOP, FOOT = 1200, 630, 60, 150, 40
SVG = re.compile(r"<svg .*?</svg>", re.DOTALL)
SIZE = re.compile(r'^(<svg[^>]*?)\s(?:width|height)="[^"]*"')
COLORS = {"currentColor": "black", "var(--color-background-primary, white)": "white"}


def figure(doctree: nodes.document) -> tuple[str, str]:
    """Return the first picture of a page, and its text; or nothing."""
    for raw in doctree.findall(nodes.raw):
        found = SVG.search(raw.astext())
        if found and raw.get("alt"):
            svg = found[0]
            for color, plain in COLORS.items():
                svg = svg.replace(color, plain)
            return svg, " ".join(raw["alt"].split())
    return "", ""


def lines(text: str, size: int, top: int, color: str, most: int = 3) -> str:
    """Return a text as lines of SVG."""
    wrapped = textwrap.wrap(text, int(1.9 * (WIDTH - 2 * MARGIN) / size), max_lines=most)
    return "".join(
        f'<text x="{MARGIN}" y="{top + i * 1.25 * size}" font-size="{size}" fill="{color}" '
        f'font-family="sans-serif">{escape(line)}</text>'
        for i, line in enumerate(wrapped)
    )


def card(title: str, site: str, text: str, svg: str) -> str:
    """Return the picture of a page, as SVG: its title, its figure or a text, and the site."""
    if svg:
        while SIZE.search(svg):
            svg = SIZE.sub(r"\1", svg)
        height = HEIGHT - TOP - FOOT - 40
        place = f'x="{MARGIN}" y="{TOP}" width="{WIDTH - 2 * MARGIN}" height="{height}"'
        svg = svg.replace("<svg ", f"<svg {place} ", 1)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="{WIDTH}" height="{HEIGHT}"><rect width="100%" height="100%" fill="white"/>'
        f"{lines(title, 52 if len(title) < 40 else 40, 80, 'black', 2)}"
        f"{svg or lines(text, 36, 240, '#444')}"
        f"{lines(site, 26, HEIGHT - FOOT, '#444')}</svg>"
    )


def tags(values: dict[str, str]) -> str:
    """Return the elements of the head."""
    return "".join(
        f'<meta {"name" if name.startswith("twitter") else "property"}="{name}" '
        f'content="{escape(value)}">\n'
        for name, value in values.items()
        if value
    )


def describe(
    app: Sphinx, page: str, _template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Write the elements of a page, and its picture where that has an address."""
    if doctree is None or app.builder.name != "html":
        return
    title, site = app.env.titles[page].astext(), app.config.project
    about = app.env.metadata[page].get("description", "")
    base = app.config.html_baseurl
    values = {
        "og:title": title,
        "og:description": about,
        "og:type": "website" if page == app.config.root_doc else "article",
        "og:site_name": site,
        "twitter:card": "summary_large_image" if base else "summary",
    }
    if base:
        import vl_convert  # noqa: PLC0415  # a build that changes nothing is quick

        svg, alt = figure(doctree)
        picture = vl_convert.svg_to_png(card(title, site, about, svg))
        write(Path(app.outdir, "cards", f"{page}.png"), picture)
        values["og:url"] = urljoin(base, app.builder.get_target_uri(page))
        values["og:image"] = urljoin(base, f"cards/{page}.png")
        values |= {"og:image:width": str(WIDTH), "og:image:height": str(HEIGHT)}
        values["og:image:alt"] = alt or f"{title}: {about}"
    context["metatags"] += tags(values)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register what is done with a page."""
    app.connect("html-page-context", describe)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
