"""Differences by nature, settled on both sides: colours, addresses, processes, temporary paths.

`code_cell_output_replace = {regex: text}` adds those of a project. Each replacement may hide a
number, so the blocks in which one acts are counted.
"""

import re
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ConfigError

Replacements = tuple[tuple[re.Pattern[str], str], ...]

# Colours and other escape sequences of terminals, and links.
ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
# Other control characters have pictures in Unicode, which Markdown keeps.
CONTROLS = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n"} | {127: 0x2421}
BY_NATURE: Replacements = (
    (re.compile(r"\bat 0x[0-9a-fA-F]{6,}\b"), "at 0x..."),
    (re.compile(r"[^\s'\"(<,=]*ipykernel_\d+[/\\]\d+\.py"), "<cell>"),
    (re.compile(r"[^\s'\"(<,=]*[/\\]tmp[a-z0-9_]{8}(?![\w.])"), "<tmp>"),  # of module tempfile
)


def plain(text: str) -> str:
    """Return a text without colours and trailing blanks, its control characters visible."""
    text = ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "\n").translate(CONTROLS)
    return "\n".join(line.rstrip() for line in text.split("\n")).rstrip()


def settled(text: str, replace: Replacements) -> str:
    """Return a text with the replacements of the project and those by nature."""
    for pattern, by in (*replace, *BY_NATURE):
        text = pattern.sub(by, text)
    return text


def replacements(table: dict[str, str]) -> Replacements:
    """Return the compiled setting `code_cell_output_replace`."""
    return tuple((re.compile(pattern, re.MULTILINE), by) for pattern, by in table.items())


def check_replacements(_app: Sphinx, config: Any) -> None:
    """Refuse a regular expression that can't be compiled or applied.

    Raises:
        ConfigError: A pattern or its replacement is malformed.
    """
    for pattern, by in config.code_cell_output_replace.items():
        try:
            compiled = re.compile(pattern, re.MULTILINE)
            compiled.sub(by, "")  # parses the replacement
        except (re.error, TypeError, IndexError) as error:
            raise ConfigError(
                f"code_cell_output_replace: expected a regular expression and its replacement, "
                f"got {pattern!r}: {by!r} ({error})"
            ) from error
        if compiled.search(""):
            raise ConfigError(
                f"code_cell_output_replace: expected a pattern that needs text, got {pattern!r}"
            )
        if "\\" not in by and compiled.sub(by, by) != by:  # a block with it would never agree
            raise ConfigError(
                "code_cell_output_replace: expected a replacement that its pattern leaves as it "
                f"is, got {pattern!r}: {by!r}"
            )
