"""The commands, the reports and the plugin know the options of blocks, and the suppressed warnings."""

import pytest
from sphinx_code_cell_output import check
from sphinx_code_cell_output.cli import main
from sphinx_code_cell_output.mutate import altered
from test_cells import CONF, HEAD, block, cell, line_of
from test_figure_data import CODE, DATA
from test_pytest_plugin import run as run_pytest
from test_rows import ADDED

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.filterwarnings("default", "ignore:'sphinx.environment.Build")
TIMING = cell("import time; time.time()") + block("?", "skip: a timing")
PAGE = HEAD + cell("1 / 3") + block("0.33", "digits") + TIMING
PAGE += cell(CODE) + block(DATA, "figure-data")
WRONG = PAGE.replace("0.33", "0.34").replace("(1, 4)", "(1, 3)")
FORCE = "nb_execution_mode = 'force'\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Write a project into the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)

    def write(conf="", **pages):
        (tmp_path / "conf.py").write_text(CONF + FORCE + conf)
        for name, text in pages.items():
            (tmp_path / f"{name}.md").write_text(text)
        return tmp_path / "index.md"

    return write


def run(capsys, *arguments):
    """Return the exit code of a command, and its output."""
    code = main([*arguments[:1], ".", *arguments[1:]])
    return code, capsys.readouterr().out


def test_options_are_known_to_check_and_its_reports(project, capsys):
    index = project(index=PAGE)
    code, printed = run(capsys, "check", "--junit", "report.xml", "--github")
    assert (code, printed) == (0, "3 outputs: 2 as stated, 0 not, 1 not compared\n")
    assert 'failures="0" skipped="1"' in (index.parent / "report.xml").read_text()
    index.write_text(WRONG)
    code, printed = run(capsys, "check", "--junit", "report.xml", "--github")
    assert code == 1
    assert printed.endswith("3 outputs: 0 as stated, 2 not, 1 not compared\n")
    assert 'failures="2" skipped="1"' in (index.parent / "report.xml").read_text()
    for text in ("0.34", "<figure>\naxes"):
        line = line_of(WRONG, text) - 1
        assert f"::error file=index.md,line={line},title=code-cell-output::the cell" in printed


def test_update_keeps_digits_and_skipped_blocks(project, capsys):
    index = project(index=WRONG)
    assert run(capsys, "update")[1].endswith("\n2 blocks rewritten, 0 problems left\n")
    assert index.read_text() == PAGE


def test_mutate_alters_all_but_skipped_blocks(project, capsys):
    project(index=PAGE)
    number = len(list(altered("0.33"))) + len(list(altered(f"{DATA}\n")))
    assert run(capsys, "mutate") == (0, f"killed {number} of {number}\n")


def test_portable_compares_all_but_skipped_blocks(project, capsys):
    project(index=PAGE)
    code, printed = run(capsys, "portable", "--env", "NUMBER=1", "--jobs", "1")
    assert code == 0
    assert "\n2 outputs of cells and 0 doctest examples" in printed


def test_plugin_skips_what_the_project_does_not_compare(pytester):
    conf = CONF + FORCE + "suppress_warnings = ['code_cell_output.difference']\n"
    (pytester.path / "conf.py").write_text(conf)
    (pytester.path / "index.md").write_text(PAGE + cell("1") + block("2"))
    off = HEAD.replace("---\n\n", "mystnb:\n  execution_mode: 'off'\n---\n\n")
    (pytester.path / "off.md").write_text(off + cell("1") + block("1"))
    result = run_pytest(pytester, "--code-cell-output", "-rs")
    result.assert_outcomes(passed=2, skipped=3)
    for reason in ("skip: a timing", "suppress_warnings: code_cell_output.diff", "page is not run"):
        assert reason in result.stdout.str()


SUPPRESS = "suppress_warnings = ['code_cell_output.difference', 'code_cell_output.raises']\n"


def test_suppressed_difference_is_neither_as_stated_nor_a_failure(project, capsys):
    raises = cell("3", "raises-exception") + block("3")
    project(SUPPRESS, index=HEAD + cell("1") + block("2") + raises)
    code, printed = run(capsys, "check")
    assert (code, printed) == (0, "2 outputs: 1 as stated, 0 not, 1 not compared\n")


def test_check_fails_if_nothing_is_compared(project, capsys):
    project(SUPPRESS, index=HEAD + cell("1") + block("2"))
    code, printed = run(capsys, "check")
    assert (code, printed) == (1, "1 output: 0 as stated, 0 not, 1 not compared\n")


def test_mutant_of_a_suppressed_kind_survives(project, capsys):
    project(SUPPRESS, index=HEAD + cell("1") + block("1"))
    code, printed = run(capsys, "mutate")
    assert (code, printed) == (1, "survived: index.md:13: 1 in '1' becomes '2'\nkilled 0 of 1\n")


def test_check_names_pages_that_are_not_run(project, capsys):
    off = HEAD.replace("---\n\n", "mystnb:\n  execution_mode: 'off'\n---\n\n")
    project(index=HEAD + cell("1") + block("1"), off=off + cell("1") + block("8") + block("9"))
    code, printed = run(capsys, "check", "--junit", "report.xml")
    assert (code, printed) == (0, "3 outputs: 1 as stated, 0 not, 2 not compared\n")


def test_check_names_outputs_from_the_cache_and_replacements(project, capsys):
    conf = "nb_execution_mode = 'cache'\ncode_cell_output_replace = {r'\\d+ ms': '<time>'}\n"
    project(conf, index=HEAD + cell("print('3 ms')") + block("<time>"))
    replaced = "output blocks in which code_cell_output_replace acts: 1\n"
    summary = "1 output: 1 as stated, 0 not, 0 not compared\n"
    assert run(capsys, "check") == (0, replaced + summary)
    cached = "output blocks compared with outputs from MyST-NB's cache, not run: 1\n"
    assert run(capsys, "check") == (0, cached + replaced + summary)


def test_file_that_changes_while_outputs_are_accepted_is_not_rewritten(
    project, capsys, monkeypatch
):
    index = project(index=HEAD + cell("1") + block("2"))
    edited = HEAD + cell("'new'") + cell("1") + block("2")

    def ask():
        index.write_text(edited)
        return "y"

    monkeypatch.setattr(check, "ask", ask)
    code, printed = run(capsys, "update", "-i")
    assert code == 1
    reason = "not rewritten: the file has changed since it was built, or has no such cell"
    assert f"index.md:13: {reason}\n0 blocks rewritten, 1 problem left\n" in printed
    assert index.read_text() == edited


def test_file_that_changes_during_the_build_is_not_compared(project, capsys):
    write = "Path('index.md').write_text('More.\\n')"
    conf = "from pathlib import Path\n\ndef setup(app):\n"
    conf += f"    app.connect('build-finished', lambda *_: {write})\n"
    project(conf, index=HEAD + cell("1") + block("1"))
    code, printed = run(capsys, "check")
    message = "the cells of this file are not those that were run: none is compared"
    message += ": the file has changed since it was read"
    assert code == 1
    assert printed == f"index.md:1: {message}\n1 output: 0 as stated, 1 not, 0 not compared\n"


def test_update_leaves_a_cell_that_a_handler_adds(project, capsys):
    change = f"def change(app, page, source):\n    {ADDED.replace('ADDED', '0')}\n"
    conf = f"{change}\ndef setup(app):\n    app.connect('source-read', change)\n"
    index = project(conf, index=HEAD + cell("1") + block("8"))
    code, printed = run(capsys, "update")
    assert code == 1
    assert "index.md:9: not rewritten: " in printed
    assert printed.endswith("\n1 block rewritten, 1 problem left\n")
    assert index.read_text() == HEAD + cell("1") + block("1")


def test_cell_that_no_longer_raises_is_not_accepted(project, capsys):
    text = HEAD + cell("1", "raises-exception") + block("E: x")
    index = project(index=text)
    code, printed = run(capsys, "update")
    assert code == 1
    assert printed.endswith("\n0 blocks rewritten, 1 problem left\n")
    assert index.read_text() == text


def test_page_in_a_format_without_blocks_is_not_compared(project, capsys):
    index = project("nb_custom_formats = {'.words': ['test_rows.read_words', {}]}\n", index=PAGE)
    index.with_name("other.words").write_text("1 2")
    code, printed = run(capsys, "check", "--junit", "report.xml")
    assert (code, printed) == (0, "4 outputs: 2 as stated, 0 not, 2 not compared\n")
    reason = "2 cells: the format of the page has no blocks"
    assert reason in index.with_name("report.xml").read_text()
