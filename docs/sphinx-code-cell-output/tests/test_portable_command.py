"""The command portable: its variants, the processes that run them, and its report."""

import os
from itertools import combinations, product

import pytest
from sphinx_code_cell_output import portable, variants
from sphinx_code_cell_output.cli import main
from sphinx_code_cell_output.problems import Problem
from sphinx_code_cell_output.site import Options
from sphinx_code_cell_output.variants import Variant
from test_cells import CONF, HEAD, block, cell, line_of

pytestmark = pytest.mark.filterwarnings("ignore:'sphinx.environment.BuildEnvironment.app'")
CODE = "import os\nos.environ['NUMBER']"
PAGE = (
    HEAD
    + cell(CODE)
    + block("'1'")
    + "```{doctest}\n>>> import os\n>>> os.environ['NUMBER']\n'1'\n```\n"
)


@pytest.mark.parametrize(
    ("sizes", "count"), [((1,), 1), ((3,), 3), ((2, 3), 6), ((3, 3, 3), 9), ((2, 2, 2, 2), 6)]
)
def test_each_pair_of_values_occurs_in_few_variants(sizes, count):
    settings = {f"S{i}": tuple(map(str, range(size))) for i, size in enumerate(sizes)}
    rows = [variant.environment for variant in variants.pairs(settings)]
    assert len(rows) == count
    assert rows == [variant.environment for variant in variants.pairs(settings)]
    for one, other in combinations(settings, 2):
        expected = set(product(settings[one], settings[other]))
        assert {(row[one], row[other]) for row in rows} == expected


def test_variant_is_named_by_its_settings():
    assert [variant.name for variant in variants.pairs({"A": ("1", "2"), "B": ("x",)})] == [
        "A=1 B=x",
        "A=2 B=x",
    ]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project whose output and doctest depend on an environment variable."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf.py").write_text(CONF + "nb_execution_mode = 'force'\n")
    (tmp_path / "index.md").write_text(PAGE)
    return tmp_path


@pytest.mark.usefixtures("project")
def test_output_that_depends_on_a_setting_is_named(capsys):
    assert main(["portable", ".", "--env", "NUMBER=1,2", "--jobs", "1"]) == 1
    printed = capsys.readouterr().out
    assert "NUMBER=1: " in printed
    diff = "--- stated\n+++ shown\n@@ -1 +1 @@\n-'1'\n+'2'\n  under NUMBER=2\n\n"
    line = line_of(PAGE, block("'1'"))
    assert f"\nindex.md:{line}: the cell shows something else:\n{diff}" in printed
    line = line_of(PAGE, ">>> os.env")
    assert f"\nindex.md:{line}: the doctest shows something else:\n{diff}" in printed
    assert printed.endswith(
        "\n1 outputs of cells and 2 doctest examples, compared on 2 code paths: 2 changed\n"
    )


def test_build_in_this_process_is_silent_and_judged(project, capfd, monkeypatch):
    monkeypatch.setenv("NUMBER", "2")

    def judge(site, problems):
        assert len(site.own) == 1
        return problems[1:], "facts"

    outcome = portable.run(Variant("v", {}), Options(project, project, builder="doctest"), judge)
    assert (outcome.outputs, outcome.doctests, outcome.facts) == (1, 2, "facts")
    assert [one.message.partition("\n")[0] for one in outcome.problems] == [
        "the doctest shows something else:"
    ]
    assert capfd.readouterr() == ("", "")


def test_project_that_executes_nothing_is_a_problem(project):
    (project / "index.md").write_text("# Title\n")
    outcome = portable.run(Variant("v", {}), Options(project, project, builder="doctest"))
    assert outcome.problems == [Problem("the build", 0, "nothing was executed")]


def test_report_names_the_variants_of_a_change(capsys):
    change, more = Problem("page.md", 7, "differs"), Problem("page.md", 9, "not needed")
    outcomes = [portable.Outcome(Variant(name, {}), 1.0, 2, 3, [change]) for name in "ab"]
    assert not portable.report(outcomes, "2 code paths", {more: "all seeds"})
    printed = capsys.readouterr().out
    assert "\npage.md:7: differs\n  under a\n  under b\n" in printed
    assert "\npage.md:9: not needed\n  under all seeds\n" in printed
    assert printed.endswith("compared on 2 code paths: 2 changed\n")
    assert portable.report([outcomes[0]._replace(problems=[])], "1 code path")


def test_process_starts_with_the_environment():
    assert variants.run_in(Variant("v", {"NUMBER": "7"}), os.getenv, "NUMBER") == "7"
    assert os.getenv("NUMBER") is None


def test_exception_of_a_process_is_raised_here():
    with pytest.raises(ValueError, match="invalid literal"):
        variants.run_in(Variant("v", {}), int, "x")


def test_process_without_a_result_is_an_error():
    with pytest.raises(RuntimeError, match=r"^v: the build ended without a result$"):
        variants.run_in(Variant("v", {}), os._exit, 3)


def test_call_sends_the_result_or_the_exception():
    sent = []
    connection = type("Connection", (), {"send": staticmethod(sent.append)})
    variants.call(connection, int, ("7",))
    variants.call(connection, int, ("x",))
    assert sent[0] == 7
    assert isinstance(sent[1], ValueError)
