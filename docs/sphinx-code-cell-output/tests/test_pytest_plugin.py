"""The pytest plugin: each block of a project is a test, if the option asks for it."""

import sys
from importlib.metadata import entry_points

import importlib_metadata  # noqa: F401  # MyST-NB's: it replaces a finder, and pytester undoes half
import pytest
from test_cells import CONF, HEAD, block, cell, line_of

pytest_plugins = ["pytester"]
# Those of the inner pytest: the outer one may turn warnings into errors.
pytestmark = pytest.mark.filterwarnings("default")
INDEX = HEAD + cell("1") + block("1") + cell("2") + block("3") + cell("4")
FAILED = HEAD + cell("1 / 0") + cell("2") + block("2")
INSTALLED = [each.name for each in entry_points(group="pytest11")]
PLUGIN = [] if "code_cell_output" in INSTALLED else ["-p", "pytest_code_cell_output"]


@pytest.fixture
def project(pytester):
    """A Sphinx project with two pages, in a folder beside a Markdown file that is none of it."""
    folder = pytester.mkdir("docs")
    (folder / "conf.py").write_text(CONF + "nb_execution_mode = 'force'\n")
    (folder / "index.md").write_text(INDEX)
    (folder / "failed.md").write_text(FAILED)
    (folder / "plain.rst").write_text("Title\n=====\n")
    (pytester.path / "README.md").write_text(INDEX)
    return folder


def run(pytester, *arguments):
    """Run pytest in this process, with the plugin that is installed or else named."""
    return pytester.runpytest(*PLUGIN, "-p", "no:cacheprovider", *arguments)


def test_nothing_is_collected_unless_asked_for(pytester, project):
    result = run(pytester, "docs")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert not (project / "_build").exists()


@pytest.mark.usefixtures("project")
def test_each_block_is_a_test(pytester):
    result = run(pytester, "--code-cell-output", "-rs", "-v")
    result.assert_outcomes(passed=1, failed=3, skipped=1)
    wrong, unstated = line_of(INDEX, block("3")), line_of(INDEX, cell("4"))
    printed = result.stdout.str()
    assert f"docs/index.md:{wrong}: the cell shows something else:\n--- stated" in printed
    assert f"docs/index.md::line {unstated} FAILED" in printed
    assert f"docs/index.md::line {line_of(INDEX, block('1'))} PASSED" in printed
    assert "the cell was not run: one above it failed" in printed
    failed = line_of(FAILED, cell("1 / 0"))
    assert f"docs/failed.md:{failed}: the cell failed: ZeroDivisionError: division" in printed
    assert "Traceback" not in printed
    assert "README" not in printed


@pytest.mark.usefixtures("project")
def test_one_page_is_run_alone(pytester):
    result = run(pytester, "--code-cell-output", "docs/index.md")
    result.assert_outcomes(passed=1, failed=2)


def test_folders_can_be_given(pytester, project):
    (project / "conf.py").rename(pytester.path / "conf.py")
    (project / "failed.md").unlink()
    folders = ["--code-cell-output-conf", ".", "--code-cell-output-source", "docs"]
    result = run(pytester, "--code-cell-output", *folders)
    result.assert_outcomes(passed=1, failed=2)


def test_project_that_cannot_be_built_is_an_error(pytester, project):
    (project / "conf.py").write_text("1 / 0")
    result = run(pytester, "--code-cell-output")
    result.assert_outcomes(errors=2)
    assert (
        "Configuration error: There is a programmable error in your config" in result.stdout.str()
    )


@pytest.mark.usefixtures("project")
def test_error_of_the_plugin_has_its_traceback(pytester):
    pytester.makeconftest(
        "from sphinx_code_cell_output.pytest_items import Block\nBlock.runtest = lambda _: 1 / 0"
    )
    result = run(pytester, "--code-cell-output", "docs/index.md")
    result.assert_outcomes(failed=3)
    assert "ZeroDivisionError" in result.stdout.str()


def test_plugin_imports_nothing_until_asked(pytester):
    code = "import sys, pytest_code_cell_output as p; sys.exit(any('sphinx' in m for m in sys.modules))"
    result = pytester.run(sys.executable, "-c", code)
    assert result.ret == 0
