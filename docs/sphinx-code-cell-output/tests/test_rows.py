"""Pages that others wrote: the smallest page for each fault that was found on them."""

import re

import nbformat.v4
import pytest
import test_cells
from test_cells import CONF, HEAD, block, build, cell, line_of

pytestmark = pytest.mark.filterwarnings("ignore:'sphinx.environment.BuildEnvironment.app'")
UPDATE = {"code_cell_output_update": True}
# A handler that runs after those of the extension.
UNSEEN = "source[0] = source[0].replace('cell}\\n1', 'cell}\\n2')"
CONNECT = "    app.connect('source-read', unseen, priority=20_000)\n"


def page(folder, name="index"):
    return (folder / "source" / f"{name}.md").read_text()


def setup(monkeypatch, code):
    """Add a handler of `source-read` to the site."""
    body = f"\ndef change(app, page, source):\n    {code}\n"
    connect = "def setup(app):\n    app.connect('source-read', change)\n"
    monkeypatch.setattr("test_cells.CONF", f"{CONF}{body}\n{connect}")


RICH = '''class Table:
    """An object with a table for HTML."""

    def __init__(self, number, text=True):
        self.number = number
        if text:
            self._repr_mimebundle_ = self.bundle

    def bundle(self, **_):
        return {"text/plain": f"a\\n{self.number}", "text/html": self._repr_html_()}

    def _repr_html_(self):
        return f"<table><tr><td>a</td></tr><tr><td>{self.number}</td></tr></table>"'''


@pytest.mark.parametrize(("number", "warned"), [("0.25", 0), ("0.26", 3)])
def test_number_in_rich_output_is_compared(tmp_path, number, warned):
    text = HEAD + cell(RICH) + cell(f"Table({number})") + block("a\n0.25")
    text += cell(f"Table({number}, text=False)") + block("a\n0.25")
    text += cell(f"from IPython.display import Markdown\nMarkdown('{number}')") + block("0.25")
    _, warnings = build(tmp_path, {"index.md": text}, "dummy")
    assert warnings.count("the cell shows something else") == warned


LONG = """class Array:
    def __init__(self, *numbers):
        self.numbers = numbers

    def __repr__(self):
        return f"<Array [{self.numbers[0]}, ...]>"

    def _repr_html_(self):
        return "<pre>[" + ",\\n ".join(map(str, self.numbers)) + "]</pre>\""""


@pytest.mark.parametrize(("last", "warned"), [("0.25", 0), ("0.26", 1)])
def test_number_that_plain_text_leaves_out_is_compared(tmp_path, last, warned):
    text = HEAD + cell(LONG) + cell(f"Array(1, {last})") + block("[1,\n 0.25]")
    _, warnings = build(tmp_path, {"index.md": text}, "dummy")
    assert warnings.count("- 0.25]\n+ 0.26]") == warned
    build(tmp_path, {}, "dummy", **UPDATE)
    assert page(tmp_path) == text.replace("0.25", last)


ADDED = r'source[0] = source[0].replace("# Title\n", "# Title\n\n```{code-cell}\nADDED\n```\n")'


@pytest.mark.parametrize(("added", "unstated"), [("0", 1), ("None", 0)])
def test_cell_that_a_handler_adds_moves_no_output(tmp_path, monkeypatch, added, unstated):
    setup(monkeypatch, ADDED.replace("ADDED", added))
    text = HEAD + cell("1") + block("1") + cell("2") + block("3")
    _, warnings = build(tmp_path, {"index.md": text}, "dummy")
    assert "-3\n+2" in warnings
    assert warnings.count("what no block states:\n0") == unstated
    assert warnings.count("WARNING") == 2 + unstated
    build(tmp_path, {}, "dummy", **UPDATE)
    assert page(tmp_path) == text.replace("3\n```\n\n", "2\n```\n\n")


def test_cell_that_a_handler_removes_is_left_as_it_is(tmp_path, monkeypatch):
    setup(monkeypatch, r"source[0] = source[0].replace('```{code-cell}\n1\n```\n', '')")
    text = HEAD + cell("1") + block("8") + cell("2") + block("9")
    _, warnings = build(tmp_path, {"index.md": text}, "dummy")
    assert "-9\n+2" in warnings
    assert "index.md:10: WARNING: this block does not follow" in warnings  # of the built text
    build(tmp_path, {}, "dummy", **UPDATE)
    assert page(tmp_path) == text.replace("9", "2")


@pytest.mark.parametrize(
    "code",
    [
        r"source[0] = source[0].replace('```{code-cell}\n1', '```{code-cell}\n5')",
        r"source[0] = source[0].replace('# Title\n', '# Title\n\n```{code-cell}\n2\n```\n')",
    ],
)
def test_file_is_not_rewritten_if_several_cells_could_be_meant(tmp_path, monkeypatch, code):
    setup(monkeypatch, code)
    text = HEAD + cell("1") + block("8") + cell("2") + block("9")
    text = text.replace("1\n```", "2\n```") if "# Title" in code else text
    _, warnings = build(tmp_path, {"index.md": text}, "dummy", **UPDATE)
    assert "the cells of this file are not those that were run: none is updated" in warnings
    assert page(tmp_path) == text


def read_words(text):
    cells = [nbformat.v4.new_code_cell(code) for code in text.split()]
    kernel = {"name": "python3", "display_name": "Python"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def test_page_in_another_format_is_refused(tmp_path):
    formats = {".md": ["test_rows.read_words", {}, False]}
    _, warnings = build(tmp_path, {"index.md": "1 2"}, "dummy", nb_custom_formats=formats)
    message = "the cells of this file are not those that were run: none is compared"
    assert f"index.md:1: WARNING: {message}" in warnings
    assert "this block" not in warnings


def test_page_in_a_format_without_blocks_is_counted(tmp_path):
    formats = {".words": ["test_rows.read_words", {}, False]}
    pages = {"index.md": "# Title\n", "other.words": "1 2"}
    app, warnings = build(tmp_path, pages, "dummy", nb_custom_formats=formats)
    assert "none is compared" not in warnings
    assert "cells not compared, because the format of their page has no blocks: 2" in app.log


def read_others(text):
    notebook = read_words("1 2")
    notebook.metadata.page = text
    return notebook


MESSAGE = (
    "index.md:1: WARNING: the cells of this file are not those that were run: none is compared"
)


def test_page_is_refused_if_other_code_was_run(tmp_path):
    formats = {".md": ["test_rows.read_others", {}, False]}
    pages = {"index.md": HEAD + cell("1") + block("1") + cell("3") + block("2")}
    _, warnings = build(tmp_path, pages, "dummy", nb_custom_formats=formats)
    assert MESSAGE in warnings
    assert "the cell shows" not in warnings
    pages = {"index.md": pages["index.md"].replace("3", "2")}
    assert not build(tmp_path, pages, "dummy", nb_custom_formats=formats)[1]


def test_cell_may_load_its_code(tmp_path):
    text = HEAD + "```{code-cell}\n:load: code.txt\n```\n\n" + block("5")
    pages = {"code.txt": "2 + 3", "index.md": text}
    assert not build(tmp_path, pages, "dummy")[1]


def test_file_that_changes_while_it_is_run_is_refused(tmp_path):
    edit = "open('index.md', 'a').write('More.')"
    text = HEAD + cell(f"_ = {edit}") + cell("1") + block("2")
    _, warnings = build(tmp_path, {"index.md": text}, "dummy", nb_execution_in_temp=False)
    assert MESSAGE in warnings
    assert "the cell shows" not in warnings
    _, warnings = build(tmp_path, {"index.md": text}, "dummy", **UPDATE)
    assert MESSAGE in warnings
    assert page(tmp_path) == f"{text}More."


@pytest.mark.parametrize("seen", ["", "More."])
def test_page_is_refused_if_a_handler_changes_a_cell_unseen(tmp_path, monkeypatch, seen):
    code = f"source[0] += {seen!r}"
    setup(monkeypatch, f"{code}\n\ndef unseen(app, page, source):\n    {UNSEEN}")
    monkeypatch.setattr("test_cells.CONF", f"{test_cells.CONF}{CONNECT}")
    text = HEAD + cell("1") + block("1")
    _, warnings = build(tmp_path, {"index.md": text}, "dummy", **UPDATE)
    assert MESSAGE in warnings
    assert "1 run, 1 in the file: on line 9, '2' was run" in warnings
    assert page(tmp_path) == text


def test_notebook_is_refused_if_a_handler_changes_its_cells(tmp_path, monkeypatch):
    code = 'source[0] = source[0].replace("execution_count", "execution_count")'
    stored = read_words("1 2")
    setup(monkeypatch, code)
    text = nbformat.writes(stored)
    _, warnings = build(tmp_path, {"index.ipynb": text}, "dummy")
    assert "stores no outputs" in warnings
    cut = "import nbformat; n = nbformat.reads(source[0], 4); del n.cells[0]; source[0] = nbformat.writes(n)"
    setup(monkeypatch, cut)
    _, warnings = build(tmp_path, {"index.ipynb": text}, "dummy")
    assert MESSAGE.replace(".md", ".ipynb") in warnings


def test_control_characters_are_written_as_text(tmp_path):
    code = r"print('\x1b[31mred\x1b[0m', '\x00')"
    build(tmp_path, {"index.md": HEAD + cell(code)}, "dummy", **UPDATE)
    assert page(tmp_path) == HEAD + cell(code) + block("red ␀")
    assert not build(tmp_path, {}, "dummy")[1]


def test_build_logs_that_outputs_are_from_the_cache(tmp_path):
    (tmp_path / "source").mkdir()
    helper = tmp_path / "source" / "helper.py"
    helper.write_text("number = 1")
    text = (
        HEAD + cell("import helper") + cell("helper.number") + block("1") + cell("2") + block("2")
    )
    settings = {"nb_execution_mode": "cache"}
    first, _ = build(tmp_path, {"index.md": text}, "dummy", **settings)
    helper.write_text("number = 22")
    again, warnings = build(tmp_path, {}, "dummy", **settings)
    message = "output blocks compared with outputs from MyST-NB's cache, not run: 2"
    assert message not in first.log
    assert message in again.log
    assert not warnings


HIDDEN = {
    "remove-stdout": ({}, "print(1)", "remove-stdout"),
    "remove-stderr": ({}, "import sys; print(1, file=sys.stderr)", "remove-stderr"),
    "outputs": ({"nb_remove_code_outputs": True}, "print(1)", ""),
    "stderr": ({"nb_output_stderr": "remove"}, "import sys; print(1, file=sys.stderr)", ""),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_output_that_no_reader_sees_needs_no_block(tmp_path, name):
    settings, code, tag = HIDDEN[name]
    pages = {"index.md": HEAD + cell(code, tag), "stated.md": HEAD + cell(code, tag) + block("1")}
    _, warnings = build(tmp_path, pages, "dummy", **settings)
    assert "index.md:" not in warnings.replace("index.md: WARNING: doc", "")
    assert "stated.md:" in warnings
    assert "WARNING: the cell of this block shows nothing" in warnings


def test_streams_are_compared_as_the_site_merges_them(tmp_path):
    code = "from IPython.display import Markdown\nprint(1)\ndisplay(Markdown('2'))\nprint(3)"
    pages = {"index.md": HEAD + cell(code) + block("1\n3\n2")}
    app, warnings = build(tmp_path, pages, nb_merge_streams=True)
    assert not warnings
    assert "1\n3\n" in (app.outdir / "index.html").read_text()


def test_page_and_cell_may_show_what_the_site_removes(tmp_path):
    own = "mystnb:\n  remove_code_outputs: true\n---\n\n# Title"
    shown = "```{code-cell}\n---\nmystnb:\n  remove_code_outputs: false\n---\n2\n```\n\n"
    text = HEAD.replace("---\n\n# Title", own) + cell("1") + shown + block("2")
    assert not build(tmp_path, {"index.md": text}, "dummy")[1]


def test_pieces_of_a_stream_are_one_in_inline_mode(tmp_path):
    code = "import time\nfor i in range(3):\n    print(i, end=' ', flush=True)\n    time.sleep(0.3)"
    text = HEAD + cell(code) + block("0 1 2") + cell("'a'") + block("b")
    app, warnings = build(tmp_path, {"index.md": text}, nb_execution_mode="inline")
    assert re.findall("^[-+][^-+]+$", warnings, re.MULTILINE) == [
        "-b",
        "+'a' [code_cell_output.difference]",
    ]
    assert (app.outdir / "index.html").read_text().count("0 1 2") == 1


def test_writefile_may_have_run_before(tmp_path):
    text = HEAD + cell("%%writefile out.txt\ntext") + block("Writing out.txt")
    for _ in range(2):
        assert not build(tmp_path, {"index.md": text}, "dummy")[1]
    assert (tmp_path / "source" / "out.txt").exists()


NOT_RUN = {
    "off": ({"nb_execution_mode": "off"}, HEAD),
    "excluded": ({"nb_execution_excludepatterns": ["index.md"]}, HEAD),
    "front matter": ({}, HEAD.replace("---\n\n", "mystnb:\n  execution_mode: 'off'\n---\n\n")),
}


@pytest.mark.parametrize("name", NOT_RUN)
def test_blocks_of_a_page_that_is_not_run_are_counted(tmp_path, name):
    settings, head = NOT_RUN[name]
    text = head + cell("1") + block("8") + cell("2") + block("9")
    app, warnings = build(tmp_path, {"index.md": text}, "dummy", **settings)
    assert "code_cell_output" not in warnings
    assert "this block" not in warnings
    assert "output blocks not compared, because their cells were not run: 2" in app.log


FAILS = HEAD + cell("1") + block("8") + cell("1 / 0") + block("E") + cell("2") + block("9")


@pytest.mark.parametrize("mode", ["force", "cache", "inline"])
def test_cells_before_one_that_fails_are_compared(tmp_path, mode):
    _, warnings = build(tmp_path, {"index.md": FAILS}, "dummy", nb_execution_mode=mode)
    assert "-8\n+1" in warnings
    assert f"index.md:{line_of(FAILS, '1 / 0') - 1}: WARNING: the cell failed: Zero" in warnings
    assert "9" not in "".join(re.findall("^[-+].*$", warnings, re.MULTILINE))
    assert "differences between cells and their blocks: 1;" in warnings


def test_errors_are_outputs_where_the_site_allows_them(tmp_path):
    text = FAILS.replace("8", "1").replace("E\n", "ZeroDivisionError: division by zero\n")
    _, warnings = build(tmp_path, {"index.md": text}, "dummy", nb_execution_allow_errors=True)
    assert "-9\n+2" in warnings
    assert warnings.count("WARNING") == 2
    unstated = text.replace(block("ZeroDivisionError: division by zero"), "").replace("9", "2")
    _, warnings = build(tmp_path, {"index.md": unstated}, "dummy", nb_execution_allow_errors=True)
    assert "the cell shows what no block states:\nZeroDivisionError: div" in warnings


WARNED = HEAD + cell("1") + block("8") + cell("2") + "Text.\n\n" + block("orphan")
WARNED += cell("3", "raises-exception") + block("3") + cell("4") + block("4", "no")
WARNED += cell("1 / 0")
SUBTYPES = {
    "difference": "the cell shows something else",
    "unstated": "the cell shows what no block states",
    "orphan": "this block does not follow a cell",
    "failed": "the cell failed",
    "raises": "raises nothing",
    "option": "'skip: REASON', got 'no'",
}


@pytest.mark.parametrize("subtype", [*SUBTYPES, "none"])
def test_each_subtype_can_be_suppressed(tmp_path, subtype):
    settings = {"suppress_warnings": [f"code_cell_output.{subtype}"]}
    _, warnings = build(tmp_path, {"index.md": WARNED}, "dummy", **settings)
    for name, message in SUBTYPES.items():
        assert (message in warnings) == (name != subtype), name
    differing = 4 - (subtype in ("difference", "unstated", "raises", "option"))
    assert f"differences between cells and their blocks: {differing};" in warnings


def test_several_blocks_are_compared_one_by_one(tmp_path):
    text = (
        HEAD
        + cell("print(1)\n2")
        + "\n\n"
        + block("1")
        + "\n"
        + block("2")
        + cell("3")
        + block("3")
    )
    assert not build(tmp_path, {"index.md": text}, "dummy")[1]
    text = text.replace("2\n```\n\n```{code-cell}", "5\n```\n\n```{code-cell}")
    _, warnings = build(tmp_path, {"index.md": text}, "dummy")
    assert f"index.md:{line_of(text, '5') - 1}: WARNING: the cell shows something else" in warnings
    assert warnings.count("WARNING") == 2


LOOSE = cell("import time; time.time()") + block("1.5", "skip: the time of the build")
LOOSE += cell("print('took', time.time(), 's')") + block("took <time>")
LOOSE += cell("object()") + block("<object at 0x...>") + cell("1") + block("1")


def test_blocks_that_are_not_compared_in_full_are_counted(tmp_path, monkeypatch):
    counts = '"sphinx_code_cell_output.counts", "sphinx.ext.doctest"'
    monkeypatch.setattr("test_cells.CONF", CONF.replace('"sphinx.ext.doctest"', counts))
    text = HEAD + LOOSE + "```{check-counts}\n```\n\nSkipped: {check-total}`skipped`.\n"
    settings = {"code_cell_output_replace": {r"took \d+\.\d+ s": "took <time>"}}
    app, warnings = build(tmp_path, {"index.md": text}, **settings)
    assert not warnings
    assert (
        "checked in all: 4 cells, 3 outputs, 0 doctests, 0 numbers, 1 skipped, 2 replaced"
        in app.log
    )
    html = (app.outdir / "index.html").read_text()
    assert "Skipped: 1." in html
    row = "".join(f"<td><p>{number}</p></td>\n" for number in (4, 3, 0, 0, 1, 2))
    assert html.count(row) == 2
