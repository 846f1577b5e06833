"""The program of `tox -e tests-mutate`, on a package of one function."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mutmut")

FUNCTION = """
def add(x, y):
    print("adds")
    return x + y
"""
LAX = """
from small import add

def test_sum():
    assert add(2, 3) == 5
"""
STRICT = """
def test_print(capsys):
    add(2, 3)
    assert capsys.readouterr().out == "adds\\n"
"""
SETTINGS = """
[tool.mutmut]
source_paths = ["small"]
pytest_add_cli_args = ["-p", "no:cacheprovider"]
pytest_add_cli_args_test_selection = ["tests"]
"""


def run(folder):
    """Return the exit code and the lines that the program prints."""
    program = [sys.executable, Path(__file__).with_name("mutate.py"), "--jobs", "1"]
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTEST_ADDOPTS")}
    done = subprocess.run(
        program, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def test_a_lax_test_is_told_and_a_strict_one_detects_the_rest(tmp_path):
    for name in ("small", "tests"):
        (tmp_path / name).mkdir()
    (tmp_path / "pyproject.toml").write_text(SETTINGS)
    (tmp_path / "small" / "__init__.py").write_text(FUNCTION)
    test_file = tmp_path / "tests" / "test_small.py"
    test_file.write_text(LAX)
    (tmp_path / "tests" / "test_other.py").write_text("def test_nothing(): pass")
    prints = [f"small.x_add__mutmut_{i}" for i in (1, 2, 3)]
    survived = [f"survived: {name}" for name in prints]
    assert run(tmp_path) == (
        1,
        [
            "measuring test_other.py",
            "measuring test_small.py",
            "0 results kept, 4 to run",
            *survived,
            "killed: small.x_add__mutmut_4",
            *survived,
            "1 of 4 mutants detected; see each with: mutmut show NAME",
        ],
    )
    test_file.write_text(LAX + STRICT)
    assert run(tmp_path) == (
        0,
        [
            "measuring test_small.py",
            "1 results kept, 3 to run",
            *[f"killed: {name}" for name in prints],
            "4 of 4 mutants detected; see each with: mutmut show NAME",
        ],
    )
