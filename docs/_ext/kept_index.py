"""Keep in the search what index entries say of a page that is not written again.

Sphinx reads the words of such a page from the last index of the search, but not its entries.
"""

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.builders import Builder
from sphinx.util.index_entries import split_index_msg
from sphinx.util.typing import ExtensionMetadata


def remember(app: Sphinx, doctree: nodes.document) -> None:
    """Keep the entries of a page, as the search has them."""
    app.env.metadata[app.env.docname]["search_entries"] = sorted(
        {
            (text, target, main)
            for node in doctree.findall(addnodes.index)
            for kind, value, target, main, _ in node["entries"]
            for text in split_index_msg(kind, value)
        }
    )


def recall(app: Sphinx, _builder: Builder) -> None:
    """Give the search all entries: those of a page that is written it finds itself."""
    entries = {page: app.env.metadata[page]["search_entries"] for page in app.env.all_docs}
    app.env._search_index_index_entries = entries  # noqa: SLF001


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register both."""
    app.connect("doctree-read", remember, priority=900)  # after others have made entries
    app.connect("write-started", recall)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
