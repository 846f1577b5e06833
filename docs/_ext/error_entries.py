"""A page of errors: the kind of each entry, an overview of them, and a search for their messages.

An entry is a section with a label `(error-...)=`. What its first cell states says its kind. Each
message of an entry goes into the index of the search, and leads to the entry; error_search.js sees
that a message with other numbers leads there as well.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from docutils import nodes
from error_cells import MESSAGE, cells, entries
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata
from sphinx_code_cell_output.counts import row_of


class Overview(nodes.General, nodes.Element):
    """The place of the overview, until the page is read."""


class ErrorOverview(SphinxDirective):
    """List all entries of this page, each with its kind and its message."""

    def run(self) -> list[nodes.Node]:
        """Leave the place of the list."""
        return [Overview()]


def kind(message: str) -> str:
    """Return in one word how loud a mistake is, by what its first cell says."""
    name = message.partition(":")[0]
    return "Error" if name.endswith("Error") else "Warning" if name else "Silent"


def row(section: nodes.section, message: str) -> nodes.row:
    """Return the row of an entry, with the first sentence of its message."""
    title = [child.deepcopy() for child in section[0].children]
    name = section["ids"][0]
    entry = nodes.inline("", "", nodes.reference("", "", *title, refid=name, internal=True))
    if message:
        sentence = message.partition(". ")[0]
        entry += [nodes.Text(" "), nodes.literal(sentence, sentence)]
    return row_of([kind(message), entry])


def table(rows: list[nodes.row]) -> nodes.table:
    """Return the overview."""
    group = nodes.tgroup("", *(nodes.colspec(colwidth=width) for width in (1, 7)), cols=2)
    group += [nodes.thead("", row_of(["Kind", "Entry"])), nodes.tbody("", *rows)]
    return nodes.table("", group, classes=["error-overview"])


def index(section: nodes.section, messages: Iterable[str]) -> None:
    """Let the search find messages, and lead to a section."""
    name = section["ids"][0]
    # Sphinx would take a semicolon for the end of an entry. The search compares words.
    texts = [message.replace(";", ",") for message in messages]
    found = [("single", text, name, "main", None) for text in texts]
    section.insert(1, addnodes.index(entries=found))


def enter(app: Sphinx, doctree: nodes.document) -> None:
    """Mark each entry of a page, index its messages, and fill the overview."""
    _, parts = entries(Path(app.env.doc2path(app.env.docname)).read_text("utf-8"))
    sections = {name: node for node in doctree.findall(nodes.section) for name in node["ids"]}
    rows, seen = [], set[str]()
    for name, text in parts.items():
        section = sections[name]
        section["ids"].sort(key=lambda one: one != name)  # the first one is linked to, and found
        first = MESSAGE.search(cells(text)[0].stated)
        message = first[0] if first else ""
        rows.append(row(section, message))
        index(section, (one for one in MESSAGE.findall(text) if one not in seen))
        seen.update(MESSAGE.findall(text))
        classes = ["error-kind", kind(message).lower()]
        section.insert(1, nodes.paragraph("", kind(message), classes=classes))
    for place in list(doctree.findall(Overview)):
        place.replace_self(table(rows))


def help_the_search(
    app: Sphinx, page: str, _template: str, _context: dict[str, Any], _doc: Any
) -> None:
    """Load the script on the page of the search, before the search begins."""
    if page == "search":
        app.add_js_file("error_search.js", loading_method="defer")


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive, the script, and what is done with a page once it is read."""
    app.add_node(Overview)
    app.add_directive("error-overview", ErrorOverview)
    app.connect("doctree-read", enter, priority=400)  # before the titles are collected
    app.connect("html-page-context", help_the_search)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
