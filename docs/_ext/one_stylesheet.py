"""Join the stylesheets of the theme, the extensions and the site, in their order, into one file.

A browser shows nothing before it has the last of them, and each costs it a request.
"""

import re
from hashlib import sha256
from pathlib import Path
from typing import Any

from changed_files import write
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

JOINED = "_static/all.css"
HASHED = re.compile(r"\.[0-9a-f]{32,}\.css$")  # MyST-NB writes its own file after the pages


def read(app: Sphinx) -> dict[str, str]:
    """Return the text of each stylesheet that is there."""
    files = sorted(app.builder.globalcontext["css_files"], key=lambda file: file.priority)
    paths = {str(file.filename): Path(app.outdir, file.filename) for file in files}
    return {name: path.read_text("utf-8") if path.is_file() else "" for name, path in paths.items()}


def name_it(app: Sphinx, _page: str, _template: str, context: dict[str, Any], _doc: Any) -> None:
    """Let a page ask for the one file; its address changes with its content, as Sphinx's do."""
    texts = [name if HASHED.search(name) else text for name, text in read(app).items()]
    context["css_files"] = [f"{JOINED}?v={sha256(''.join(texts).encode()).hexdigest()[:8]}"]


def write_it(app: Sphinx, exception: Exception | None) -> None:
    """Write the one file."""
    if app.builder.format == "html" and not exception:
        write(Path(app.outdir, JOINED), "\n".join(read(app).values()))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register both steps, after those of the theme, which writes the colours of code last."""
    app.connect("html-page-context", name_it, priority=900)
    app.connect("build-finished", write_it, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
