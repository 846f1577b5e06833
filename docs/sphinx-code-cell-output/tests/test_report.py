"""The summary after the differences: once, with the machine and the command."""

import platform

import pytest
from sphinx_code_cell_output import report
from test_cells import HEAD, TYPE, block, build, cell

PAGES = {
    "index.md": HEAD + cell("1") + block("2") + cell("3") + block("4") + cell("5") + block("5"),
    "other.md": HEAD + cell("6"),
    "failed.md": HEAD + cell("1 / 0") + cell("7"),
}
calls = []


def describe():
    calls.append("called")
    return "a machine with 2 threads"


@pytest.fixture
def counted():
    calls.clear()
    return calls


@pytest.mark.parametrize("named", [describe, "test_report.describe"])
def test_machine_and_command_are_named_once_after_the_last_difference(tmp_path, counted, named):
    settings = {
        "code_cell_output_machine": named,
        "code_cell_output_update_command": "make update",
    }
    _, warnings = build(tmp_path, PAGES, "dummy", **settings)
    summary = (
        "WARNING: differences between cells and their blocks: 3; this machine: a machine with 2 threads\n"
        "If the new output is right, rewrite the blocks: make update\n"
    )
    assert TYPE.sub("", warnings).endswith(summary)
    assert "config value" not in warnings
    assert warnings.count("a machine with") == len(counted) == 1


def test_page_that_agrees_asks_nothing_about_the_machine(tmp_path, counted):
    settings = {"code_cell_output_machine": describe}
    pages = {"index.md": HEAD + cell("5") + block("5"), "failed.md": PAGES["failed.md"]}
    _, warnings = build(tmp_path, pages, "dummy", **settings)
    assert "the cell failed" in warnings
    assert "differences" not in warnings
    assert not counted


def test_default_names_python_and_the_system_and_a_command_that_updates(tmp_path):
    _, warnings = build(tmp_path, {"index.md": HEAD + cell("5") + block("6")}, "dummy")
    assert f"this machine: Python {platform.python_version()}, {platform.platform()}\n" in warnings
    assert report.UPDATE in warnings
    assert "-D code_cell_output_update=1" in report.UPDATE
