"""Each page as plain Markdown beside its HTML, and `llms.txt`, the list of all pages.

`page.md` is the content of `page.html`, outputs and docstrings included, for readers without a
browser. The head of `page.html` links it. `llms.txt` has the form of https://llmstxt.org/: title,
summary, and the pages with their descriptions.

sphinx-markdown-builder does most of the work. `Translator` adds the nodes that it does not know,
keeps the text that it loses (a fence inside a fence, a digit of a number in a table), and writes
some constructs more readably.
"""

import posixpath
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.builders import Builder
from sphinx.environment import BuildEnvironment
from sphinx_markdown_builder.contexts import (
    IndentContext,
    SubContext,
    SubContextParams,
    TableContext,
)
from sphinx_markdown_builder.escape import escape_markdown_chars
from sphinx_markdown_builder.translator import MarkdownTranslator, pushing_context

from notes_site.head import about
from notes_site.html import write

MARK = "\0{}\0"  # the placeholder of the cell of this number
PAGE = re.compile(r"\.html(?=#|$)")
LANGUAGES = {"ipython3": "python", "none": "", "default": "", "myst-ansi": "", "pytb": ""}


def fence(text: str, least: int) -> str:
    """Return a fence longer than any run of backticks in the text."""
    longest = max([0, *map(len, re.findall("`+", text))])
    return "`" * max(least, longest + 1)


def code(text: str) -> str:
    """Return a text as inline code."""
    text = " ".join(text.split())
    marks = fence(text, 1)
    blank = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{marks}{blank}{text}{blank}{marks}"


def block(text: str, language: str = "") -> str:
    """Return a text as a code block."""
    marks = fence(text, 3)
    return f"{marks}{LANGUAGES.get(language, language)}\n{text.rstrip()}\n{marks}"


class Table(TableContext):
    """A table with unchanged cells: the library aligns numbers, and drops zeros."""

    def make(self) -> str:
        """Return the table."""
        head, *body = [
            [cell.replace("|", r"\|") for cell in self.make_row(row)]
            for row in [*self.headers, *self.body]
        ]
        rows = [head, ["---"] * len(head), *body]
        return "\n".join(f"| {' | '.join(map(str.strip, row))} |" for row in rows)


class Translator(MarkdownTranslator):
    """Writes CommonMark with tables and mathematics, and nothing of MyST."""

    def __init__(
        self, document: nodes.document, builder: Builder, link: Callable[[str], str], *, cells: bool
    ) -> None:
        super().__init__(document, builder)
        self.link = link
        self.cells = cells

    def paragraph(self, text: str) -> None:
        """Add a paragraph, and skip the children of its node."""
        self.add(text, prefix_eol=2, suffix_eol=2)
        raise nodes.SkipNode

    def _fetch_ref_uri(self, node: nodes.reference) -> str:
        """Return the address of a reference, passed through `link` if it is internal."""
        uri = f"#{node['refid']}" if "refid" in node else node.get("refuri", "")
        inside = "refid" in node or node.get("internal")
        return self.link(uri) if inside else uri

    def _push_box(self, title: str) -> None:
        """Begin an admonition of a known kind."""
        self._push_context(IndentContext("> ", empty=True, params=SubContextParams(2, 2)))
        self.add(f"**{title.capitalize()}**", suffix_eol=2)

    def visit_admonition(self, node: nodes.admonition) -> None:
        """Begin an admonition: a quotation, or `<details>` if it is collapsible."""
        title = node[0].astext()
        if node.get("collapsible"):
            self._push_context(SubContext(SubContextParams(2, 2)))
            self.add(f"<details>\n<summary>{title}</summary>", suffix_eol=2)
        else:
            self._push_box(title)

    def depart_admonition(self, node: nodes.admonition) -> None:
        """End an admonition."""
        if node.get("collapsible"):
            self.add("</details>", prefix_eol=2)
        self._pop_context()

    def visit_title(self, node: nodes.title) -> None:
        """Write a heading; visit_admonition writes that of an admonition."""
        if isinstance(node.parent, nodes.Admonition):
            raise nodes.SkipNode
        super().visit_title(node)

    def depart_title(self, _node: nodes.title) -> None:
        """End a heading."""
        self._pop_context()

    def visit_Text(self, node: nodes.Text) -> None:  # noqa: N802  # the name of the node
        """Write text; a paragraph is one line."""
        text = node.astext()
        if self.status.escape_text:
            text = escape_markdown_chars(text).replace("\n", " ")
        self.add(text)

    def visit_literal(self, node: nodes.literal) -> None:
        """Write inline code."""
        self.add(code(node.astext()))
        raise nodes.SkipNode

    def visit_literal_block(self, node: nodes.literal_block) -> None:
        """Write code, an output, or a doctest."""
        self.paragraph(block(node.astext(), node.get("language", "")))

    def visit_math(self, node: nodes.math) -> None:
        """Write inline mathematics."""
        self.add(f"${' '.join(node.astext().split())}$")
        raise nodes.SkipNode

    def visit_math_block(self, node: nodes.math_block) -> None:
        """Write displayed mathematics."""
        self.paragraph(f"$$\n{node.astext().strip()}\n$$")

    def _figure(self, node: nodes.Element) -> None:
        """Write the alternative text of a picture, if any."""
        if node.get("alt"):
            self.paragraph(f"*Figure: {escape_markdown_chars(' '.join(node['alt'].split()))}*")
        raise nodes.SkipNode

    def visit_raw(self, node: nodes.raw) -> None:
        """Write the text of a picture; skip other HTML."""
        self._figure(node)

    def visit_image(self, node: nodes.image) -> None:
        """Write the text of an image."""
        self._figure(node)

    def visit_container(self, node: nodes.container) -> None:
        """Write the placeholder of a cell, if cells are wanted."""
        if self.cells and "cell_index" in node and "cell" in node["classes"]:
            self.paragraph(MARK.format(node["cell_index"]))

    def visit_HideCodeCellNode(self, _node: nodes.Element) -> None:  # noqa: N802  # its name
        """Write folded code like any other."""

    @pushing_context
    def visit_table(self, _node: nodes.table) -> None:
        """Begin a table."""
        self._push_context(Table(params=SubContextParams(2, 2)))

    def visit_Invisible(self, _node: nodes.Invisible) -> None:  # noqa: N802  # the name of the node
        """Skip nodes without text."""
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
        """Begin a definition."""
        self._push_context(SubContext(SubContextParams(2, 2)))

    def visit_desc_signature(self, node: Any) -> None:
        """Write the name of an object as a heading, and its signature as code."""
        name = ".".join(filter(None, (node.get("module"), node.get("fullname"))))
        # viewcode's link leads from the signature to the source.
        text = "".join(child.astext() for child in node if child.astext() != "[source]")
        self.add(f"### {code(name or text)}", prefix_eol=2, suffix_eol=2)
        self.paragraph(block(text, "python"))


def markdown(
    app: Sphinx, doctree: nodes.document, link: Callable[[str], str], *, cells: bool = False
) -> str:
    """Return a page as Markdown; `link` converts each internal address."""
    app.setup_extension("sphinx_markdown_builder")  # the translator reads its settings
    translator = Translator(doctree, app.builder, link, cells=cells)
    doctree.walkabout(translator)
    return str(translator.astext())


def write_page(
    app: Sphinx, page: str, _template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Write the Markdown of a page, and link it in the page's head."""
    if doctree is None or app.builder.name != "html":
        return
    name = posixpath.basename(page)
    text = markdown(app, doctree, lambda uri: PAGE.sub(".md", uri or f"{name}.html"))
    write(Path(app.outdir, f"{page}.md"), text)
    context["metatags"] += f'<link rel="alternate" type="text/markdown" href="{name}.md">\n'


def chapters(env: BuildEnvironment) -> Iterator[tuple[str, list[str]]]:
    """Yield each chapter of the site with its pages in order."""
    root = env.config.root_doc
    yield "Start", [root]
    for toctree in env.tocs[root].findall(addnodes.toctree):
        yield toctree["caption"] or "Pages", [page for _, page in toctree["entries"]]


def write_llms_txt(app: Sphinx, error: Exception | None) -> None:
    """Write llms.txt."""
    if error or app.builder.name != "html":
        return
    env, base = app.env, app.config.html_baseurl
    lines = [f"# {app.config.project}", "", f"> {about(env, app.config.root_doc)}"]
    for caption, pages in chapters(env):
        lines += ["", f"## {caption}", ""]
        for page in pages:
            uri = posixpath.join(base, f"{page}.md")
            lines.append(f"- [{env.titles[page].astext()}]({uri}): {about(env, page)}")
    write(Path(app.outdir, "llms.txt"), "\n".join(lines) + "\n")
