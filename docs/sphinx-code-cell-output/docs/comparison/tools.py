"""The tools that are compared: how each states an output, and the command that checks it."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
CONF = 'extensions = ["sphinx_code_cell_output"]\nnb_execution_mode = "force"\n'
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
INI = "[pytest]\nnb_diff_ignore =\n    /metadata/language_info\n"
SYBIL = """\
from sybil import Sybil
from sybil.document import PythonDocStringDocument
from sybil.evaluators.doctest import NUMBER
from sybil.parsers.myst import PythonCodeBlockParser
from sybil.parsers.rest import DocTestParser
from sybil.sybil import SybilCollection

pytest_collect_file = SybilCollection([
    Sybil(
        [PythonCodeBlockParser(doctest_optionflags=NUMBER)],
        patterns=["*.md"],
        fixtures=["tmp_path"],
    ),
    Sybil([DocTestParser()], patterns=["mod.py"], document_types={".py": PythonDocStringDocument}),
]).pytest()
"""


class Tool(NamedTuple):
    """A tool, as its documentation says to use it."""

    name: str
    files: Callable[..., dict[str, str]]  # of the code, and the output that is stated
    command: list[str]
    update: list[str] | None = None  # rewrites the stated output
    digits: tuple[dict[str, str], list[str]] = ({}, [])  # files and options: fewer digits agree
    cover: list[str] | None = None  # measures the coverage of mod.py


def block(code: str, stated: str = "", option: str = "") -> dict[str, str]:
    """Return a MyST page with an output block."""
    head = "---\nfile_format: mystnb\n---\n\n# A page\n\n"
    below = f"\n```{f'{{code-cell-output}} {option}'.strip()}\n{stated}\n```\n" if stated else ""
    return {"index.md": f"{head}```{{code-cell}}\n{code}\n```\n{below}", "conf.py": CONF}


def notebook(code: str, stated: str = "", outputs: list[object] | None = None) -> dict[str, str]:
    """Return a notebook with a stored output."""
    value = {
        "output_type": "execute_result",
        "data": {"text/plain": stated},
        "execution_count": 1,
        "metadata": {},
    }
    cell = {
        "cell_type": "code",
        "execution_count": 1,
        "metadata": {},
        "outputs": outputs if outputs is not None else [value] if stated else [],
        "source": code,
    }
    content = {
        "cells": [cell],
        "metadata": {"kernelspec": KERNEL, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 4,
    }
    return {"index.ipynb": json.dumps(content, indent=1)}


def prompts(code: str, stated: str = "") -> dict[str, str]:
    """Return a Markdown page with a doctest."""
    first, *more = code.splitlines()
    lines = [f">>> {first}", *(f">>> {line}" for line in more), *([stated] if stated else [])]
    return {"index.md": "# A page\n\n```python\n" + "\n".join(lines) + "\n```\n"}


def plain_prompts(code: str, stated: str = "") -> dict[str, str]:
    """Return a page with a doctest without a fence: doctest would take its end for output."""
    text = prompts(code, stated)["index.md"]
    return {"index.md": text.replace("```python\n", "").replace("```\n", "")}


def fence(code: str, stated: str = "") -> dict[str, str]:
    """Return a Markdown page with a code fence, and its output in another."""
    below = f"\n```text\n{stated}\n```\n" if stated else ""
    return {"index.md": f"# A page\n\n```python\n{code}\n```\n{below}"}


def with_conftest(code: str, stated: str = "") -> dict[str, str]:
    """Return a Markdown page with a doctest, and the configuration of sybil."""
    return {**prompts(code, stated), "conftest.py": SYBIL}


def for_pytest_notebook(code: str, stated: str = "") -> dict[str, str]:
    """Return a notebook, and settings that ignore the version of Python in it."""
    return {**notebook(code, stated), "pytest.ini": INI}


COVER = ["--cov=mod", "--cov-report=term"]
OWN = [sys.executable, "-m", "sphinx_code_cell_output"]
NOTEBOOKS = [*PYTEST, "--nb-test-files"]
TOOLS = [
    Tool(
        "sphinx-code-cell-output",
        block,
        [*OWN, "check", "."],
        update=[*OWN, "update", "."],
        digits=({"conf.py": f"{CONF}code_cell_output_digits = True\n"}, []),
        cover=[*PYTEST, "--code-cell-output", *COVER, "."],
    ),
    Tool(
        "nbval",
        notebook,
        [*PYTEST, "--nbval", "index.ipynb"],
        # Its option --nbdime, which compares images, ends in an error of pytest 9.2.
        # No regular expression rounds: this one keeps two digits.
        digits=(
            {"digits.cfg": "[digits]\nregex: (\\d\\.\\d\\d)\\d*\nreplace: \\1\n"},
            ["--nbval-sanitize-with", "digits.cfg"],
        ),
        cover=[*PYTEST, "--nbval", *COVER, "index.ipynb"],
    ),
    Tool(
        "pytest-notebook",
        for_pytest_notebook,
        [*NOTEBOOKS, "index.ipynb"],
        update=[*NOTEBOOKS, "--nb-force-regen", "index.ipynb"],
        digits=(
            {
                "pytest.ini": f"{INI}nb_diff_replace =\n"
                "    /cells/*/outputs/*/data/text/plain (\\d\\.\\d\\d)\\d* \\1\n"
            },
            [],
        ),
        cover=[*NOTEBOOKS, "--nb-coverage", *COVER, "index.ipynb"],
    ),
    Tool("sybil", with_conftest, [*PYTEST, "index.md"], cover=[*PYTEST, *COVER, "index.md"]),
    Tool(
        "pytest-markdown-docs",
        fence,
        [*PYTEST, "--markdown-docs", "index.md"],
        cover=[*PYTEST, "--markdown-docs", *COVER, "index.md"],
    ),
    Tool(
        "byexample",
        prompts,
        [
            str(Path(sys.executable).parent / "byexample"),
            "-l",
            "python,shell",
            "--timeout",
            "60",
            "index.md",
        ],
    ),
    Tool(
        "doctest",
        plain_prompts,
        [sys.executable, "-m", "doctest", "index.md"],
        digits=({}, ["-o", "ELLIPSIS"]),
        cover=[
            sys.executable,
            "-m",
            "coverage",
            "run",
            "--include=mod.py",
            "-m",
            "doctest",
            "index.md",
        ],
    ),
]
