"""Write code and tables as Markdown, whatever stands in them."""

import re

from sphinx_markdown_builder.contexts import TableContext

LANGUAGES = {"ipython3": "python", "none": "", "default": "", "myst-ansi": "", "pytb": ""}


def fence(text: str, least: int) -> str:
    """Return more backticks than stand together in the text."""
    longest = max([0, *map(len, re.findall("`+", text))])
    return "`" * max(least, longest + 1)


def code(text: str) -> str:
    """Return a text as code in a sentence."""
    text = " ".join(text.split())
    marks = fence(text, 1)
    blank = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{marks}{blank}{text}{blank}{marks}"


def block(text: str, language: str = "") -> str:
    """Return a text as a block of code."""
    marks = fence(text, 3)
    return f"{marks}{LANGUAGES.get(language, language)}\n{text.rstrip()}\n{marks}"


class Table(TableContext):
    """A table whose cells are left as they are: the library aligns numbers, and drops zeros."""

    def make(self) -> str:
        """Return the table."""
        head, *body = [
            [cell.replace("|", r"\|") for cell in self.make_row(row)]
            for row in [*self.headers, *self.body]
        ]
        rows = [head, ["---"] * len(head), *body]
        return "\n".join(f"| {' | '.join(map(str.strip, row))} |" for row in rows)
