"""Build an example with Jupyter Book 1, and store the output: it needs an older Sphinx.

`tox -e compare-jupyter-book` installs the version, and runs this program.
"""

import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent
COMMANDS = (
    "jupyter-book build -q -W -n --keep-going .",
    "jupyter-book config sphinx .",
    "code-cell-output update .",
    "jupyter-book build -q -W -n --keep-going .",
)
COLOR = re.compile(r"\x1b\[[\d;]*m")


def main() -> None:
    """Run the commands, and store their output without colours and other lines."""
    lines = [f"# jupyter-book {version('jupyter-book')}, sphinx {version('sphinx')}"]
    with TemporaryDirectory() as folder:
        book = Path(folder, "book")
        shutil.copytree(HERE.parent / "examples" / "jupyter_book", book)
        for command in COMMANDS:
            program, *arguments = command.split()
            done = subprocess.run(
                [Path(sys.executable).parent / program, *arguments],
                cwd=book,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            lines += ["", f"$ {command}", *kept(done.stdout.replace(f"{book}/", ""))]
            lines += [f"exit code {done.returncode}"] if done.returncode else []
    (HERE / "jupyter_book.txt").write_text("\n".join(lines) + "\n")


def kept(text: str) -> list[str]:
    """Return the lines of the checks: differences and their summary."""
    found, lines = False, []
    for line in COLOR.sub("", text).splitlines():
        found = found or "the cell shows" in line
        if found:
            lines.append(line)
        found = found and not line.startswith("If the new output") and "rewritten" not in line
    return lines


if __name__ == "__main__":
    main()
