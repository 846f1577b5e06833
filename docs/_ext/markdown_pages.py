"""Put the Markdown of each page beside its HTML, and a list of all of them: `llms.txt`.

`page.md` is what `page.html` says, outputs and docstrings included, for those who read without a
browser. The head of `page.html` names it. `llms.txt` has the form of https://llmstxt.org/: title,
summary, and the pages with what each is about, which is the description in its front matter, or its
first paragraph.
"""

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from changed_files import write
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.typing import ExtensionMetadata

PAGE = re.compile(r"\.html(?=#|$)")


def describe(app: Sphinx, doctree: nodes.document) -> None:
    """Keep what a page is about."""
    known = {meta["name"]: meta["content"] for meta in doctree.findall(nodes.meta)}
    first = (paragraph.astext() for paragraph in doctree.findall(nodes.paragraph))
    text = known.get("description") or next(first, "")
    app.env.metadata[app.env.docname]["description"] = " ".join(text.split())


def write_page(
    app: Sphinx, page: str, _template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Write the Markdown of a page, and name it in the page's head."""
    if doctree is None or app.builder.name != "html":
        return
    from doctree_markdown import markdown  # noqa: PLC0415  # a build that changes nothing is quick

    name = posixpath.basename(page)
    text = markdown(app, doctree, lambda uri: PAGE.sub(".md", uri or f"{name}.html"))
    write(Path(app.outdir, f"{page}.md"), text)
    context["metatags"] += f'<link rel="alternate" type="text/markdown" href="{name}.md">\n'


def chapters(env: BuildEnvironment) -> Iterator[tuple[str, list[str]]]:
    """Yield the chapters of the site, each with its pages in their order."""
    root = env.config.root_doc
    yield "Start", [root]
    for toctree in env.tocs[root].findall(addnodes.toctree):
        yield toctree["caption"] or "Pages", [page for _, page in toctree["entries"]]


def write_list(app: Sphinx, error: Exception | None) -> None:
    """Write the list of all pages."""
    if error or app.builder.name != "html":
        return
    env, base = app.env, app.config.html_baseurl
    about = {page: env.metadata[page].get("description", "") for page in env.found_docs}
    lines = [f"# {app.config.project}", "", f"> {about[app.config.root_doc]}"]
    for caption, pages in chapters(env):
        lines += ["", f"## {caption}", ""]
        for page in pages:
            uri = posixpath.join(base, f"{page}.md")
            lines.append(f"- [{env.titles[page].astext()}]({uri}): {about[page]}")
    write(Path(app.outdir, "llms.txt"), "\n".join(lines) + "\n")


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register what is written when."""
    app.connect("doctree-read", describe)
    app.connect("html-page-context", write_page)
    app.connect("build-finished", write_list)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
