"""The number of checks of each page and of the site: logged by each build, or `{check-counts}`.

In a sentence, {check-total}`cells` is the number of all cells; likewise outputs, doctests, numbers,
marked: cells with `rounding: "reason"`, whose subject is rounding; skipped: blocks with
`skip: reason`, which are not compared; and replaced: blocks in which a replacement acts, so that it
may hide a number. The table and the log show the last two if there are any. The setting
`code_cell_output_totals = {"name": number}` adds others. A page whose code has no output block and
no doctest is a warning, and so is a mark without a reason.
"""

from collections.abc import Iterable
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.ext.doctest import DocTestBuilder
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole

from sphinx_code_cell_output.doctests import examples
from sphinx_code_cell_output.report import total

logger = logging.getLogger(__name__)

KINDS = ("cells", "outputs", "doctests", "numbers")
HEADS = ("Cells", "Outputs", "Doctests", "Numbers")
LOOSE = {"skipped": "Skipped", "replaced": "Replaced"}  # shown if there are any


class Table(nodes.General, nodes.Element):
    """The placeholder of the table, until all pages are read."""


class Total(nodes.Inline, nodes.Element):
    """The placeholder of one total, until all pages are read."""


class CheckTotal(SphinxRole):
    """Show the number of checks of one kind, summed over all pages."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the placeholder of the number."""
        known = [*KINDS, "marked", *LOOSE, *self.config.code_cell_output_totals]
        if self.text not in known:
            wrong = self.inliner.reporter.error(
                f"check-total: expected one of {', '.join(known)}, got {self.text}",
                line=self.lineno,
            )
            return [], [wrong]
        self.env.metadata[self.env.docname]["check_counts"] = True
        return [Total(kind=self.text)], []


class CheckCounts(SphinxDirective):
    """Show the number of checks of each page."""

    def run(self) -> list[nodes.Node]:
        """Return the placeholder of the table."""
        self.env.metadata[self.env.docname]["check_counts"] = True
        return [Table()]


def count(app: Sphinx, doctree: nodes.document) -> None:
    """Count the doctests of a page; warn if no check covers its code."""
    meta = app.env.metadata[app.env.docname]
    meta["checked_doctests"] = len(examples(doctree))
    cells: list[dict[str, Any]] = [
        node.get("cell_metadata", {}) for node in doctree.findall(nodes.container)
    ]
    reasons = [cell["rounding"] for cell in cells if "rounding" in cell]
    meta["checked_marked"] = len(reasons)
    for reason in reasons:
        if not (isinstance(reason, str) and reason.strip()):
            message = "rounding: expected the reason of the mark, got %r"
            logger.warning(
                message,
                reason,
                location=app.env.docname,
                type="code_cell_output",
                subtype="counts",
            )
    if meta.get("checked_cells") and not (meta["checked_outputs"] or meta["checked_doctests"]):
        logger.warning(
            "this page has code, and no check: no output block or doctest",
            location=app.env.docname,
            type="code_cell_output",
            subtype="counts",
        )


def shown_kinds(env: BuildEnvironment) -> dict[str, str]:
    """Return the kinds that the table and the log show, and the heads of their columns."""
    loose = {kind: head for kind, head in LOOSE.items() if total(env, f"checked_{kind}")}
    return {**dict(zip(KINDS, HEADS, strict=True)), **loose}


def counts(env: BuildEnvironment) -> dict[str, list[int]]:
    """Return the number of checks of each kind by page, and the total under an empty name."""
    kinds = shown_kinds(env)
    pages = {
        page: [env.metadata[page].get(f"checked_{kind}", 0) for kind in kinds]
        for page in sorted(env.found_docs)
    }
    return {
        **{page: row for page, row in pages.items() if any(row)},
        "": [total(env, f"checked_{kind}") for kind in kinds],
    }


def totals(app: Sphinx) -> dict[str, int]:
    """Return the totals by name."""
    sums = {kind: total(app.env, f"checked_{kind}") for kind in (*KINDS, "marked", *LOOSE)}
    return {**sums, **app.config.code_cell_output_totals}


def outdated(app: Sphinx, env: Any) -> list[str]:
    """Return the pages that show counts, if these have changed since the last build."""
    now = [(env.titles[page].astext() if page else "", row) for page, row in counts(env).items()]
    now.append(("", list(totals(app).values())))
    before, env.check_counts = getattr(env, "check_counts", None), now
    shown = [page for page in env.found_docs if "check_counts" in env.metadata[page]]
    return shown if now != before else []


def row_of(cells: Iterable[str | nodes.Node]) -> nodes.row:
    """Return a row of a table."""
    row = nodes.row()
    for cell in cells:
        content = nodes.Text(cell) if isinstance(cell, str) else cell
        row += nodes.entry("", nodes.paragraph("", "", content))
    return row


def fill(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Replace the placeholders by the table and the totals."""
    table = counts(app.env)
    heads = ["Page", *shown_kinds(app.env).values()]
    for role in list(doctree.findall(Total)):
        role.replace_self(nodes.Text(f"{totals(app)[role['kind']]:,}"))
    for place in list(doctree.findall(Table)):
        rows = []
        for page, row in table.items():
            name: nodes.Node = nodes.strong("", "all pages")
            if page:
                uri = app.builder.get_relative_uri(docname, page)
                title = app.env.titles[page].astext()
                name = nodes.reference("", title, internal=True, refuri=uri)
            rows.append(row_of([name, *map(str, row)]))
        widths = [4, *[1] * (len(heads) - 1)]
        columns = [nodes.colspec(colwidth=width) for width in widths]
        group = nodes.tgroup("", *columns, cols=len(columns))
        group += [nodes.thead("", row_of(heads)), nodes.tbody("", *rows)]
        place.replace_self(nodes.table("", group, classes=["check-counts"]))


def log(app: Sphinx, error: Exception | None) -> None:
    """Log the counts; warn if the doctest builder ran fewer examples than were counted."""
    if error:
        return
    table = counts(app.env)
    for page, row in table.items():
        parts = ", ".join(f"{n} {kind}" for n, kind in zip(row, shown_kinds(app.env), strict=True))
        logger.info("checked %s: %s", page or "in all", parts)
    if isinstance(app.builder, DocTestBuilder) and app.builder.total_tries != table[""][2]:
        ran = f"{app.builder.total_tries} of {table[''][2]} doctest examples"
        logger.warning("the doctest builder ran %s", ran, type="code_cell_output", subtype="counts")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive, the role and the events."""
    app.add_config_value("code_cell_output_totals", {}, rebuild="env", types=(dict,))
    app.add_node(Table)
    app.add_node(Total)
    app.add_directive("check-counts", CheckCounts)
    app.add_role("check-total", CheckTotal())
    app.connect("doctree-read", count, priority=700)
    app.connect("env-updated", outdated)
    app.connect("doctree-resolved", fill)
    app.connect("build-finished", log)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
