"""The examples of the pages: `start("digits")` copies one, and the commands after it run there.

The programs of this project run in the kernel of the page, which imports Sphinx once; others are
started as usual.
"""

import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from importlib.metadata import entry_points
from pathlib import Path
from tempfile import mkdtemp

import sphinx.cmd.build
from IPython import get_ipython
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace
from sphinx_code_cell_output import cli
from sphinx_code_cell_output.portable import silent

HERE = Path(__file__).parent
FOLDERS = os.environ.get("CODE_CELL_OUTPUT_EXAMPLES")  # deleted after the build of the pages
for variable in ("BUILD_NUMBER", "CI", "GITHUB_ACTIONS"):  # pytest and the checks print more there
    os.environ.pop(variable, None)
PROGRAMS = {"code-cell-output": cli.main, "sphinx-build": sphinx.cmd.build.main}
OWN = re.compile(r"((?:code-cell|sphinx)[^|>]*)([|>].*)?|.*")  # a program, and its pipe
KERNEL = re.compile(r"^\[IPKernelApp\] .*\n", re.MULTILINE)  # logged by some kernels that start
CONF = """\
extensions = ["sphinx_code_cell_output"]
nb_execution_mode = "force"
code_cell_output_kernel_manager = "kernels.SharedKernelManager"
"""

if str(HERE) not in sys.path:
    sys.path.append(str(HERE))  # for `kernels`


def start(example: str) -> None:
    """Copy an example to a temporary folder, and run the programs of the next cells there."""
    folder = Path(mkdtemp(prefix=f"{example}-", dir=FOLDERS))
    shutil.copytree(HERE / "examples" / example, folder, dirs_exist_ok=True)
    if not (folder / "conf.py").exists():
        (folder / "conf.py").write_text(CONF)
    os.chdir(folder)
    get_ipython().system = run
    sys.modules["__main__"].__spec__ = None  # `%reset` deleted it; new processes read it


def run(command: str) -> None:
    """Run a command line, and print its output and its exit code, if that is not 0."""
    own, rest = OWN.fullmatch(command).groups()  # type: ignore[union-attr]
    if own:
        program, *arguments = shlex.split(own)
        code, output = call(program, arguments)
        if rest:
            _, output = shell(f"cat {rest}", output)
    else:
        code, output = shell(command)
    output = KERNEL.sub("", output).replace(f"{Path.cwd()}/", "").rstrip()
    if output:
        print(output)
    if code:
        print(f"exit code {code}")


def shell(command: str, text: str = "") -> tuple[int, str]:
    """Run a command line as usual, with a text as its input; return its code and its output."""
    done = subprocess.run(  # noqa: S602  # the command lines are those of the pages
        command,
        shell=True,
        env=environment(),
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def call(program: str, arguments: list[str]) -> tuple[int, str]:
    """Run a program of this project in this process; return its exit code and its output."""
    output = io.StringIO()
    code: int | str | None
    with silent(), redirect_stdout(output), redirect_stderr(output):  # silent: the kernels
        try:
            code = PROGRAMS[program](arguments)
        except SystemExit as end:
            code = end.code
    if isinstance(code, str):  # as Python does
        return 1, f"{output.getvalue()}{code}"
    return code or 0, output.getvalue()


def environment() -> dict[str, str]:
    """Return the environment of other programs: they find those of this Python, and the plugin."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    installed = entry_points(group="pytest11", name="code_cell_output")
    plugins = {} if installed else {"PYTEST_PLUGINS": "pytest_code_cell_output"}
    return {**os.environ, "PATH": path, "PYTHONPATH": os.pathsep.join(sys.path), **plugins}


def settings() -> None:
    """Print the settings that the extensions of an example register, and their defaults."""
    with docutils_namespace():
        app = Sphinx(".", ".", "_build", "_build", "dummy", status=None)
    for setting in app.config:
        if setting.name.startswith("code_cell_output_"):
            print(f"{setting.name} = {app.config._options[setting.name].default!r}")  # noqa: SLF001
