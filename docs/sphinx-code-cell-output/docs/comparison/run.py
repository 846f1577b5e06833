"""Run each tool on the smallest file for each question, and store the answers in results.json.

`tox -e compare` installs the versions of requirements.txt, and runs this program.
"""

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from tempfile import TemporaryDirectory

from nbclient import NotebookClient
from nbformat import reads, writes
from packaging.requirements import Requirement
from tools import CONF, TOOLS, Tool, block

PLOT = """\
import matplotlib.pyplot as plt
_, axes = plt.subplots()
_ = axes.plot([1, 2, 3], [1, 4, 9])"""
OWN_NAME = "sphinx-code-cell-output"
HEAVY = {"ipykernel", "jupyter-client", "nbclient", "sphinx"}
DOCSTRING = '"""A module.\n\n>>> 1 + 1\n3\n\n```python\nassert 1 + 1 == 3\n```\n"""\n'


class Folder:
    """A folder with the files of a question, in which commands run."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)

    def write(self, files: dict[str, str]) -> None:
        """Write files."""
        for name, text in files.items():
            (self.path / name).write_text(text)

    def run(self, command: list[str]) -> tuple[int, str]:
        """Run a command; return its exit code and its output."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        done = subprocess.run(
            command,
            cwd=self.path,
            env={**os.environ, "PATH": path},  # byexample starts the first Python
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        return done.returncode, done.stdout + done.stderr

    def run_page(self, tool: Tool, text: str) -> tuple[int, str]:
        """Run a tool on a Markdown page, also if its own pages are notebooks."""
        self.write({**tool.files("1"), "index.md": text, "conf.py": CONF})
        (self.path / "index.ipynb").unlink(missing_ok=True)
        return self.run([part.replace("index.ipynb", "index.md") for part in tool.command])

    def passes(self, tool: Tool, files: dict[str, str], options: list[str] | None = None) -> bool:
        """Whether a tool finds and accepts the examples of these files."""
        self.write(files)
        code, output = self.run([*tool.command[:-1], *(options or []), tool.command[-1]])
        self.output = output
        if code == 5:  # of pytest
            raise RuntimeError(f"{tool.name} found no test: {output}")
        return code == 0


def wrong(tool: Tool, folder: Folder) -> bool:
    """Whether a wrong output fails, and the right one passes."""
    if not folder.passes(tool, tool.files("1 + 1", "2")):
        raise RuntimeError(f"{tool.name} refuses the right output: {folder.output}")
    return not folder.passes(tool, tool.files("1 + 1", "3"))


def unstated(tool: Tool, folder: Folder) -> bool:
    """Whether an output that is not stated fails."""
    return not folder.passes(tool, tool.files("1 + 1"))


def warns(tool: Tool, folder: Folder) -> bool:
    """Whether a warning that is not stated fails."""
    code = "import warnings\nwarnings.warn('deprecated')"
    return not folder.passes(tool, tool.files(code))


def fewer_digits(tool: Tool, folder: Folder, refused: str = "0.68") -> bool:
    """Whether 0.67 is accepted for 2/3, and a wrong number refused."""
    files, options = tool.digits
    answers = [
        folder.passes(tool, {**tool.files("2 / 3", number), **files}, options)
        for number in ("0.67", refused)
    ]
    return answers == [True, False]


def rounded(tool: Tool, folder: Folder) -> bool:
    """Whether 0.66, which 2/3 does not round to, is refused where 0.67 is accepted."""
    return fewer_digits(tool, folder, "0.66")


def drawn(tool: Tool, folder: Folder) -> Path:
    """Write a page with a figure, and what the tool states of it; return the page."""
    if tool.name == OWN_NAME:
        folder.write(block(PLOT, "<figure>", "figure-data"))
        folder.run(tool.update or [])
        return folder.path / "index.md"
    folder.write(tool.files(PLOT))
    if "index.ipynb" in tool.files("1"):
        page = folder.path / "index.ipynb"
        executed = reads(page.read_text(), 4)
        NotebookClient(executed).execute()
        page.write_text(writes(executed))
        return page
    return folder.path / "index.md"


def figure(tool: Tool, folder: Folder) -> bool:
    """Whether another point in a figure fails."""
    page = drawn(tool, folder)
    if not folder.passes(tool, {}):
        raise RuntimeError(f"{tool.name} refuses the figure: {folder.output}")
    return not folder.passes(tool, {page.name: page.read_text().replace("1, 4, 9", "1, 4, 8")})


def pixels(tool: Tool, folder: Folder) -> bool:
    """Whether the same figure in other pixels passes, where another point fails."""
    page = drawn(tool, folder)
    mark = "\\n" if page.suffix == ".ipynb" else "\n>>> " if ">>>" in page.read_text() else "\n"
    text = page.read_text().replace("as plt", f"as plt{mark}plt.rcParams['figure.dpi'] = 101", 1)
    return figure(tool, folder) and folder.passes(tool, {page.name: text})


def updates(tool: Tool, folder: Folder) -> bool:
    """Whether a command writes the new output into the page."""
    folder.write(tool.files("1 + 1", "3"))
    if not tool.update:
        return False
    folder.run(tool.update)
    return folder.passes(tool, {})


def line(tool: Tool, folder: Folder) -> bool:
    """Whether a failure names the page and a line of the example."""
    folder.passes(tool, tool.files("1 + 1", "3"))
    page = next(folder.path.glob("index.*"))
    lines = page.read_text().splitlines()
    mine = [i for i, text in enumerate(lines, 1) if "1 + 1" in text or text.strip("\"', ") == "3"]
    mine += [i - 1 for i in mine]  # the fence above
    named = re.findall(rf"{page.name}\"?(?:, line |:)(\d+)", folder.output)
    return any(int(number) in mine for number in named)


def runs_cells(tool: Tool, folder: Folder) -> bool:
    """Whether a `{code-cell}` that fails is reported."""
    page = block("1 / 0")["index.md"].replace("{code-cell}", "{code-cell} python")
    code, output = folder.run_page(tool, page)
    return code == 1 and "ZeroDivisionError" in output


def compares_cells(tool: Tool, folder: Folder) -> bool:
    """Whether a wrong output below a `{code-cell}` is reported."""
    page = block("1 + 1", "3")["index.md"].replace("{code-cell}", "{code-cell} python")
    code, output = folder.run_page(tool, page)
    return code == 1 and "+2" in output


def in_build(tool: Tool, folder: Folder) -> bool:
    """Whether `sphinx-build -W` fails on a wrong output, in the build that makes the site."""
    extension = "sphinx_code_cell_output" if tool.name == OWN_NAME else "myst_nb"
    folder.write(tool.files("1 + 1", "3"))
    folder.write({"conf.py": CONF.replace("sphinx_code_cell_output", extension)})
    code, _ = folder.run([sys.executable, "-m", "sphinx", "-q", "-W", ".", "_build"])
    return code != 0


def docstrings(tool: Tool, folder: Folder) -> bool:
    """Whether a wrong output in the docstring of a module fails."""
    folder.write({**tool.files("1 + 1", "2"), "mod.py": DOCSTRING})
    code, output = folder.run([*tool.command[:-1], "." if tool.name == OWN_NAME else "mod.py"])
    return code == 1 and "mod.py" in output


def fixtures(tool: Tool, folder: Folder) -> bool:
    """Whether the code of a page can use a fixture of pytest."""
    files = tool.files("assert tmp_path.exists()")
    if tool.name == "pytest-markdown-docs":
        files["index.md"] = files["index.md"].replace("python", "python fixture:tmp_path")
    return folder.passes(tool, files)


def shell(tool: Tool, folder: Folder) -> bool:
    """Whether a wrong output of a shell command fails, without a kernel for it."""
    code, output = folder.run_page(tool, "```shell\n$ echo 1\n2\n```\n")
    return code == 1 and "echo 1" in output


def light(tool: Tool, _folder: Folder) -> bool:
    """Whether neither Sphinx nor Jupyter is installed with the tool."""
    return not needed(tool.name, set()) & HEAVY


def needed(name: str, seen: set[str]) -> set[str]:
    """Return the names of all distributions that one needs."""
    name = re.sub(r"[-_.]+", "-", name).lower()
    if name in seen:
        return seen
    seen.add(name)
    try:
        found = requires(name) or []
    except PackageNotFoundError:  # doctest, and those for other systems
        return seen
    for one in map(Requirement, found):
        if not one.marker or one.marker.evaluate({"extra": ""}):
            needed(one.name, seen)
    return seen


def coverage(tool: Tool, folder: Folder) -> bool:
    """Whether the coverage of a module that the page uses is measured."""
    folder.write({**tool.files("import mod\nmod.f()", "1"), "mod.py": "def f():\n    return 1\n"})
    if not tool.cover:
        return False
    _, output = folder.run(tool.cover)
    if tool.name == "doctest":
        _, output = folder.run([sys.executable, "-m", "coverage", "report"])
    return bool(re.search(r"mod\.py +2 +0 +100%", output))


QUESTIONS: dict[str, Callable[[Tool, Folder], bool]] = {
    "A wrong output fails": wrong,
    "An output that is not stated fails": unstated,
    "A warning that is not stated fails": warns,
    "`0.67` is accepted for 2/3, and `0.68` refused": fewer_digits,
    "... and `0.66` is refused": rounded,
    "Another point in a figure fails": figure,
    "... and the same figure in other pixels passes": pixels,
    "A command updates the page in place": updates,
    "A failure names the page and its line": line,
    "The `{code-cell}`s of MyST pages are run": runs_cells,
    "... and their outputs compared": compares_cells,
    "`sphinx-build -W` itself fails": in_build,
    "Docstrings are checked": docstrings,
    "Code can use the fixtures of pytest": fixtures,
    "Shell examples run without a kernel": shell,
    "Coverage is measured": coverage,
    "Neither Sphinx nor Jupyter is needed": light,
}


def main() -> None:
    """Ask each tool each question."""
    versions = {tool.name: installed(tool.name) for tool in TOOLS}
    answers: dict[str, dict[str, bool]] = {}
    for question, ask in QUESTIONS.items():
        for tool in TOOLS:
            with TemporaryDirectory() as path:
                answer = ask(tool, Folder(path))
            answers.setdefault(question, {})[tool.name] = answer
            print(f"{question}: {tool.name}: {answer}", flush=True)
    stored = {"versions": versions, "answers": answers}
    Path(__file__).with_name("results.json").write_text(f"{json.dumps(stored, indent=1)}\n")


def installed(name: str) -> str:
    """Return the version of a tool; doctest has that of Python."""
    return f"Python {platform.python_version()}" if name == "doctest" else version(name)


if __name__ == "__main__":
    main()
