"""Read a page again when what it imports has changed, though its own text has not.

`stale_pages = {"name": version_or_folder}` names what the pages depend on: a version, or a folder
whose files count. A cache of executed notebooks is kept apart for each state of these.
"""

import re
from hashlib import sha256
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.typing import ExtensionMetadata


def fingerprints(sources: dict[str, str]) -> dict[str, str]:
    """Return, for each name, a text that changes when what it names does."""
    return {name: state(Path(source)) or source for name, source in sources.items()}


def state(folder: Path) -> str:
    """Return a text that changes when a file of a folder does; none where there is no folder."""
    files = sorted(file for file in folder.rglob("*") if file.is_file() and file.suffix != ".pyc")
    contents = repr([(file, file.read_bytes()) for file in files])
    return sha256(contents.encode()).hexdigest() if folder.is_dir() else ""


def keep_caches_apart(app: Sphinx) -> None:
    """Let no page find, in MyST-NB's cache, what it printed with another state of its imports."""
    state = sha256(repr(fingerprints(app.config.stale_pages)).encode()).hexdigest()[:16]
    config = app.env.mystnb_config
    folder = Path(config.execution_cache_path, state)
    app.env.mystnb_config = config.copy(execution_cache_path=str(folder))


def stale(
    app: Sphinx, env: BuildEnvironment, _added: Any, _changed: Any, _removed: Any
) -> list[str]:
    """Return the pages that import something that has changed."""
    now = fingerprints(app.config.stale_pages)
    before = getattr(env, "stale_pages", now)
    env.stale_pages = now
    changed = [name for name in now if now[name] != before.get(name)]
    if not changed:
        return []
    imports = re.compile(rf"\b(?:from|import).*\b(?:{'|'.join(map(re.escape, changed))})\b")
    return [doc for doc in env.found_docs if imports.search(Path(env.doc2path(doc)).read_text())]


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register both."""
    app.add_config_value("stale_pages", default={}, rebuild="", types=dict)
    app.connect("builder-inited", keep_caches_apart, priority=900)  # after MyST-NB has its settings
    app.connect("env-get-outdated", stale)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
