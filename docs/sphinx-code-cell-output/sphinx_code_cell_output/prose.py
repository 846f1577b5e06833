"""No number on faith: what stands in the prose of a page must stand in what the page computed.

Every number with a decimal point, or of three digits and more, in the text, the mathematics and the
alternative texts of a page must appear, digit by digit, in an output of its cells or in a doctest
of the same page. `prose_numbers_allowed` maps each exception to its reason.
"""

import doctest
import re
from collections.abc import Iterator
from contextlib import suppress

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.typing import ExtensionMetadata

logger = logging.getLogger(__name__)

# A number on its own: not the end of a name (float32), nor part of a version or a date.
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


def is_doctest(node: nodes.Node) -> bool:
    """Whether a block is run by Sphinx's doctest builder."""
    marked = isinstance(node, nodes.Element) and node.get("testnodetype") == "doctest"
    return marked or isinstance(node, nodes.doctest_block)


def examples(doctree: nodes.document) -> list[doctest.Example]:
    """Return the examples of a page's doctests, but for those that the doctest builder refuses."""
    found = []
    for block in doctree.findall(is_doctest):
        with suppress(ValueError):
            found += doctest.DocTestParser().get_examples(block.astext())
    return found


def computed(doctree: nodes.document) -> set[str]:
    """Return the numbers that the cells of a page show, and those that its doctests expect."""
    outputs = [
        block.astext()
        for block in doctree.findall(nodes.literal_block)
        if "output" in block["classes"]
    ]
    wants = [example.want for example in examples(doctree)]
    return set(numbers("\n".join([*outputs, *wants])))


def prose(doctree: nodes.document) -> Iterator[tuple[int, str]]:
    """Yield each text of a page that is written for a person, with its line."""
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
        if isinstance(node, NOT_PROSE):
            return True
    return False


def claims(doctree: nodes.document) -> Iterator[tuple[int, str]]:
    """Yield, with its line, each number of the prose that must be computed."""
    for line, text in prose(doctree):
        for number in numbers(text):
            if re.search(r"[.e]|\d{3}", number):
                yield line, number


def check(app: Sphinx, doctree: nodes.document) -> None:
    """Warn of each number that the page does not compute."""
    env, known = app.env, computed(doctree)
    found = [claim for claim in claims(doctree) if claim[1] not in app.config.prose_numbers_allowed]
    for line, number in found:
        if number not in known:
            message = "the number %s stands in no output and no doctest of this page"
            logger.warning(message, number, location=(env.docname, line), type="prose_numbers")
            env.note_reread()
    env.metadata[env.docname]["checked_numbers"] = len(found)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the check."""
    app.add_config_value("prose_numbers_allowed", default={}, rebuild="env", types=dict)
    app.connect("doctree-read", check, priority=600)  # after the tracebacks are shortened
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
