"""The text of HTML: a line for each row and block, two blanks between the cells of a row."""

from html.parser import HTMLParser

HIDDEN = {"script", "style", "template", "title"}
CELLS = {"td", "th"}
KEPT = "\ue000"  # a blank of preformatted text, until the others are joined
LINES = {
    *("address", "article", "blockquote", "br", "caption", "dd", "details", "div", "dl", "dt"),
    *("figure", "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "ol", "p"),
    *("pre", "section", "summary", "table", "tbody", "tfoot", "thead", "tr", "ul"),
}


class Reader(HTMLParser):
    """Collects the text of a document as lines of cells."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[list[str]] = [[""]]
        self.hidden = self.kept = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a line or a cell, or a part that is not shown."""
        del attrs
        self.hidden += tag in HIDDEN
        self.kept += tag == "pre"
        if tag in LINES:
            self.lines.append([""])
        elif tag in CELLS:
            self.lines[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        """End a part that is not shown, or a line."""
        self.hidden -= tag in HIDDEN
        self.kept -= tag == "pre"
        if tag in LINES:
            self.lines.append([""])

    def handle_data(self, data: str) -> None:
        """Append text to the last cell."""
        if self.hidden:
            return
        first, *more = data.replace(" ", KEPT).split("\n") if self.kept else [data]
        self.lines[-1][-1] += first
        self.lines += [[line] for line in more]


def html_text(html: str) -> str:
    """Return the text of HTML that a reader sees; empty for pictures, scripts and the like."""
    reader = Reader()
    reader.feed(html)
    reader.close()
    lines = ["  ".join(" ".join(cell.split()) for cell in line) for line in reader.lines]
    return "\n".join(line.strip().replace(KEPT, " ") for line in lines if line.strip(f" {KEPT}"))
