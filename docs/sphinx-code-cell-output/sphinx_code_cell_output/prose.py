"""Numbers in prose: each must be in an output or a doctest of its page.

Every number with a decimal point, or of three digits and more, in the text, the mathematics and the
alternative texts of a page must appear, digit by digit, in an output of its cells or in a doctest
of the same page. `code_cell_output_prose_allowed` maps each exception to its reason.
"""

import re
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util import logging

from sphinx_code_cell_output.doctests import examples
from sphinx_code_cell_output.html_text import html_text

logger = logging.getLogger(__name__)

# A number, but not the end of a name (float32), nor part of a version or a date.
NUMBER = re.compile(r"(?<![\w.\-])-?\d+(?:,\d{3})*(?:\.\d+)?(?:e[-+]?\d+)?(?!\w|[.,\-]\d)")
NOT_PROSE = (
    nodes.literal_block,
    nodes.doctest_block,
    nodes.comment,
    nodes.raw,
    addnodes.desc_signature,
)


def numbers(text: str) -> list[str]:
    """Return the numbers of a text, without the commas between their thousands."""
    return [found.replace(",", "") for found in NUMBER.findall(text)]


def computed(doctree: nodes.document) -> set[str]:
    """Return the numbers that the cells of a page show, and those that its doctests expect."""
    wants = [example.want for example in examples(doctree)]
    return set(numbers("\n".join([*output_texts(doctree), *wants])))


def is_output(node: nodes.Node) -> bool:
    """Whether a node is an output of a cell, or all of them."""
    return isinstance(node, nodes.Element) and bool({"output", "cell_output"} & {*node["classes"]})


def output_texts(doctree: nodes.document) -> Iterator[str]:
    """Yield the texts of the outputs of a page, those of HTML without its tags."""
    for output in doctree.findall(is_output):
        for node in output.findall():
            if isinstance(node, nodes.raw) and node.get("format") == "html":
                yield html_text(node.astext())
            elif isinstance(node, nodes.Text) and not isinstance(node.parent, nodes.raw):
                yield node.astext()


def prose(doctree: nodes.document) -> Iterator[tuple[int, str]]:
    """Yield each text of the prose of a page, with its line."""
    line = 0
    for node in doctree.findall():
        line = node.line or line
        if isinstance(node, nodes.image):
            yield line, node.get("alt", "")
        elif isinstance(node, nodes.Text) and not in_code(node):
            yield line, node.astext()


def in_code(node: nodes.Node) -> bool:
    """Whether a text is code, or output, or a signature."""
    while node := node.parent:
        if isinstance(node, NOT_PROSE) or is_output(node):
            return True
    return False


def claims(doctree: nodes.document) -> Iterator[tuple[int, str]]:
    """Yield each number of the prose that must be computed, with its line."""
    for line, text in prose(doctree):
        for number in numbers(text):
            if re.search(r"[.e]|\d{3}", number):
                yield line, number


def check(app: Sphinx, doctree: nodes.document) -> None:
    """Warn of each number that the page does not compute."""
    env, known = app.env, computed(doctree)
    allowed = app.config.code_cell_output_prose_allowed
    found = [claim for claim in claims(doctree) if claim[1] not in allowed]
    for line, number in found:
        if number not in known:
            logger.warning(
                "the number %s is in no output and no doctest of this page",
                number,
                location=(env.docname, line),
                type="code_cell_output",
                subtype="prose",
            )
            env.note_reread()
    env.metadata[env.docname]["checked_numbers"] = len(found)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the setting and the check."""
    app.add_config_value("code_cell_output_prose_allowed", {}, rebuild="env", types=(dict,))
    app.connect("doctree-read", check, priority=600)  # after .tracebacks (550)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
