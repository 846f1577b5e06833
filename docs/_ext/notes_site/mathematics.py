"""Mathematics as SVG, drawn during the build: a page needs no script and no font for it.

`html_math_renderer = "svg"` selects this renderer. ziamath turns LaTeX into glyphs, which a page
holds once; each formula has its LaTeX as text alternative, the colour and the baseline of its text.
"""

import re
from functools import cache
from html import escape
from typing import Any
from xml.etree import ElementTree as ET

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)

MATHML = "{http://www.w3.org/1998/Math/MathML}"
UNIT = 20 / 1.12  # pixels to an em: at this ratio the x-height meets that of the text
GLYPH = re.compile(r'<symbol id="([^"]+)".*?</symbol>', re.DOTALL)
# LaTeX that ziamath drops or draws wrongly, without an error.
UNDRAWN = re.compile(
    r"\\(mathrel|mathbin|mathop|mathtt|texttt|mathbb\{1\}|operatorname\*|nonumber|hline|hat\b|_|\\\[)"
)


@cache
def svg(latex: str, *, inline: bool) -> str:
    """Return LaTeX as an SVG element; raise ValueError if ziamath can't draw all of it."""
    if found := UNDRAWN.search(latex):
        raise ValueError(f"{found[0]} is not supported")
    import ziamath  # noqa: PLC0415  # an import that builds without new pages save

    ziamath.config.svg2 = True  # a glyph is a symbol, drawn once and used by name
    ziamath.config.precision = 1
    try:
        drawn = ziamath.Math(mathml(latex, inline=inline), size=20).svgxml()
    except Exception as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error
    _, top, width, height = (float(number) for number in drawn.get("viewBox", "").split())
    drawn.set("width", f"{width / UNIT:.3f}em")
    drawn.set("height", f"{height / UNIT:.3f}em")
    drawn.set("role", "img")
    drawn.set("aria-label", " ".join(latex.split()))
    if inline:
        drawn.set("style", f"vertical-align: {-(top + height) / UNIT:.3f}em")
    for attribute in ("xmlns", "xmlns:xlink"):
        drawn.attrib.pop(attribute, None)
    return ET.tostring(drawn, encoding="unicode", short_empty_elements=False)


def mathml(latex: str, *, inline: bool) -> ET.Element:
    """Return LaTeX as MathML, with TeX's spacing where ziamath's is tighter."""
    from ziamath.tex import tex2mml  # noqa: PLC0415

    root = ET.fromstring(tex2mml(latex, inline=inline))  # noqa: S314  # made from our own pages
    if unknown := re.search(r"\\\w+", " ".join(root.itertext())):
        raise ValueError(f"{unknown[0]} is not supported")
    root.set("mathcolor", "currentColor")
    for table in root.iter(f"{MATHML}mtable"):
        table.attrib.setdefault("columnspacing", "0.9em")
        table.set("rowspacing", "0.5em")
    for fraction in root.iter(f"{MATHML}mfrac"):
        for part in fraction:
            part.set("displaystyle", "false")
    return root


def draw(node: nodes.math | nodes.math_block, *, inline: bool) -> str:
    """Return the SVG of a node; warn and return its LaTeX if it can't be drawn."""
    latex = node.astext()
    try:
        return svg(latex, inline=inline)
    except ValueError as error:
        logger.warning("mathematics cannot be drawn: %s in %r", error, latex, location=node)
        return escape(latex)


def visit_math(self: HTML5Translator, node: nodes.math) -> None:
    """Write inline mathematics."""
    self.body.append(f'<span class="math">{draw(node, inline=True)}</span>')
    raise nodes.SkipNode


def visit_math_block(self: HTML5Translator, node: nodes.math_block) -> None:
    """Write displayed mathematics, with the number of a labelled formula."""
    self.body.append(self.starttag(node, "div", CLASS="math"))
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append(f"{draw(node, inline=False)}</div>\n")
    raise nodes.SkipNode


def share_glyphs(
    _app: Sphinx, _page: str, _template: str, context: dict[str, Any], _doc: Any
) -> None:
    """Move the glyphs of all formulas to the start of a page, each once."""
    body = context.get("body", "")
    glyphs = {found[1]: found[0] for found in GLYPH.finditer(body)}
    if glyphs:
        sprite = f'<svg class="glyphs" aria-hidden="true">{"".join(glyphs.values())}</svg>'
        context["body"] = sprite + GLYPH.sub("", body)
