"""Say on each page what a browser may load for it, so that nothing else runs there.

`content_security_policy` is the policy, as a header would state it; empty, there is none. It stands
first in the head of each page, and allows the scripts and styles that the theme and the extensions
wrote into that page, by their hashes: what is put into the page later does not run.
"""

import re
from base64 import b64encode
from hashlib import sha256
from html import escape

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError
from sphinx.util.typing import ExtensionMetadata

INLINE = re.compile(r"<(script|style)\b([^>]*)>(.*?)</\1>", re.DOTALL)
# A script with an address is a file, and one of another type is data, which does not run.
NOT_RUN = re.compile(r"""\bsrc=|\btype=(?!["']?(text/javascript|text/css|module)\b)""")
HEAD = re.compile(r"<head\b[^>]*>(\s*<meta charset=[^>]*>)?")


def with_policy(html: str, policy: str) -> str:
    """Return a page with the policy in its head, and the hashes of what it holds in the policy."""
    for kind in ("script", "style"):
        hashes = {
            f" 'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
            for tag, attributes, text in INLINE.findall(html)
            if tag == kind and not NOT_RUN.search(attributes)
        }
        policy = re.sub(rf"{kind}-src\b(?!-)[^;]*", rf"\g<0>{''.join(sorted(hashes))}", policy)
    meta = f'<meta http-equiv="Content-Security-Policy" content="{escape(policy, quote=False)}">'
    return HEAD.sub(rf"\g<0>{meta}", html, count=1)


def add_policy(app: Sphinx, page: dict[str, str]) -> None:
    """Give a page the policy of the settings."""
    if policy := app.config.content_security_policy:
        page["html"] = with_policy(page["html"], policy)


def check(_app: Sphinx, config: Config) -> None:
    """Refuse a policy that has no place for the hashes."""
    policy = config.content_security_policy
    for kind in ("script-src", "style-src"):
        if policy and not re.search(rf"{kind}\s", policy):
            raise ConfigError(f"content_security_policy: expected a {kind}, got {policy!r}")


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the setting, and the last change of a page."""
    app.setup_extension("rendered_pages")
    app.add_config_value("content_security_policy", "", "html", str)
    app.connect("config-inited", check)
    app.connect("page-rendered", add_policy, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
