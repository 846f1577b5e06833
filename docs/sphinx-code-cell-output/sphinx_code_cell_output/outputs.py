"""The outputs of a cell as text: all of them that a reader can read."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from sphinx_code_cell_output.chart_data import chart_data
from sphinx_code_cell_output.figure_data import KEY
from sphinx_code_cell_output.html_text import html_text

# The place of a warning differs between runs and machines.
PLACE = re.compile(r"^.*\.py:\d+: (?=\w+: )| \([^()\n]* at /\S+:\d+\.\)", re.MULTILINE)
# The line of code after the text of a warning; the text itself may have several lines.
CODE = re.compile(r"^(.*\.py:\d+: \w+: .*\n(?:(?!  |.*\.py:\d+: \w+: ).*\n)*)  .*\n?", re.MULTILINE)
# The text of an object that says nothing but its type.
OPAQUE = re.compile(r"<[\w.]+ object(?: at 0x\w+)?>|<[\w.]+ at 0x\w+>")
PICTURE = re.compile(r"<[^<>]*>")  # <Figure size 640x480 with 1 Axes>
READABLE = ("text/html", "text/markdown", "text/latex")  # in the order in which HTML shows them


def shown(output: Any, *, figure_data: bool = False) -> str:
    """Return one output of a cell as text; a picture is `<figure>`, with its data if wanted."""
    if output.output_type == "error":
        text = f"{output.ename}: {output.evalue}"
    elif output.output_type == "stream":
        text = (
            PLACE.sub("", CODE.sub(r"\1", output.text)) if output.name == "stderr" else output.text
        )
    else:
        text = displayed(output, figure_data=figure_data)
    return text if not text or text.endswith("\n") else text + "\n"


def displayed(output: Any, *, figure_data: bool) -> str:
    """Return a displayed object: its plain text, or that of its richer forms, or their names."""
    data = {kind: data for kind, data in output.data.items() if "/papermill" not in kind}
    plain = data.pop("text/plain", "")
    charts = chart_data(data) if figure_data else ""
    if any(kind.startswith("image/") for kind in data):
        drawn = figure_data_of(output) if figure_data else ""
        caption = "" if PICTURE.fullmatch(plain) else plain
        return "\n".join(filter(None, ["<figure>", drawn, charts, caption]))
    if charts:
        return "\n".join(filter(None, [plain, charts]))
    if plain and not OPAQUE.fullmatch(plain) and not is_shortened(plain, data):
        return str(plain)
    for kind in filter(data.__contains__, READABLE):
        if text := html_text(data[kind]) if kind == "text/html" else data[kind]:
            return str(text)
    return " ".join(f"<{kind}>" for kind in data) or str(plain)


def is_shortened(plain: str, data: dict[str, Any]) -> bool:
    """Whether a plain text leaves out words of the HTML, which readers see, by an ellipsis."""
    if "..." not in plain and "\u2026" not in plain:
        return False
    in_html, in_plain = (
        Counter(re.findall(r"\w+", text)) for text in (html_text(data.get("text/html", "")), plain)
    )
    return bool(in_html - in_plain)


def figure_data_of(output: Any) -> str:
    """Return the data of a figure, or an empty text if the kernel attached none."""
    return str(output.get("metadata", {}).get(KEY, ""))


def in_order(outputs: list[Any]) -> Iterator[Any]:
    """Put stderr after stdout: their order of arrival is random."""
    for streams, group in groupby(outputs, lambda output: output.output_type == "stream"):
        run = list(group)
        if streams:
            run.sort(key=lambda output: output.name == "stderr")
        yield from run
