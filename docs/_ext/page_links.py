"""Say below the title of each page what else there is of it: notebook, Markdown, source, launches.

All that these links know of the outside stands in conf.py: `repository_url`, an address such as
"https://github.com/owner/name", `repository_branch`, and `notebook_branch`, which has the notebooks
beside the pages' sources. As long as the address is empty, the source is the copy in the site, and
nothing can be launched.
"""

import os
import posixpath
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from page_notebooks import has_notebook
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError
from sphinx.util.typing import ExtensionMetadata

REPOSITORY = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+)")
BRANCH = re.compile(r"[\w][\w./-]*")


def check(_app: Sphinx, config: Config) -> None:
    """Refuse an address or a branch that would make links which lead nowhere."""
    url = config.repository_url
    if url and not REPOSITORY.fullmatch(url):
        example = "'https://github.com/owner/name' or ''"
        raise ConfigError(f"repository_url: expected {example}, got {url!r}")
    for name in ("repository_branch", "notebook_branch"):
        if not BRANCH.fullmatch(config[name]):
            raise ConfigError(f"{name}: expected the name of a branch, got {config[name]!r}")


def links(config: Config, page: str, source: str, copy: str, *, runs: bool) -> Iterator[Any]:
    """Yield the text and the address of each link; `source` is a path in the repository."""
    name, url = posixpath.basename(page), config.repository_url
    if runs:
        yield "Notebook", f"{name}.ipynb"
    yield "Markdown", f"{name}.md"
    yield "Source", f"{url}/blob/{config.repository_branch}/{source}?plain=1" if url else copy
    if runs and (repository := REPOSITORY.fullmatch(url)):
        project, branch = repository[1], config.notebook_branch
        notebook = str(Path(source).with_suffix(".ipynb").as_posix())
        yield (
            "Colab",
            f"https://colab.research.google.com/github/{project}/blob/{branch}/{notebook}",
        )
        yield "Binder", f"https://mybinder.org/v2/gh/{project}/{branch}?labpath={notebook}"


def row(found: Iterator[Any]) -> str:
    """Return the links as one line of HTML."""
    download = {"Notebook": " download"}
    parts = (
        f'<a class="muted-link"{download.get(text, "")} href="{escape(uri)}">{text}</a>'
        for text, uri in found
    )
    return f'<p class="page-links">{" · ".join(parts)}</p>'


def insert(
    app: Sphinx, page: str, _template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Put the line below the title of a page."""
    if doctree is None or app.builder.name != "html":
        return
    source = Path(os.path.relpath(app.env.doc2path(page), app.confdir)).as_posix()
    copy = context["pathto"](f"_sources/{context['sourcename']}", resource=True)
    runs = has_notebook(app.env, page)
    line = row(links(app.config, page, source, copy, runs=runs))
    context["body"] = context["body"].replace("</h1>", f"</h1>\n{line}", 1)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the settings and the line."""
    for name, default in (("url", ""), ("branch", "main")):
        app.add_config_value(f"repository_{name}", default, rebuild="html", types=str)
    app.add_config_value("notebook_branch", "notebooks", rebuild="html", types=str)
    app.connect("config-inited", check)
    app.connect("html-page-context", insert)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
