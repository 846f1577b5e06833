"""Figures as SVG inside the page, and Vega figures that a reader can move.

An SVG behind `<img>` cannot see the page: black text stays black on a dark page. So the markup of
the file replaces the image, black becomes the colour of the text and white that of the page, and
`alt` becomes the label.

`{vega-figure} name` shows `spec` of `docs/_figures/name.py`, with `alt` as its text. Until the
script runs, the page shows the picture for the default values; where no script can run, and on
paper, also the pictures of `stills`, if the file has any. The script is one file, made from the
modules inside vl-convert, and it loads nothing else. It is three times as heavy as a page, so
`_static/figures.js` loads it when a figure comes near.
"""

import json
import re
import runpy
from collections.abc import Sequence
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any, ClassVar

import vl_convert
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.builders import Builder
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import OptionSpec

FOLDER = Path(__file__).parents[2] / "_figures"
EMBED = (FOLDER / "_embed.js").read_text("utf-8")
LICENSES = (FOLDER / "_licenses.txt").read_text("utf-8")
# The name changes with the content: no browser keeps an old script, and a build writes it once.
VERSION = vl_convert.__version__  # type: ignore[attr-defined]
KEY = sha256(f"{VERSION}{EMBED}{LICENSES}".encode()).hexdigest()[:8]
SCRIPT = f"vega-{KEY}.js"
LOADER = "figures.js"

HEADER = re.compile(r"^.*?(?=<svg)", re.DOTALL)  # the XML declaration and document type
# A style inside a picture would apply to the whole page; site.css has the rules for pictures.
LEFT_OUT = re.compile(r"\s*<metadata>.*?</metadata>|<style\b.*?</style>", re.DOTALL)
INK = re.compile(r"#000000\b|\bblack\b")
PAPER = re.compile(r"#ffffff\b|\bwhite\b")
IDS = re.compile(r'(\bid="|\bhref="#|url\(#)')


def inline(svg: str, alt: str) -> str:
    """Return the markup of an SVG file for use inside a page."""
    key = sha256(svg.encode()).hexdigest()[:8]
    svg = LEFT_OUT.sub("", HEADER.sub("", svg))
    svg = IDS.sub(rf"\g<1>{key}-", svg)
    svg = INK.sub("currentColor", svg)
    svg = PAPER.sub("var(--color-background-primary, white)", svg)
    label = escape(alt)
    return svg.replace("<svg ", f'<svg fill="currentColor" role="img" aria-label="{label}" ', 1)


class InlineSvg(SphinxPostTransform):
    """Replace SVG images, those of code cells too, by their markup."""

    formats = ("html",)
    default_priority = 5  # after the output of a cell is chosen, before images are collected

    def run(self, **_: Any) -> None:
        """Replace every SVG image of the page that has an alternative text."""
        for image in list(self.document.findall(nodes.image)):
            path = Path(self.env.srcdir, image["uri"].lstrip("/"))
            if path.suffix == ".svg" and path.is_file() and image.get("alt"):
                markup = f'<div class="figure-svg">{inline(path.read_text(), image["alt"])}</div>'
                image.replace_self(nodes.raw("", markup, format="html", alt=image["alt"]))


class VegaFigure(SphinxDirective):
    """Show a Vega figure of the folder `_figures`."""

    required_arguments = 1
    option_spec: ClassVar[OptionSpec] = {"alt": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """Return the figure as raw HTML."""
        name = self.arguments[0]
        file = Path(self.env.srcdir, "_figures", f"{name}.py")
        if not file.is_file():
            raise self.error(f"there is no figure {file}")
        if "alt" not in self.options:
            raise self.error("a figure needs an alt text")
        for part in (file, *file.parent.glob("_*.py")):
            self.env.note_dependency(part)
        self.env.metadata[self.env.docname]["vega_figure"] = True
        figure = runpy.run_path(str(file))
        alt = self.options["alt"]
        markup = vega_markup(name, figure["spec"], alt, figure.get("stills", []))
        return [nodes.raw("", markup, format="html", alt=alt)]


def vega_markup(
    name: str, spec: dict[str, Any], alt: str, stills: Sequence[dict[str, Any]] = ()
) -> str:
    """Return a Vega figure as HTML: the controls, the default picture, the specification."""
    controls = sum("bind" in signal for signal in spec["signals"])
    picture = inline(vl_convert.vega_to_svg(spec), " ".join(alt.split()))
    data = json.dumps(spec, separators=(",", ":")).replace("<", r"\u003c")
    strip = [inline(vl_convert.vega_to_svg(still), still["description"]) for still in stills]
    return (
        f'<div class="vega-figure" id="figure-{name}">'
        f'<div class="controls" role="group" aria-label="{escape(spec["description"])}" '
        f'style="--controls: {controls}"></div>'
        f'<div class="figure-svg">{picture}</div>'
        + (f'<div class="figure-stills">{"".join(strip)}</div>' if strip else "")
        + f'<script type="application/json">{data}</script>'
        "</div>"
    )


def write_script(app: Sphinx, builder: Builder) -> None:
    """Write the script of the Vega figures, if a page has one and the file is missing."""
    file = Path(app.outdir, "_static", SCRIPT)
    used = any("vega_figure" in meta for meta in app.env.metadata.values())
    if builder.format == "html" and used and not file.exists():
        bundle = vl_convert.javascript_bundle(EMBED)
        file.parent.mkdir(exist_ok=True)
        # A function keeps the bundle's names private. A module would as well, but browsers load no
        # module from a file.
        file.write_text(f'/*!\n{LICENSES}*/\n(() => {{"use strict";{bundle}}})();\n')


def load_script(
    app: Sphinx, page: str, _template: str, _context: dict[str, Any], _doctree: Any
) -> None:
    """Load the loader of the script on a page that has a Vega figure, after its text."""
    if "vega_figure" in app.env.metadata.get(page, ()):
        attributes: dict[str, Any] = {"loading_method": "defer", "data-script": SCRIPT}
        app.add_js_file(LOADER, **attributes)
