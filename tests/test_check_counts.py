"""What is checked is counted, shown, and said; code without a check is not let through."""

import re

import pytest
from cell_errors import ANSI
from sphinx.testing.util import SphinxTestApp

OURS = ["prose_numbers", "code_cell_output", "check_counts"]
CONF = f"extensions = {['myst_nb', 'sphinx.ext.doctest', *OURS]}\nexclude_patterns = ['_build']\n"
INDEX = """# Index

```{check-counts}
```

```{toctree}
page
```
"""
HEAD = "---\nfile_format: mystnb\nkernelspec:\n  name: python3\n---\n\n# Page\n\n"
DOCTEST = "It is 0.5.\n\n```{doctest}\n>>> 1 / 2\n0.5\n>>> 'b'\n'b'\n```\n"


def build(folder, page, builder):
    (folder / "conf.py").write_text(CONF)
    (folder / "index.md").write_text(INDEX)
    (folder / "page.md").write_text(HEAD + page)
    app = SphinxTestApp(builder, srcdir=folder)
    try:
        app.build()
        html = folder / "_build" / "html" / "index.html"
        shown = html.read_text() if html.exists() else ""
        return shown, app.warning.getvalue(), app.status.getvalue()
    finally:
        app.cleanup()


def written(said):
    return re.findall(r"writing output\.\.\. \[.*\] (\w+)", ANSI.sub("", said))


def test_counts_are_shown_and_said(tmp_path):
    cell = "```{code-cell}\n1 + 1\n```\n\n```{code-cell-output}\n2\n```\n\n"
    html, warnings, said = build(tmp_path, cell + DOCTEST, "html")
    assert not warnings
    row = "".join(f"<td><p>{n}</p></td>\n" for n in (1, 1, 2, 1))
    assert html.count(row) == 2
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


def test_the_table_is_written_again_only_where_it_changes(tmp_path):
    table = "---\norphan: true\n---\n\n# Table\n\n```{check-counts}\n```\n"
    (tmp_path / "table.md").write_text(table)
    build(tmp_path, DOCTEST, "html")
    assert "table" not in written(build(tmp_path, DOCTEST + "More.\n", "html")[2])
    assert "table" in written(build(tmp_path, DOCTEST + "It is 0.5 again.\n", "html")[2])
    html = (tmp_path / "_build" / "html" / "table.html").read_text()
    assert "<td><p>2</p></td>\n<td><p>2</p></td>" in html
