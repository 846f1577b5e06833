"""Errors of cells: short for the reader of a page, with the page and the line for its writer."""

import re
from typing import Any

from docutils import nodes
from myst_nb.sphinx_ import Parser
from myst_parser.parsers.sphinx_ import MystParser
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.typing import ExtensionMetadata

logger = logging.getLogger(__name__)

ANSI = re.compile(r"\x1b\[[\d;]*m")
HEAD = re.compile(r"^(\w+) +Traceback \(most recent call last\)$", re.MULTILINE)
WHERE = re.compile(r"^-+> (\d+) (.*)$", re.MULTILINE)
PLACE = re.compile(r"^.*\.py:(?=\d+: \w+: )", re.MULTILINE)


class NamingParser(Parser):
    """MyST-NB's parser, which says where a kernel died, or on which page it can't be started."""

    def parse(self, inputstring: str, document: nodes.document) -> None:
        """Parse a page, and make what stops its kernel an error of the page."""
        try:
            super().parse(inputstring, document)
        except Exception as error:  # noqa: BLE001  # what stops a kernel has no common base
            known: dict[str, Any] = {}
            frame = error.__traceback__
            while frame:
                known |= frame.tb_frame.f_locals
                frame = frame.tb_next
            lines = getattr(known.get("notebook"), "metadata", {}).get("source_map", [])
            line = dict(enumerate(lines)).get(known.get("cell_index"), 1)
            logger.error(  # noqa: TRY400  # the traceback is that of libraries
                "%s: %s",
                type(error).__name__,
                error,
                location=(document.settings.env.docname, line),
            )
            document.attributes.pop("nb_renderer", None)
            MystParser.parse(self, "", document)  # the page is empty, but the build goes on


def short(traceback: str) -> str:
    """Keep the line of the cell, and the error: not the frames of the libraries between them."""
    *_, name = "", *HEAD.findall(traceback)
    frames, _, error = traceback.rpartition(f"\n\n{name}")
    error = name + error
    where = WHERE.search(frames)
    place = f"  line {where[1]}: {where[2].strip()}\n" if where else ""
    return f"Traceback (most recent call last):\n{place}{error}"


def shorten(_app: Sphinx, doctree: nodes.document) -> None:
    """Shorten what the cells of a page have printed on going wrong."""
    for block in list(doctree.findall(nodes.literal_block)):
        if "traceback" in block["classes"]:
            text, language = short(ANSI.sub("", block.astext())), "pytb"
        elif "stderr" in block["classes"]:
            text, language = PLACE.sub("line ", block.astext()), "none"
        else:
            continue
        block.replace_self(
            nodes.literal_block(text, text, language=language, classes=block["classes"])
        )


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the parser and the shortening."""
    app.add_source_parser(NamingParser, override=True)
    app.connect("doctree-read", shorten)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
