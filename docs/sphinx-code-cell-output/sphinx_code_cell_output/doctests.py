"""The doctests of a page, as Sphinx's doctest builder runs them."""

import doctest
from contextlib import suppress

from docutils import nodes


def is_doctest(node: nodes.Node) -> bool:
    """Whether a block is run by Sphinx's doctest builder."""
    marked = isinstance(node, nodes.Element) and node.get("testnodetype") == "doctest"
    return marked or isinstance(node, nodes.doctest_block)


def examples(doctree: nodes.document) -> list[doctest.Example]:
    """Return the examples of a page's doctests, except those that the doctest builder refuses."""
    found = []
    for block in doctree.findall(is_doctest):
        with suppress(ValueError):
            found += doctest.DocTestParser().get_examples(block.astext())
    return found
