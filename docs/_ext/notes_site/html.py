"""The last changes of a page's HTML: accessibility fixes, one stylesheet, the security policy.

Sphinx has no event for a page that is rendered. `Templates`, which the configuration names as the
template bridge, adds one: each handler of `page-rendered` gets the application and a dict, whose
`html` it may replace.
"""

import re
from base64 import b64encode
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.builders import Builder
from sphinx.config import Config
from sphinx.errors import ConfigError
from sphinx.jinja2glue import BuiltinTemplateLoader

# Fixes, most for accessibility: HTML of the theme and the extensions, and its replacement. The
# tests fail for a fix that no page needs any more.
FIXES = {
    # Two landmarks of one kind need names,
    r'<aside class="sidebar-drawer"': r'\g<0> aria-label="Site"',
    r'<aside class="toc-drawer[^"]*"': r'\g<0> aria-label="Page"',
    # and all content is inside a landmark.
    r'<a href="#" class="back-to-top': r'<nav aria-label="Tools">\g<0>',
    r'<article role="main"': r"</nav>\g<0>",
    # A heading has a level.
    r'<p class="caption" role="heading"': r'\g<0> aria-level="2"',
    # The text of a summary is its name.
    r'<summary aria-label="Toggle hidden content"': r"<summary",
    # A list of parameters has no terms to define.
    r'<dl>(?=\s*<dd><em class="sig-param")': r'<dl role="presentation">',
    # Firefox would prefetch the next page, which the policy blocks with an error in the console.
    r'<link\b[^>]*\brel="next"[^>]*>': "",
}
STYLESHEET = "_static/all.css"
# MyST-NB writes its own stylesheet after the pages; its name changes with its content.
HASHED_NAME = re.compile(r"\.[0-9a-f]{32,}\.css$")
INLINE = re.compile(r"<(script|style)\b([^>]*)>(.*?)</\1>", re.DOTALL)
# A script with an address is a file, and a script of another type is data: neither needs a hash.
NO_HASH = re.compile(r"""\bsrc=|\btype=(?!["']?(text/javascript|text/css|module)\b)""")
HEAD = re.compile(r"<head\b[^>]*>(\s*<meta charset=[^>]*>)?")


def write(file: Path, content: str | bytes) -> None:
    """Write a file unless it has this content: servers and watchers look at its time."""
    data = content.encode() if isinstance(content, str) else content
    if not file.is_file() or file.read_bytes() != data:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


class Templates(BuiltinTemplateLoader):
    """Sphinx's template loader, which emits `page-rendered` for each page."""

    def init(self, builder: Builder, *args: Any, **kwargs: Any) -> None:
        """Remember the event manager."""
        super().init(builder, *args, **kwargs)
        self.events = builder.events

    def render(self, template: str, context: dict[str, Any]) -> str:  # type: ignore[override]
        """Return the page after all handlers."""
        page = {"html": super().render(template, context)}
        self.events.emit("page-rendered", page)
        return page["html"]


def use_templates(_app: Sphinx, config: Config) -> None:
    """Select `Templates` for all pages."""
    config.template_bridge = f"{__name__}.Templates"


def fix_accessibility(_app: Sphinx, page: dict[str, str]) -> None:
    """Apply the fixes to a page."""
    for found, fixed in FIXES.items():
        page["html"] = re.sub(found, fixed, page["html"])


def stylesheets(app: Sphinx) -> dict[str, str]:
    """Return the text of each stylesheet of a page by its name, in the order of loading."""
    builder: Any = app.builder  # that of HTML
    files = sorted(builder.globalcontext["css_files"], key=lambda file: file.priority)
    paths = {str(file.filename): Path(app.outdir, file.filename) for file in files}
    return {name: path.read_text("utf-8") if path.is_file() else "" for name, path in paths.items()}


def link_stylesheet(
    app: Sphinx, _page: str, _template: str, context: dict[str, Any], _doctree: Any
) -> None:
    """Link the joined stylesheet alone: a browser waits for each one before it shows a page."""
    texts = [name if HASHED_NAME.search(name) else text for name, text in stylesheets(app).items()]
    version = sha256("".join(texts).encode()).hexdigest()[:8]
    context["css_files"] = [f"{STYLESHEET}?v={version}"]


def write_stylesheet(app: Sphinx, exception: Exception | None) -> None:
    """Write the joined stylesheet."""
    if app.builder.format == "html" and not exception:
        write(Path(app.outdir, STYLESHEET), "\n".join(stylesheets(app).values()))


def check_policy(_app: Sphinx, config: Config) -> None:
    """Raise ConfigError for a policy without the directives that take the hashes."""
    policy = config.content_security_policy
    for directive in ("script-src", "style-src"):
        if policy and not re.search(rf"{directive}\s", policy):
            raise ConfigError(f"content_security_policy: expected a {directive}, got {policy!r}")


def with_policy(html: str, policy: str) -> str:
    """Return a page with the policy first in its head, and its inline scripts and styles allowed.

    Each is allowed by its hash, so nothing that is put into the page later runs.
    """
    for kind in ("script", "style"):
        hashes = {
            f" 'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
            for tag, attributes, text in INLINE.findall(html)
            if tag == kind and not NO_HASH.search(attributes)
        }
        policy = re.sub(rf"{kind}-src\b(?!-)[^;]*", rf"\g<0>{''.join(sorted(hashes))}", policy)
    meta = f'<meta http-equiv="Content-Security-Policy" content="{escape(policy, quote=False)}">'
    return HEAD.sub(rf"\g<0>{meta}", html, count=1)


def add_policy(app: Sphinx, page: dict[str, str]) -> None:
    """Write the configured policy into a page."""
    if policy := app.config.content_security_policy:
        page["html"] = with_policy(page["html"], policy)
