"""Turn the resolved doctree of a page into plain Markdown, without a word of MyST.

`markdown(app, doctree, link)` returns the page, outputs included. With `cells`, a mark stands
where each executed cell was. sphinx-markdown-builder does the work. What stands here is what it
does not know, what it loses (a fence in a fence, a digit of a number in a table), and what reads
better otherwise.
"""

from collections.abc import Callable
from typing import Any

from docutils import nodes
from markdown_blocks import Table, block, code
from sphinx.application import Sphinx
from sphinx.builders import Builder
from sphinx_markdown_builder.contexts import (
    IndentContext,
    SubContext,
    SubContextParams,
)
from sphinx_markdown_builder.escape import escape_markdown_chars
from sphinx_markdown_builder.translator import MarkdownTranslator, pushing_context

MARK = "\0{}\0"  # where the cell of this number was


class Translator(MarkdownTranslator):
    """Writes Markdown that any reader of Markdown knows."""

    def __init__(
        self, document: nodes.document, builder: Builder, link: Callable[[str], str], *, cells: bool
    ) -> None:
        super().__init__(document, builder)
        self.link = link
        self.cells = cells

    def paragraph(self, text: str) -> None:
        """Add a paragraph, and go on behind its node."""
        self.add(text, prefix_eol=2, suffix_eol=2)
        raise nodes.SkipNode

    def _fetch_ref_uri(self, node: nodes.reference) -> str:
        """Return where a reference leads, as the reader of this file needs it."""
        uri = f"#{node['refid']}" if "refid" in node else node.get("refuri", "")
        inside = "refid" in node or node.get("internal")
        return self.link(uri) if inside else uri

    def _push_box(self, title: str) -> None:
        """Begin an admonition of a known kind."""
        self._push_context(IndentContext("> ", empty=True, params=SubContextParams(2, 2)))
        self.add(f"**{title.capitalize()}**", suffix_eol=2)

    def visit_admonition(self, node: nodes.admonition) -> None:
        """Begin an admonition: a quotation, or what can be unfolded."""
        title = node[0].astext()
        if node.get("collapsible"):
            self._push_context(SubContext(SubContextParams(2, 2)))
            self.add(f"<details>\n<summary>{title}</summary>", suffix_eol=2)
        else:
            self._push_box(title)

    def depart_admonition(self, node: nodes.admonition) -> None:
        """End it."""
        if node.get("collapsible"):
            self.add("</details>", prefix_eol=2)
        self._pop_context()

    def visit_title(self, node: nodes.title) -> None:
        """Write a heading; that of an admonition is written."""
        if isinstance(node.parent, nodes.Admonition):
            raise nodes.SkipNode
        super().visit_title(node)

    def depart_title(self, _node: nodes.title) -> None:
        """End it."""
        self._pop_context()

    def visit_Text(self, node: nodes.Text) -> None:  # noqa: N802  # the name of the node
        """Write text: a paragraph is one line."""
        text = node.astext()
        if self.status.escape_text:
            text = escape_markdown_chars(text).replace("\n", " ")
        self.add(text)

    def visit_literal(self, node: nodes.literal) -> None:
        """Write code in a sentence."""
        self.add(code(node.astext()))
        raise nodes.SkipNode

    def visit_literal_block(self, node: nodes.literal_block) -> None:
        """Write code, an output, or a doctest."""
        self.paragraph(block(node.astext(), node.get("language", "")))

    def visit_math(self, node: nodes.math) -> None:
        """Write mathematics in a sentence."""
        self.add(f"${' '.join(node.astext().split())}$")
        raise nodes.SkipNode

    def visit_math_block(self, node: nodes.math_block) -> None:
        """Write displayed mathematics."""
        self.paragraph(f"$$\n{node.astext().strip()}\n$$")

    def visit_raw(self, node: nodes.raw) -> None:
        """Write what a picture shows, and nothing of other HTML."""
        if node.get("alt"):
            self.paragraph(f"*Figure: {escape_markdown_chars(' '.join(node['alt'].split()))}*")
        raise nodes.SkipNode

    def visit_image(self, node: nodes.image) -> None:
        """Write what a picture shows."""
        self.visit_raw(node)

    def visit_container(self, node: nodes.container) -> None:
        """Leave a mark for a cell, if wanted."""
        if self.cells and "cell_index" in node and "cell" in node["classes"]:
            self.paragraph(MARK.format(node["cell_index"]))

    def visit_HideCodeCellNode(self, _node: nodes.Element) -> None:  # noqa: N802  # its name
        """Show the code that the page folds."""

    @pushing_context
    def visit_table(self, _node: nodes.table) -> None:
        """Begin a table."""
        self._push_context(Table(params=SubContextParams(2, 2)))

    def visit_Invisible(self, _node: nodes.Invisible) -> None:  # noqa: N802  # the name of the node
        """Write nothing of what has no text."""
        raise nodes.SkipNode

    visit_comment = visit_meta = visit_Invisible

    def visit_target(self, _node: nodes.target) -> None:
        """Write no anchor."""

    def visit_rubric(self, node: nodes.rubric) -> None:
        """Write a heading without a section."""
        self.paragraph(f"**{node.astext()}**")

    def visit_term(self, node: nodes.term) -> None:
        """Write a term."""
        self.paragraph(f"**{node.astext()}**")

    @pushing_context
    def visit_definition(self, _node: nodes.definition) -> None:
        """Begin what a term means."""
        self._push_context(SubContext(SubContextParams(2, 2)))

    def visit_desc_signature(self, node: Any) -> None:
        """Write the name of a function as a heading, and its signature as code."""
        name = ".".join(filter(None, (node.get("module"), node.get("fullname"))))
        self.add(f"### {code(name or node.astext())}", prefix_eol=2, suffix_eol=2)
        self.paragraph(block(node.astext(), "python"))


def markdown(
    app: Sphinx, doctree: nodes.document, link: Callable[[str], str], *, cells: bool = False
) -> str:
    """Return a page as Markdown; `link` turns what leads to a page of this site."""
    app.setup_extension("sphinx_markdown_builder")  # once: the translator asks for its settings
    translator = Translator(doctree, app.builder, link, cells=cells)
    doctree.walkabout(translator)
    return str(translator.astext())
