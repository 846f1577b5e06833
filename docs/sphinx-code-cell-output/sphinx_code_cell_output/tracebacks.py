"""Short tracebacks: the line of the cell and the error, without the frames of libraries."""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

ANSI = re.compile(r"\x1b\[[\d;]*m")
HEAD = re.compile(r"^(\w+) +Traceback \(most recent call last\)$", re.MULTILINE)
WHERE = re.compile(r"^-+> (\d+) (.*)$", re.MULTILINE)
PLACE = re.compile(r"^.*\.py:(?=\d+: \w+: )", re.MULTILINE)


def short(traceback: str) -> str:
    """Return a traceback with the line of the cell and the error alone."""
    *_, name = "", *HEAD.findall(traceback)
    frames, _, error = traceback.rpartition(f"\n\n{name}")
    error = name + error
    where = WHERE.search(frames)
    place = f"  line {where[1]}: {where[2].strip()}\n" if where else ""
    return f"Traceback (most recent call last):\n{place}{error}"


def shorten(_app: Sphinx, doctree: nodes.document) -> None:
    """Shorten the tracebacks of a page, and remove the file and line of its warnings."""
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


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the shortening."""
    app.connect("doctree-read", shorten, priority=550)  # after the check of the cells (500)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
