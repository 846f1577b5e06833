"""Pages that are read as jupytext does: without a source map, and by its own rules for cells."""

import pytest
from myst_nb.core.read import read_myst_markdown_notebook
from test_cells import HEAD, block, build, cell, line_of

pytestmark = pytest.mark.filterwarnings("ignore:'sphinx.environment.BuildEnvironment.app'")
UPDATE = {"code_cell_output_update": True}
JUPYTEXT = HEAD.replace("file_format: mystnb\n", "")  # MyST-NB alone would run no cell of it
MYST = {"nb_custom_formats": {".md": ["test_jupytext.read", {}, False]}}
LANGUAGES = {"nb_custom_formats": {".md": ["test_jupytext.read_languages", {}, False]}}


def read(text):
    return read_myst_markdown_notebook(text)


def read_languages(text):
    return read_myst_markdown_notebook(text, code_directive="python")


def page(folder):
    return (folder / "source" / "index.md").read_text()


TEXT = JUPYTEXT + cell("1") + block("1") + "Text.\n\n+++\n\nMore.\n\n" + cell("print(2)\n3")
TEXT += "\n" + block("2") + block("3") + cell("4", "remove-cell") + cell("5") + block("5")


@pytest.mark.parametrize("wrong", ["1", "2", "3", "5"])
def test_blocks_are_compared_each_with_its_cell(tmp_path, wrong):
    assert not build(tmp_path, {"index.md": TEXT}, "dummy", **MYST)[1]
    text = TEXT.replace(block(wrong), block("8"))
    _, warnings = build(tmp_path, {"index.md": text}, "dummy", **MYST)
    place = f"index.md:{line_of(text, block('8'))}: WARNING: the cell shows something else"
    assert place in warnings
    assert f"-8\n+{wrong}" in warnings
    assert warnings.count("WARNING") == 2


def test_blocks_are_written(tmp_path):
    text = JUPYTEXT + cell("1") + cell("2") + block("8")
    build(tmp_path, {"index.md": text}, "dummy", **MYST, **UPDATE)
    assert page(tmp_path) == JUPYTEXT + cell("1") + block("1") + cell("2") + block("2")
    assert not build(tmp_path, {}, "dummy", **MYST)[1]


@pytest.mark.parametrize("orphan", [f"Text.\n\n{block('9')}", f"+++\n\nText.\n\n{block('9')}"])
def test_orphan_is_named_by_its_line_in_the_file(tmp_path, orphan):
    text = JUPYTEXT + block("9").replace("9", "7") + cell("1") + block("1") + orphan + cell("None")
    _, warnings = build(tmp_path, {"index.md": text}, "dummy", **MYST)
    for stated in "79":
        line = line_of(text, block(stated))
        assert f"index.md:{line}: WARNING: this block does not follow a cell" in warnings
    assert warnings.count("WARNING") == 2


def test_cell_that_stops_the_kernel_is_named(tmp_path):
    text = JUPYTEXT + cell("1") + block("8") + "Text.\n\n" + cell("import os; os._exit(3)")
    _, warnings = build(tmp_path, {"index.md": text}, "dummy", **MYST)
    line = line_of(text, "import os") - 1
    assert f"index.md:{line}: WARNING: the cell did not finish: DeadKernelError" in warnings
    assert "this block" not in warnings


def test_cells_between_colons_are_run_and_compared(tmp_path):
    inner = f"::: {{note}}\nText.\n\n{cell('1')}{block('8')}:::\n\n"
    text = JUPYTEXT + inner + cell("2") + block("2")
    _, warnings = build(tmp_path, {"index.md": text}, "dummy", **MYST)
    assert f"index.md:{line_of(text, block('8'))}: WARNING: the cell shows some" in warnings
    assert warnings.count("WARNING") == 2
    build(tmp_path, {}, "dummy", **MYST, **UPDATE)
    assert page(tmp_path) == text.replace(block("8"), block("1"))
    assert not build(tmp_path, {}, "dummy", **MYST)[1]


def fence(code, language="python"):
    return f"```{language}\n{code}\n```\n\n"


OTHERS = JUPYTEXT + fence("1", "text") + fence("1") + block("1") + fence("2", "bash")
OTHERS += fence("3") + block("8") + "~~~\n3\n~~~\n"


def test_cells_may_be_marked_by_their_language(tmp_path):
    text = OTHERS.replace(fence("1", "text"), "")
    _, warnings = build(tmp_path, {"index.md": text}, "dummy", **LANGUAGES)
    assert f"index.md:{line_of(text, block('8'))}: WARNING: the cell shows some" in warnings
    assert "-8\n+3" in warnings
    assert warnings.count("WARNING") == 2
    build(tmp_path, {}, "dummy", **LANGUAGES, **UPDATE)
    assert page(tmp_path) == text.replace("8", "3")


def test_page_is_refused_if_another_fence_may_be_the_cell(tmp_path):
    _, warnings = build(tmp_path, {"index.md": OTHERS}, "dummy", **LANGUAGES, **UPDATE)
    refused = "none is compared: 2 run, 0 in the file: not in it is '1'"
    assert (
        f"index.md:1: WARNING: the cells of this file are not those that were run: {refused}"
        in warnings
    )
    assert warnings.count("WARNING") == 1
    assert page(tmp_path) == OTHERS


@pytest.mark.parametrize(
    ("ran", "stated", "reason"),
    [
        ("12", "1", "2 run, 1 in the file: not in it is '2'"),
        ("1", "12", "1 run, 2 in the file: that on line 12 was not run"),
        ("13", "12", "2 run, 2 in the file: on line 12, '3' was run"),
    ],
)
def test_first_cell_that_differs_is_named(tmp_path, monkeypatch, ran, stated, reason):
    text, other = (JUPYTEXT + "".join(map(cell, codes)) for codes in (stated, ran))
    monkeypatch.setattr("test_jupytext.read_languages", lambda _: read(other))
    _, warnings = build(tmp_path, {"index.md": text}, "dummy", **LANGUAGES)
    assert (
        f"none is compared: {reason} [" in warnings or f"none is compared: {reason}\n" in warnings
    )


def test_page_without_cells_is_no_problem(tmp_path):
    app, warnings = build(tmp_path, {"index.md": f"{JUPYTEXT}Text.\n"}, "dummy", **MYST)
    assert not warnings
    assert app.env.metadata["index"]["checked_cells"] == 0


def test_blocks_of_a_page_that_is_not_run_are_counted(tmp_path):
    app, warnings = build(tmp_path, {"index.md": TEXT}, "dummy", nb_execution_mode="off", **MYST)
    assert "code_cell_output" not in warnings
    assert "this block" not in warnings
    assert "output blocks not compared, because their cells were not run: 4" in app.log
    lines = [line for line, text in enumerate(TEXT.splitlines(), 1) if "-output}" in text]
    assert app.env.metadata["index"]["unrun_lines"] == lines
