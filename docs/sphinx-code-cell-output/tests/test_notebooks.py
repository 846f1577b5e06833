"""Pages that are .ipynb files: their stored outputs are compared, and updated."""

import json

import nbformat
import pytest
from nbformat import v4
from sphinx_code_cell_output import notebooks
from sphinx_code_cell_output.cli import main
from sphinx_code_cell_output.options import Rules
from test_cells import CONF, TYPE, build, stream, value

pytestmark = pytest.mark.filterwarnings("ignore:'sphinx.environment.BuildEnvironment.app'")
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
RAISES = {"tags": ["raises-exception"]}


def notebook(*cells, **options):
    """Return the text of a notebook; each cell is a pair of code and stored outputs."""
    made = [v4.new_markdown_cell("# Title"), v4.new_markdown_cell('A "cell_type": "code".')]
    made += [v4.new_code_cell(code, outputs=outputs) for code, outputs in cells]
    for number, cell in enumerate(made):
        cell.id = f"cell-{number}"  # random by default
    return nbformat.writes(v4.new_notebook(cells=made, metadata=KERNEL), **options) + "\n"


RIGHT = notebook(("1 + 1", [value("2")]), ("print(3)", [stream("3\n")]), ("x = 1", []))
WRONG = notebook(("1 + 1", [value("2")]), ("print(3)", [stream("4\n")]), ("x = 1", []), ("'a'", []))


def test_notebook_is_compared_with_its_stored_outputs(tmp_path):
    app, warnings = build(tmp_path, {"index.ipynb": RIGHT}, "dummy")
    assert not warnings
    meta = app.env.metadata["index"]
    assert (meta["checked_cells"], meta["checked_outputs"]) == (3, 2)
    _, warnings = build(tmp_path, {"index.ipynb": WRONG}, "dummy")
    second, last = [
        number
        for number, line in enumerate(WRONG.splitlines(), 1)
        if line.strip() == '"cell_type": "code",'
    ][1::2]
    assert f"index.ipynb:{second}: WARNING: the cell shows something else:" in warnings
    assert "-4\n+3" in warnings
    assert f"index.ipynb:{last}: WARNING: the cell shows what no block states:\n'a'" in warnings
    assert "blocks: 2;" in warnings


def test_update_replaces_the_outputs_that_differ_alone(tmp_path):
    build(tmp_path, {"index.ipynb": WRONG}, "dummy", code_cell_output_update="yes")
    text = (tmp_path / "source" / "index.ipynb").read_text()
    before, after = WRONG.splitlines(), text.splitlines()
    assert [line for line in before if line not in after] == ['      "4\\n"', '   "outputs": [],'][
        :1
    ]
    assert json.loads(text)["cells"][3]["outputs"][0]["text"] == ["3\n"]
    assert "index.ipynb:" not in build(tmp_path, {}, "dummy")[1]
    build(tmp_path, {}, "dummy", code_cell_output_update=True)
    assert (tmp_path / "source" / "index.ipynb").read_text() == text


def test_stripped_notebook_is_one_warning(tmp_path):
    text = notebook(("1 + 1", []), ("2", []))
    _, warnings = build(tmp_path, {"index.ipynb": text}, "dummy")
    message = "index.ipynb:1: WARNING: this notebook stores no outputs, so none is compared\n"
    assert message in TYPE.sub("", warnings)
    assert "the cell shows" not in warnings
    _, warnings = build(tmp_path, {"index.ipynb": notebook(("x = 1", []))}, "dummy")
    assert "index.ipynb" not in warnings


def test_notebook_on_one_line_is_compared(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = json.dumps(json.loads(WRONG))
    _, warnings = build(tmp_path, {"index.ipynb": text}, "dummy")
    assert "index.ipynb:1: WARNING: the cell shows something else:" in warnings
    (tmp_path / "source" / "conf.py").write_text(CONF)
    assert main(["check", "source"]) == 1
    assert "source/index.ipynb:1: the cell shows something else:" in capsys.readouterr().out


def test_cell_that_stops_the_kernel_is_named(tmp_path):
    text = notebook(("1", [value("1")]), ("import os; os._exit(1)", []))
    _, warnings = build(tmp_path, {"index.ipynb": text}, "dummy")
    last = text[: text.rindex('"cell_type": "code"')].count("\n") + 1
    assert f"index.ipynb:{last}: WARNING: the cell did not finish: DeadKernelError" in warnings


def test_outputs_of_a_notebook_that_is_not_run_are_counted(tmp_path):
    app, warnings = build(tmp_path, {"index.ipynb": WRONG}, "dummy", nb_execution_mode="off")
    assert not warnings
    assert "output blocks not compared, because their cells were not run: 2" in app.log
    first = WRONG.splitlines()[app.env.metadata["index"]["unrun_lines"][0] - 1]
    assert first.strip() == '"cell_type": "code",'


def test_notebook_without_code_has_no_cells():
    empty = v4.new_notebook()
    assert notebooks.read(nbformat.writes(empty), empty, Rules()) == []


def test_cell_of_a_notebook_has_options_in_its_metadata(tmp_path):
    figure = "import matplotlib.pyplot as plt; plt.plot([1, 2]);"
    cells = ("7", [value("8")]), ("1 / 3", [value("0.33")]), (figure, []), ("2", [value("3")])
    made = json.loads(notebook(*cells))
    options = "skip: a reason", "digits", "figure-data", "digit"
    for one, option in zip(made["cells"][2:], options, strict=True):
        one["metadata"]["code-cell-output"] = option
    pages = {"index.ipynb": json.dumps(made, indent=1)}
    app, warnings = build(tmp_path, pages, "dummy")
    assert app.env.metadata["index"]["checked_skipped"] == 1
    assert "'skip: REASON', got 'digit'" in warnings
    assert "line: (0, 1) (1, 2)" in warnings
    assert "0.33" not in warnings
    assert "-8" not in warnings
    build(tmp_path, {}, "dummy", code_cell_output_update=True)
    stored = json.loads((tmp_path / "source" / "index.ipynb").read_text())["cells"][2:]
    assert stored[0]["outputs"][0]["data"]["text/plain"] == ["8"]
    assert "line: (0, 1) (1, 2)" in str(stored[2]["outputs"])
