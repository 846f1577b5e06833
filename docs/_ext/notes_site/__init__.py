"""The extension of this site. `setup` registers all of it; the tables below are its map.

Handlers of one event run by priority, then in the order of the table. The README beside this
package shows them among those of the other extensions.
"""

from collections.abc import Callable
from typing import Any, Literal

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from notes_site import (
    downloads,
    errors_page,
    figures,
    front,
    head,
    html,
    kernels,
    links,
    markdown,
    mathematics,
)

EVENTS: list[tuple[str, int, Callable[..., Any], str]] = [
    ("config-inited", 500, head.check_addresses, "refuse a setting that makes broken links"),
    ("config-inited", 500, html.check_policy, "refuse a policy without a place for hashes"),
    ("config-inited", 500, html.use_templates, "let templates emit page-rendered"),
    ("env-before-read-docs", 500, kernels.start, "import torch once for all kernels"),
    ("env-before-read-docs", 500, links.import_modules, "meanwhile, import torch for the links"),
    ("doctree-read", 400, errors_page.add_entries, "before Sphinx collects titles and indexes"),
    ("doctree-read", 500, front.add_day, "the day and the versions of the execution"),
    ("doctree-read", 500, errors_page.add_versions, "the outputs of other versions of torch"),
    ("doctree-read", 500, head.describe, "the description, for lists and the head"),
    ("doctree-read", 700, front.time_page, "after all changes of the text: count its words"),
    ("write-started", 500, figures.write_script, "before the pages that load it: its hash"),
    ("write-started", 500, errors_page.write_messages, "likewise"),
    ("doctree-resolved", 500, front.fill_lists, "all pages are read, and their minutes known"),
    ("html-page-context", 500, errors_page.load_messages, "on the page of the search only"),
    ("html-page-context", 500, markdown.write_page, "the Markdown of the resolved page"),
    ("html-page-context", 500, head.add_card, "the title and picture of a shared address"),
    ("html-page-context", 500, downloads.insert_links, "the links below the title"),
    ("html-page-context", 500, downloads.write_notebook, "the notebook of the resolved page"),
    ("html-page-context", 500, mathematics.share_glyphs, "the body is complete"),
    ("html-page-context", 500, figures.load_script, "on pages with a Vega figure only"),
    ("html-page-context", 900, html.link_stylesheet, "all extensions have added theirs"),
    ("page-rendered", 500, html.fix_accessibility, "the HTML is complete"),
    ("page-rendered", 900, html.add_policy, "last: its hashes cover all scripts of the page"),
    ("build-finished", 500, markdown.write_llms_txt, "the list of all pages"),
    ("build-finished", 500, head.write_sitemap, "likewise, for crawlers"),
    ("build-finished", 900, html.write_stylesheet, "after the theme, which writes colours last"),
]
DIRECTIVES: dict[str, type[Directive]] = {
    "error-overview": errors_page.ErrorOverview,
    "reading-order": front.ReadingOrder,
    "vega-figure": figures.VegaFigure,
}
PLACEHOLDERS: list[type[nodes.Element]] = [errors_page.Overview, front.Place]
CONFIG: list[tuple[str, Any, Literal["", "html"], type]] = [
    ("checked_with", {}, "", dict),  # a page that isn't executed again keeps its versions
    ("codeautolink_imports", [], "", list),
    ("content_security_policy", "", "html", str),
    ("notebook_branch", "notebooks", "html", str),
    ("page_notebooks_need", {}, "html", dict),
    ("repository_branch", "main", "html", str),
    ("repository_url", "", "html", str),
    ("warm_kernels", {}, "", dict),
]
OTHER_WRITERS = ("latex", "man", "texinfo", "text")


class PublicModules(dict[str, str]):
    """The modules that document a class, by the private modules that define it.

    For `typehints_fixup_module_name`, where a function would do. But Sphinx can't keep a function
    in its environment, and would read every page again in each build.
    """

    def __call__(self, module: str) -> str:
        """Return the module to link to."""
        return self.get(module, module)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the settings, nodes, directives, the role, and the handlers of events."""
    for name, default, rebuild, kind in CONFIG:
        app.add_config_value(name, default, rebuild, kind)
    for node in PLACEHOLDERS:
        app.add_node(node)
    skip: Any = dict.fromkeys(OTHER_WRITERS, (front.skip_checked_on, front.skip_checked_on))
    app.add_node(front.CheckedOn, html=(front.visit_checked_on, front.skip_checked_on), **skip)
    for name, directive in DIRECTIVES.items():
        app.add_directive(name, directive)
    app.add_role("error-versions", errors_page.AskedVersions())
    app.add_html_math_renderer(
        "svg", (mathematics.visit_math, None), (mathematics.visit_math_block, None)
    )
    app.add_post_transform(figures.InlineSvg)
    app.add_event("page-rendered")
    for event, priority, handler, _ in EVENTS:
        app.connect(event, handler, priority)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
