"""The program of `tox -e tests-mutate`, on a package of one function."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mutmut")

FILES = {
    "small/__init__.py": "def add(x, y):\n    print('added')\n    return x + y\n",
    "tests/test_small.py": """
import os
from small import add
def test_nothing():
    pass
def test_value():
    assert add(2, 3) == 5
""",
    "pyproject.toml": """
[tool.mutmut]
source_paths = ["small"]
pytest_add_cli_args = ["-p", "no:cacheprovider"]
pytest_add_cli_args_test_selection = ["tests"]
""",
}


@pytest.fixture
def run(tmp_path):
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)

    def run(*arguments):
        program = [sys.executable, Path(__file__).with_name("mutate.py"), "--jobs", "1", *arguments]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
        done = subprocess.run(
            program, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr

    return run


def test_results(run):
    code, _ = run()
    assert code == 1
