"""The front of the site and of a page: the reading order, and the day on which a page was checked.

`{reading-order}` names captions of toctrees of the same page, one a line. Each becomes a list of
its pages with title, description and minutes. Sphinx rewrites the page of a toctree when one of
its pages has changed, and so the list.

Minutes are the words of prose at 238 a minute, the mean for silent reading of English non-fiction
(M. Brysbaert, "How many words do we read per minute?", Journal of Memory and Language 109, 2019,
https://doi.org/10.1016/j.jml.2019.104047), and half a minute, which is a guess, for each block of
code with its output, and for each displayed formula.

`checked_with = {"name": version}` names the versions below the title of an executed page. The day
is that of its execution, or SOURCE_DATE_EPOCH, in UTC: a page that a later build does not execute
again keeps its line.
"""

import os
from datetime import UTC, datetime
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.i18n import format_date
from sphinx_code_cell_output.doctests import is_doctest
from sphinx_code_cell_output.prose import in_code

logger = logging.getLogger(__name__)

WORDS_A_MINUTE = 238
MINUTES_A_BLOCK = 0.5


class Place(nodes.General, nodes.Element):
    """The placeholder of the list of one caption, until all pages are read."""


class ReadingOrder(SphinxDirective):
    """Show the pages of some toctrees in their order."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return a placeholder for each caption."""
        self.assert_has_content()
        places = [Place(caption=caption) for caption in self.content if caption]
        for place in places:
            self.set_source_info(place)
        return list(places)


def is_block(node: nodes.Node) -> bool:
    """Whether a node is a cell, a doctest, or a displayed formula."""
    cell = isinstance(node, nodes.container) and "cell" in node["classes"]
    return cell or is_doctest(node) or isinstance(node, nodes.math_block)


def minutes(doctree: nodes.document) -> int:
    """Return the reading time of a page, at least one minute."""
    texts = doctree.findall(nodes.Text)
    prose = [text for text in texts if not (in_code(text) or is_block(text.parent))]
    words = sum(len(text.split()) for text in prose)
    blocks = sum(map(is_block, doctree.findall()))
    return max(1, round(words / WORDS_A_MINUTE + blocks * MINUTES_A_BLOCK))


def time_page(app: Sphinx, doctree: nodes.document) -> None:
    """Store the reading time of a page, and the toctrees that its placeholders name."""
    meta = app.env.metadata[app.env.docname]
    meta["minutes"] = minutes(doctree)
    trees = {tree["caption"]: tree["includefiles"] for tree in doctree.findall(addnodes.toctree)}
    for place in doctree.findall(Place):
        if place["caption"] not in trees:
            message = "reading-order: expected one of the captions %s, got %r"
            logger.warning(message, [*trees], place["caption"], location=place)
        place["pages"] = trees.get(place["caption"], [])


def fill_lists(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Replace each placeholder by its list."""
    for place in list(doctree.findall(Place)):
        pages = [page for page in place["pages"] if page in app.env.titles]
        items = [item(app, docname, page) for page in pages]
        place.replace_self(nodes.enumerated_list("", *items, classes=["reading-order"]))


def item(app: Sphinx, docname: str, page: str) -> nodes.list_item:
    """Return one page of a list: its title, minutes, and description."""
    meta = app.env.metadata[page]
    title = [child.deepcopy() for child in app.env.titles[page].children]
    uri = app.builder.get_relative_uri(docname, page)
    link = nodes.reference("", "", *title, internal=True, refuri=uri)
    time = nodes.inline("", f" {meta['minutes']} min", classes=["minutes"])
    found = nodes.list_item("", nodes.paragraph("", "", link, time))
    if meta["description"]:
        found += nodes.paragraph("", meta["description"])
    return found


class CheckedOn(nodes.Invisible, nodes.Element):
    """The line of the check. It has no text, so that no search or summary begins with it."""


def executed_on(env: Any) -> datetime | None:
    """Return when the page being read was executed; None if it has no cells."""
    data = getattr(env, "nb_metadata", {}).get(env.docname, {}).get("exec_data")
    if not data:
        return None
    return datetime.fromtimestamp(float(os.getenv("SOURCE_DATE_EPOCH", data["mtime"])), tz=UTC)


def add_day(app: Sphinx, doctree: nodes.document) -> None:
    """Insert the line below the title of an executed page."""
    title, when = next(doctree.findall(nodes.title), None), executed_on(app.env)
    if title is None or when is None:
        return
    versions = [f"{name} {version}" for name, version in app.config.checked_with.items()]
    line = CheckedOn(
        date=format_date("%Y-%m-%d", date=when, language="en"),
        words=format_date("%-d %B %Y", date=when, language="en"),
        versions=f" with {', '.join(versions)}" if versions else "",
    )
    title.parent.insert(title.parent.index(title) + 1, line)


def visit_checked_on(translator: Any, line: CheckedOn) -> None:
    """Write the line as HTML."""
    time = translator.starttag(line, "time", "", datetime=line["date"])
    start = translator.starttag(line, "div", "", CLASS="checked-on")
    versions = translator.encode(line["versions"])
    translator.body.append(f"{start}Checked on {time}{line['words']}</time>{versions}</div>\n")


def skip_checked_on(_translator: Any, _line: CheckedOn) -> None:
    """Write nothing, in other builders and after the line."""
