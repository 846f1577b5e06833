"""Figures that a reader can move: a Vega specification, its sliders, and a picture without script.

`{vega-figure} name` shows `spec` of `_figures/name.py`; what several share lies there as well, in
files that begin with an underscore. The page holds the specification, and its
picture for the default values, which stands there until the script has drawn the living one; `alt`
is the text of that picture. The script is one file, made from what vl-convert carries: only pages
that have a figure ask for it, and it asks no other host.
"""

import json
import runpy
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any, ClassVar

import vl_convert
from docutils import nodes
from docutils.parsers.rst import directives
from inline_svg import inline
from sphinx.application import Sphinx
from sphinx.builders import Builder
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata, OptionSpec

HERE = Path(__file__).parent
SNIPPET = (HERE / "vega_figure.js").read_text()
LICENSES = (HERE / "vega_licenses.txt").read_text()
# The name changes with the content: a browser keeps no old script, and a build makes it once.
KEY = sha256(f"{vl_convert.__version__}{SNIPPET}{LICENSES}".encode()).hexdigest()[:8]
SCRIPT = f"vega-{KEY}.js"


class VegaFigure(SphinxDirective):
    """Show a figure of the folder `_figures`."""

    required_arguments = 1
    option_spec: ClassVar[OptionSpec] = {"alt": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """Write the place of the controls, the picture, and the specification."""
        name = self.arguments[0]
        file = Path(self.env.srcdir, "_figures", f"{name}.py")
        if not file.is_file():
            raise self.error(f"there is no figure {file}")
        if "alt" not in self.options:
            raise self.error("a figure needs an alt text")
        for part in (file, *file.parent.glob("_*.py")):
            self.env.note_dependency(part)
        self.env.metadata[self.env.docname]["vega_figure"] = True
        spec = runpy.run_path(str(file))["spec"]
        alt = self.options["alt"]
        return [nodes.raw("", markup(name, spec, alt), format="html", alt=alt)]


def markup(name: str, spec: dict[str, Any], alt: str) -> str:
    """Return a figure as HTML."""
    controls = sum("bind" in signal for signal in spec["signals"])
    picture = inline(vl_convert.vega_to_svg(spec), " ".join(alt.split()))
    data = json.dumps(spec, separators=(",", ":")).replace("<", r"\u003c")
    return (
        f'<div class="vega-figure" id="figure-{name}">'
        f'<div class="controls" role="group" aria-label="{escape(spec["description"])}" '
        f'style="--controls: {controls}"></div>'
        f'<div class="figure-svg">{picture}</div>'
        f'<script type="application/json">{data}</script>'
        "</div>"
    )


def write_script(app: Sphinx, builder: Builder) -> None:
    """Write the script, if a page needs it and it is not there yet."""
    file = Path(app.outdir, "_static", SCRIPT)
    used = any("vega_figure" in meta for meta in app.env.metadata.values())
    if builder.format == "html" and used and not file.exists():
        bundle = vl_convert.javascript_bundle(SNIPPET)
        file.parent.mkdir(exist_ok=True)
        # The names of the bundle are its own, which a module would give as well: but browsers load
        # no module from a file.
        file.write_text(f'/*!\n{LICENSES}*/\n(() => {{"use strict";{bundle}}})();\n')


def ask_for_script(
    app: Sphinx, page: str, _template: str, _context: dict[str, Any], _doc: Any
) -> None:
    """Load the script on a page that has a figure, after its text."""
    if "vega_figure" in app.env.metadata.get(page, ()):
        app.add_js_file(SCRIPT, loading_method="defer")


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive and the script."""
    app.add_directive("vega-figure", VegaFigure)
    app.connect("write-started", write_script)
    app.connect("html-page-context", ask_for_script)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
