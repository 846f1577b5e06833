"""Put SVG pictures into the page itself, so that they take the colours of its theme.

An SVG behind `<img>` cannot see the page: black text stays black on a dark page. Here the file's
markup replaces the image, black becomes the colour of the text and white that of the page, and
`alt` becomes its label.
"""

import re
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.typing import ExtensionMetadata

HEADER = re.compile(r"^.*?(?=<svg)", re.DOTALL)  # the XML declaration and document type
# A style inside of a picture would hold for the whole page; the site's own has its rules.
LEFT_OUT = re.compile(r"\s*<metadata>.*?</metadata>|<style\b.*?</style>", re.DOTALL)
INK = re.compile(r"#000000\b|\bblack\b")
PAPER = re.compile(r"#ffffff\b|\bwhite\b")
IDS = re.compile(r'(\bid="|\bhref="#|url\(#)')


def inline(svg: str, alt: str) -> str:
    """Return the markup of an SVG file, ready to stand in a page."""
    key = sha256(svg.encode()).hexdigest()[:8]
    svg = LEFT_OUT.sub("", HEADER.sub("", svg))
    svg = IDS.sub(rf"\g<1>{key}-", svg)
    svg = INK.sub("currentColor", svg)
    svg = PAPER.sub("var(--color-background-primary, white)", svg)
    label = escape(alt)
    return svg.replace("<svg ", f'<svg fill="currentColor" role="img" aria-label="{label}" ', 1)


class InlineSvg(SphinxPostTransform):
    """Replace the pictures of code cells, and images of SVG files, by their markup."""

    formats = ("html",)
    default_priority = 5  # after the output of a cell is chosen, before images are collected

    def run(self, **_: Any) -> None:
        """Replace every SVG image of the page that has an alternative text."""
        for image in list(self.document.findall(nodes.image)):
            path = Path(self.env.srcdir, image["uri"].lstrip("/"))
            if path.suffix == ".svg" and path.is_file() and image.get("alt"):
                markup = f'<div class="figure-svg">{inline(path.read_text(), image["alt"])}</div>'
                image.replace_self(nodes.raw("", markup, format="html", alt=image["alt"]))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the transform."""
    app.add_post_transform(InlineSvg)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
