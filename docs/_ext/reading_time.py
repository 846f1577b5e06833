"""Show in which order to read the pages, and how long each takes: `{reading-order}`.

The content names captions of toctrees of the same page, one a line; each becomes a list of its
pages, with title, description (that of the page's `html_meta`, if any) and minutes. Sphinx writes
the page of a toctree anew when one of its pages has changed, and so the list.

Minutes are counted from the page itself: its words of prose at 238 a minute, the mean for silent
reading of English non-fiction (M. Brysbaert, "How many words do we read per minute?", Journal of
Memory and Language 109, 2019, https://doi.org/10.1016/j.jml.2019.104047); and half a minute, which
is a guess, for each block of code with its output, and for each displayed formula.
"""

from typing import Any, cast

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata
from sphinx_code_cell_output.doctests import is_doctest
from sphinx_code_cell_output.prose import in_code

logger = logging.getLogger(__name__)

WORDS_A_MINUTE = 238
MINUTES_A_BLOCK = 0.5


class Place(nodes.General, nodes.Element):
    """The place of the list of one caption, until all pages are read."""


class ReadingOrder(SphinxDirective):
    """Show the pages of some toctrees, in their order."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Leave a place for each caption."""
        self.assert_has_content()
        places = [Place(caption=caption) for caption in self.content if caption]
        for place in places:
            self.set_source_info(place)
        return list(places)


def is_block(node: nodes.Node) -> bool:
    """Whether a node takes the time of a block: a cell, a doctest, or a formula."""
    cell = isinstance(node, nodes.container) and "cell" in node["classes"]
    return cell or is_doctest(node) or isinstance(node, nodes.math_block)


def minutes(doctree: nodes.document) -> int:
    """Return how long a page takes: at least one minute."""
    texts = doctree.findall(nodes.Text)
    prose = [text for text in texts if not (in_code(text) or is_block(text.parent))]
    words = sum(len(text.split()) for text in prose)
    blocks = sum(map(is_block, doctree.findall()))
    return max(1, round(words / WORDS_A_MINUTE + blocks * MINUTES_A_BLOCK))


def keep(app: Sphinx, doctree: nodes.document) -> None:
    """Keep what the list says about a page; and of a page with the list, its toctrees."""
    meta: Any = app.env.metadata[app.env.docname]
    metas = {node.get("name"): node["content"] for node in doctree.findall(nodes.meta)}
    meta["reading"] = (minutes(doctree), metas.get("description", ""))
    trees = {tree["caption"]: tree["includefiles"] for tree in doctree.findall(addnodes.toctree)}
    for place in doctree.findall(Place):
        if place["caption"] not in trees:
            message = "reading-order: expected one of the captions %s, got %r"
            logger.warning(message, [*trees], place["caption"], location=place)
        place["pages"] = trees.get(place["caption"], [])


def fill(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put each list in its place."""
    for place in list(doctree.findall(Place)):
        pages = [page for page in place["pages"] if page in app.env.titles]
        items = [item(app, docname, page) for page in pages]
        place.replace_self(nodes.enumerated_list("", *items, classes=["reading-order"]))


def item(app: Sphinx, docname: str, page: str) -> nodes.list_item:
    """Return one page of a list: its title, minutes, and description."""
    time, description = cast("Any", app.env.metadata[page]["reading"])
    title = [child.deepcopy() for child in app.env.titles[page].children]
    uri = app.builder.get_relative_uri(docname, page)
    link = nodes.reference("", "", *title, internal=True, refuri=uri)
    line = nodes.paragraph("", "", link, nodes.inline("", f" {time} min", classes=["minutes"]))
    return nodes.list_item("", line, *([nodes.paragraph("", description)] if description else []))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive, the counting and the lists."""
    app.add_node(Place)
    app.add_directive("reading-order", ReadingOrder)
    app.connect("doctree-read", keep, priority=700)
    app.connect("doctree-resolved", fill)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
