"""The commands check and update: differences, the choice of cells, reports, and accepted outputs."""

import io
import runpy
import sys
from xml.etree import ElementTree as ET

import pytest
from sphinx_code_cell_output import __version__, check, reports, terminal
from sphinx_code_cell_output.cli import main
from sphinx_code_cell_output.problems import Problem, split
from sphinx_code_cell_output.results import Result
from test_cells import ANSI, CONF, HEAD, block, cell, line_of

pytestmark = pytest.mark.filterwarnings("ignore:'sphinx.environment.BuildEnvironment.app'")

INDEX = HEAD + cell("print(1)\n2") + block("1\n3") + cell("4") + block("4") + cell("5")
OTHER = HEAD + cell("1 / 3") + block("0.3333", "digits")
FAILED = HEAD + cell("print(1)") + block("2") + cell("1 / 0") + cell("3") + block("3")
STRAY = "# Title\n\n" + block("a block without a cell")
WRONG = line_of(INDEX, block("1\n3"))
UNSTATED = line_of(INDEX, "5\n```") - 1
DIFF = "the cell shows something else:\n--- stated\n+++ shown\n@@ -1,2 +1,2 @@\n 1\n-3\n+2\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project in the current folder, with two pages; no CI machine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "conf.py").write_text(CONF + "nb_execution_mode = 'force'\n")
    (folder / "index.md").write_text(INDEX)
    (folder / "other.md").write_text(OTHER)
    return folder


@pytest.fixture
def ran(monkeypatch):
    """The names of the pages whose cells are run."""
    from nbclient import NotebookClient  # noqa: PLC0415

    names = []
    execute = NotebookClient.execute

    def counted(client, *args, **kwargs):
        names.append(client.nb.cells[1].source.splitlines()[0])
        return execute(client, *args, **kwargs)

    monkeypatch.setattr(NotebookClient, "execute", counted)
    return names


def run(capsys, *arguments):
    """Return the exit code of a command, and its output."""
    code = main([str(argument) for argument in arguments])
    return code, capsys.readouterr().out


def test_check_and_update_a_project(project, capsys, ran):
    code, printed = run(capsys, "check", "docs", "--junit", "report.xml", "--github")
    assert code == 1
    assert printed.startswith(f"docs/index.md:{WRONG}: {DIFF}docs/index.md:{UNSTATED}: ")
    assert "\n5\n::error file=docs/index.md,line=" in printed
    assert printed.endswith("4 outputs: 2 as stated, 2 not, 0 not compared\n")
    assert sorted(ran) == ["1 / 3", "print(1)"]

    suite = ET.parse("report.xml").getroot()[0]  # noqa: S314  # our own
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("4", "2", "0")
    assert {case.get("classname") for case in suite} == {"docs.index", "docs.other"}
    failure = suite[0][0]
    assert (suite[0].get("file"), suite[0].get("line")) == ("docs/index.md", str(WRONG))
    assert (failure.get("message"), failure.text) == ("the cell shows something else:", DIFF[:-1])
    assert not list(suite[1])

    ran.clear()  # only the page that differs is run again
    code, printed = run(
        capsys, "check", "docs", "--changed", "--cell", f"docs/index.md:{WRONG - 4}"
    )
    assert (code, ran) == (1, ["print(1)"])
    assert printed.startswith(f"docs/index.md:{WRONG}: {DIFF}1 output: 0 as stated")

    ran.clear()
    code, printed = run(capsys, "update", "docs")
    assert (code, ran) == (0, ["print(1)"])
    assert printed.endswith("\n2 blocks rewritten, 0 problems left\n")
    accepted = INDEX.replace("1\n3", "1\n2") + block("5").rstrip() + "\n"
    assert (project / "index.md").read_text().rstrip() == accepted.rstrip()
    assert (project / "other.md").read_text() == OTHER

    code, printed = run(capsys, "check", "docs", "--changed")
    assert (code, printed) == (0, "4 outputs: 4 as stated, 0 not, 0 not compared\n")
    ran.clear()
    assert run(capsys, "update", "docs", "--all")[0] == 0
    assert len(ran) == 2
    assert [path.name for path in project.glob("_build/*")] == ["code-cell-output"]
    assert (project / "_build" / "code-cell-output" / ".gitignore").read_text() == "*\n"


def test_each_output_is_asked_for(project, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("maybe\nn\ny\n"))
    code, printed = run(capsys, "update", "docs", "--interactive", "--page", "index")
    assert code == 1
    assert printed.count("accept this output?") == 3
    assert printed.endswith("1 block rewritten, 1 problem left\n")
    text = (project / "index.md").read_text()
    assert text.startswith(INDEX)
    assert text.endswith(block("5").rstrip() + "\n\n")


@pytest.mark.parametrize("answer", ["q\n", ""])
def test_questions_end_with_q_or_the_input(project, capsys, monkeypatch, answer):
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    code, printed = run(capsys, "update", "docs", "-i", "--cell", f"index:{WRONG}")
    assert code == 1
    assert printed.endswith("0 blocks rewritten, 1 problem left\n")
    assert (project / "index.md").read_text() == INDEX


def test_failing_page_is_updated_up_to_the_failure_and_its_other_blocks_are_no_success(
    project, capsys
):
    (project / "index.md").write_text(FAILED)
    (project / "stray.md").write_text(STRAY)
    code, printed = run(capsys, "check", "docs", "--junit", "report.xml")
    assert code == 1
    assert f"docs/index.md:{line_of(FAILED, '1 / 0') - 1}: the cell failed: Zero" in printed
    assert "docs/stray.md:3: this block does not follow a cell" in printed
    skipped = ET.parse("report.xml").getroot().findall(".//skipped")  # noqa: S314
    assert "the cell was not run: one above it failed" in [each.get("message") for each in skipped]
    code, printed = run(capsys, "update", "docs")
    assert code == 1
    assert printed.endswith("1 block rewritten, 2 problems left\n")
    assert (project / "index.md").read_text() == FAILED.replace(block("2"), block("1"))


def test_skipped_block_is_reported_and_no_failure(project, capsys):
    (project / "index.md").write_text(HEAD + cell("4") + block("?", "skip: a timing"))
    code, printed = run(capsys, "check", "docs", "--junit", "report.xml")
    assert (code, printed) == (0, "2 outputs: 1 as stated, 0 not, 1 not compared\n")
    [skipped] = ET.parse("report.xml").getroot().findall(".//skipped")  # noqa: S314
    assert skipped.get("message") == "skip: a timing"


def test_project_without_outputs_fails(project, capsys):
    for page in ("index", "other"):
        (project / f"{page}.md").write_text("# Title\n")
    assert run(capsys, "check", "docs") == (1, "0 outputs: 0 as stated, 0 not, 0 not compared\n")


def test_pages_that_do_not_differ_are_no_problem_of_parallel_builds(project, capsys):
    (project / "third.md").write_text(OTHER.replace("0.3333", "0.3334"))
    code, printed = run(capsys, "check", "docs", "--jobs", 2, "--build-dir", "kept")
    assert code == 1
    assert printed.endswith("5 outputs: 2 as stated, 3 not, 0 not compared\n")
    assert sorted(path.name for path in (project.parent / "kept").iterdir() if path.is_dir()) == [
        "doctrees",
        "jupyter_execute",
        "out",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "docs", "--cell", "index.md"], "expected PAGE:LINE, such as index.md:14, got"),
        (["portable", "docs", "--env", "NAME"], "expected NAME=VALUE,VALUE, got 'NAME'"),
        ([], "required: COMMAND"),
    ],
)
def test_wrong_argument_is_refused(capsys, arguments, message):
    with pytest.raises(SystemExit):
        main(arguments)
    assert message in capsys.readouterr().err


def test_project_that_cannot_be_built_is_another_exit_code(tmp_path, capsys):
    assert main(["check", str(tmp_path)]) == 2
    assert "config directory doesn't contain a conf.py file" in capsys.readouterr().err


def test_annotations_are_one_line_each():
    problem = Problem("a,b:c.md", 0, "100%\nof it", "")
    assert reports.annotations([Result("a,b:c.md", 0, "page", [problem])]) == [
        "::error file=a%2Cb%3Ac.md,line=1,title=code-cell-output::100%25%0Aof it"
    ]


def test_report_escapes_control_characters():
    problem = Problem("page.md", 3, "head\n\x1b[31m\tred", "")
    text = reports.junit([Result("page.md", 3, "line 3", [problem])])
    assert ET.fromstring(text)[0][0][0].text == "head\n\\x1b[31m\tred"  # noqa: S314


def test_problem_without_a_line_is_at_its_file():
    assert Problem("page.md", 0, "odd").place == "page.md"
    assert split("page.md:") == ("page.md", 0)


@pytest.mark.parametrize("terminal_has", [True, False])
def test_diff_is_colored_on_a_terminal(capsys, monkeypatch, terminal_has):
    monkeypatch.setattr(terminal, "color_terminal", lambda: terminal_has)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    terminal.show(
        Result("page.md", 3, "line 3", [Problem("page.md", 3, DIFF), Problem("a", 0, "b")])
    )
    printed = capsys.readouterr().out
    assert ANSI.sub("", printed).split() == f"page.md:3: {DIFF}\na: b\n".split()
    assert ("\x1b[" in printed) is terminal_has


@pytest.mark.usefixtures("project")
def test_bar_shows_the_pages_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    main(["check", "docs"])
    shown = [
        ANSI.sub("", part).removeprefix("\x1b[2K") for part in capsys.readouterr().err.split("\r")
    ]
    assert "[....................] 0/2 index" in shown
    assert "[##########..........] 1/2 other" in shown
    assert not shown[-1]


def test_only_differences_can_be_accepted():
    assert not check.can_be_accepted(Result("page.md", 3, "line 3", [Problem("page.md", 3, "odd")]))


def test_module_is_the_command(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["code-cell-output", "--version"])
    with pytest.raises(SystemExit, match=r"^0$"):
        runpy.run_module("sphinx_code_cell_output", run_name="__main__")
    assert capsys.readouterr().out == f"{__version__}\n"


FINISH = """
def read_inventory(app, error):
    (app.outdir / "objects.inv").read_bytes()

def setup(app):
    app.connect("build-finished", read_inventory)
"""


def test_handler_that_needs_the_files_of_html_loses_no_results(project, capsys, ran):
    (project / "conf.py").write_text((project / "conf.py").read_text() + FINISH)
    assert main(["update", "docs"]) == 0
    printed = capsys.readouterr()
    assert printed.out.endswith("2 blocks rewritten, 0 problems left\n")
    assert printed.err.startswith("the handler read_inventory of build-finished failed: FileNotF")
    ran.clear()  # the build is kept
    code, _ = run(capsys, "check", "docs", "--changed", "--page", "docs/index.md")
    assert (code, len(ran)) == (0, 1)
    ran.clear()
    code, _ = run(capsys, "check", "docs", "--changed")
    assert (code, ran) == (0, ["print(1)"])  # rewritten since
