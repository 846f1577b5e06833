"""Pages are read again when a package that they import changes, though their text has not.

`code_cell_output_dependencies = {"name": path}` maps packages to their file or folder, relative to
`conf.py`: after a change, the pages that import the name are read again. After a change of
`code_cell_output_versions = {"name": version}`, all pages are. Each state of both has a
cache of executed notebooks of its own.
"""

import re
from hashlib import sha256
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx


def files(path: Path) -> list[Path]:
    """Return the files of a folder, or the file itself, without compiled ones."""
    found = path.rglob("*") if path.is_dir() else [path]
    return sorted(file for file in found if file.is_file() and file.suffix != ".pyc")


def fingerprint(app: Sphinx) -> str:
    """Return a text that changes with each version, and the text or name of each file."""
    paths = app.config.code_cell_output_dependencies.values()
    contents = [(str(file), file.read_bytes()) for path in paths for file in at(app, path)]
    state = (contents, app.config.code_cell_output_versions)
    return sha256(repr(state).encode()).hexdigest()[:16]


def at(app: Sphinx, path: str) -> list[Path]:
    """Return the files of a path, which is relative to `conf.py`."""
    return files(Path(app.confdir, path))


def keep_caches_apart(app: Sphinx) -> None:
    """Use a separate cache of MyST-NB for each state of the dependencies."""
    env: Any = app.env
    folder = Path(env.mystnb_config.execution_cache_path, fingerprint(app))
    env.mystnb_config = env.mystnb_config.copy(execution_cache_path=str(folder))


def note(app: Sphinx, _page: str, source: list[str]) -> None:
    """Register the files of each package that the page being read imports as its dependencies."""
    for name, path in app.config.code_cell_output_dependencies.items():
        if re.search(rf"\b(?:from|import).*\b{re.escape(name)}\b", source[0]):
            for file in at(app, path):
                app.env.note_dependency(str(file))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the settings and the events."""
    app.add_config_value("code_cell_output_dependencies", {}, rebuild="env", types=(dict,))
    app.add_config_value("code_cell_output_versions", {}, rebuild="env", types=(dict,))
    app.connect("builder-inited", keep_caches_apart, priority=900)  # MyST-NB's settings are made
    app.connect("source-read", note)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
