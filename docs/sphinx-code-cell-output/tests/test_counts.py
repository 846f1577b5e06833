"""The counts of the checks, on pages and in the log; code without a check is a warning."""

import io

import pytest
from sphinx.errors import ExtensionError
from sphinx.testing.util import SphinxTestApp

OURS = [
    "sphinx_code_cell_output.prose",
    "sphinx_code_cell_output",
    "sphinx_code_cell_output.counts",
]
CONF = f"""\
extensions = {["myst_nb", "sphinx.ext.doctest", *OURS]}
exclude_patterns = ['_build']
code_cell_output_kernel_manager = "forked_kernels.ForkManager"
"""
INDEX = """# Index

```{check-counts}
```

In all {check-total}`doctests` of {check-total}`cells`.

```{toctree}
page
```
"""
HEAD = "---\nfile_format: mystnb\nkernelspec:\n  name: python3\n---\n\n# Page\n\n"
DOCTEST = "It is 0.5.\n\n```{doctest}\n>>> 1 / 2\n0.5\n>>> 'b'\n'b'\n```\n"


def build(folder, page, builder, index=INDEX):
    (folder / "conf.py").write_text(CONF)
    (folder / "index.md").write_text(index)
    (folder / "page.md").write_text(HEAD + page)
    status, warning = io.StringIO(), io.StringIO()
    app = SphinxTestApp(builder, srcdir=folder, status=status, warning=warning)
    try:
        app.build()
        html = folder / "_build" / "html" / "index.html"
        shown = html.read_text() if html.exists() else ""
        return shown, warning.getvalue(), status.getvalue()
    finally:
        app.cleanup()


def test_counts_are_shown_and_said(tmp_path):
    cell = "```{code-cell}\n1 + 1\n```\n\n```{code-cell-output}\n2\n```\n\n"
    html, warnings, said = build(tmp_path, cell + DOCTEST, "html")
    assert not warnings
    row = "".join(f"<td><p>{n}</p></td>\n" for n in (1, 1, 2, 1))
    assert html.count(row) == 2
    assert "<p>In all 2 of 1.</p>" in html
    assert "checked page: 1 cells, 1 outputs, 2 doctests, 1 numbers" in said
    assert "checked in all: 1 cells, 1 outputs, 2 doctests, 1 numbers" in said


def test_the_doctest_builder_runs_all_that_is_counted(tmp_path):
    _, warnings, said = build(tmp_path, DOCTEST, "doctest")
    assert not warnings
    assert "checked page: 0 cells, 0 outputs, 2 doctests, 1 numbers" in said


def test_a_doctest_that_does_not_run_is_a_warning(tmp_path):
    skipped = "```{doctest}\n:skipif: True\n\n>>> 1\n1\n```\n"
    _, warnings, _ = build(tmp_path, DOCTEST + skipped, "doctest")
    assert "the doctest builder ran 2 of 3 doctest examples" in warnings


@pytest.mark.parametrize(("more", "warned"), [("", True), (DOCTEST, False)])
def test_code_without_a_check_is_a_warning(tmp_path, more, warned):
    _, warnings, _ = build(tmp_path, "```{code-cell}\nx = 1\n```\n\n" + more, "dummy")
    assert ("page.md: WARNING: this page has code, and no check" in warnings) == warned


def test_counts_are_written_anew_only_when_they_change(tmp_path):
    (tmp_path / "counts.md").write_text(
        "---\norphan: true\n---\n\n# A\n\n{check-total}`doctests`\n"
    )
    shown = tmp_path / "_build" / "html" / "counts.html"
    build(tmp_path, DOCTEST, "html")
    assert "<p>2</p>" in shown.read_text()
    shown.write_text("as it was")
    build(tmp_path, DOCTEST + "More.\n", "html")
    assert shown.read_text() == "as it was"
    build(tmp_path, DOCTEST + DOCTEST, "html")
    assert "<p>4</p>" in shown.read_text()


def test_a_total_of_an_unknown_kind_is_an_error(tmp_path):
    _, warnings, _ = build(tmp_path, DOCTEST, "dummy", INDEX.replace("`cells`", "`cell`"))
    assert (
        "check-total: expected one of cells, outputs, doctests, numbers, marked, skipped, replaced, got cell"
        in warnings
    )


CELL = "```{code-cell}\n:rounding: REASON\n1 + 1\n```\n\n```{code-cell-output}\n2\n```\n"


def test_marked_cells_and_totals_of_the_settings_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(f"{__name__}.CONF", f"{CONF}code_cell_output_totals = {{'paths': 9}}\n")
    index = "# Index\n\n{check-total}`marked` of {check-total}`cells`, {check-total}`paths` paths\n"
    page = "# Page\n\n```{toctree}\npage\n```\n"
    html, warnings, _ = build(tmp_path, CELL.replace("REASON", "about ulp"), "html", index + page)
    assert not warnings
    assert "<p>1 of 1, 9 paths</p>" in html


@pytest.mark.parametrize(("reason", "got"), [("", "None"), ("true", "True"), ('" "', "' '")])
def test_a_mark_needs_a_reason(tmp_path, reason, got):
    _, warnings, _ = build(tmp_path, CELL.replace("REASON", reason), "dummy")
    assert f"rounding: expected the reason of the mark, got {got}" in warnings


def test_a_build_that_ends_in_an_error_says_no_counts(tmp_path):
    (tmp_path / "conf.py").write_text(CONF)
    (tmp_path / "index.md").write_text("# Index\n")
    status = io.StringIO()
    app = SphinxTestApp("dummy", srcdir=tmp_path, status=status)
    app.connect("env-updated", lambda *_: 1 / 0)
    try:
        with pytest.raises(ExtensionError, match="division by zero"):
            app.build()
        assert "checked in all" not in status.getvalue()
    finally:
        app.cleanup()
