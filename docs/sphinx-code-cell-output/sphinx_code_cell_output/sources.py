"""The text of a page that was built, if a handler of `source-read` has changed that of the file.

The text that was built is the one compared. The file is rewritten only if it is certain which of
its cells was run. A file that has changed since it was read is not compared.
"""

from hashlib import sha256
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from sphinx_code_cell_output.cells import Cell, parts
from sphinx_code_cell_output.fences import executed_cells, matched, only_places
from sphinx_code_cell_output.options import Rules

# In env.metadata: the text that was built, if it is not that of the file; the digest of the file.
BUILT, DIGEST = "code_cell_output_built", "code_cell_output_digest"


def note(app: Sphinx, page: str, source: list[str]) -> None:
    """Store the digest of the file, and the text that Sphinx parses if it is another one."""
    data = Path(app.env.doc2path(page)).read_bytes()
    note_file(app.env, page, data)
    if normal(data.decode(errors="replace")) != source[0]:
        app.env.metadata[page][BUILT] = source[0]


def note_file(env: Any, page: str, data: bytes) -> None:
    """Store the digest of a file."""
    env.metadata[page][DIGEST] = sha256(data).hexdigest()


def has_changed(env: Any, page: str, data: bytes) -> bool:
    """Whether a file, which has this content now, has changed since it was read."""
    known = env.metadata[page].get(DIGEST)
    return bool(known and known != sha256(data).hexdigest())


def built_text(env: Any, page: str) -> str | None:
    """Return the text that was built; None if it is that of the file."""
    text: str | None = env.metadata[page].get(BUILT)
    return text


def normal(text: str) -> str:
    """Return a text as Sphinx reads it."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def placed(text: str, built: str, config: Any, notebook: Any, rules: Rules) -> list[Cell] | None:
    """Return the cells of a file with their executions; None if several could be meant."""
    match = matched(built, config, notebook)
    if match is None:
        return None
    reading, run = match
    own, executed = reading(normal(text)), executed_cells(notebook)
    codes = [[fence.content for fence, _ in found] for found in (own, run)]
    short, long = sorted(codes, key=len)
    at = only_places(short, long)
    if at is None:
        return None
    pairs = enumerate(at) if short is codes[0] else ((j, i) for i, j in enumerate(at))
    return [cell for i, j in pairs for cell in parts(*own[i], executed[j], rules)]


def starts(text: str, notebook: Any, cells: list[Cell]) -> list[int]:
    """Return the lines of the cells of a page, as a source map of MyST-NB has them.

    It counts from 0, and has the line above a cell that is text.
    """
    lines, spans = normal(text).split("\n"), {id(cell.executed): cell.span for cell in cells}
    found: list[int] = []
    end, after_code = 0, False
    for cell in notebook.cells:
        is_code = id(cell) in spans
        if is_code:
            start, end = spans[id(cell)]
        else:
            head, start = cell.source.partition("\n")[0], end
            if not after_code:
                start = next((n - 1 for n in range(end, len(lines)) if lines[n] == head), end)
            end = start + cell.source.count("\n") + 1
        after_code = is_code
        found.append(start)
    return found
