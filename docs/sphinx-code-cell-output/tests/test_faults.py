"""Faults put into a small site, one at a time: each must fail the build, with page and line."""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import pytest
import sphinx_code_cell_output
from forked_kernels import address
from sphinx_forks import SphinxForks

CONF = """
import sys
sys.path.append({ext!r})
ours = ["sphinx_code_cell_output"]
ours += [f"sphinx_code_cell_output.{{name}}" for name in ("tracebacks", "counts", "prose", "dependencies")]
extensions = ["myst_nb", "sphinx.ext.doctest", *ours]
code_cell_output_dependencies = {{"helper": {helper!r}}}
code_cell_output_kernel_manager = "forked_kernels.ForkManager"
html_theme = "basic"
doctest_default_flags = 0
nb_execution_mode = "force"
nb_execution_timeout = {timeout}
nb_execution_raise_on_error = False
nb_output_stderr = "show"
"""
INDEX = """\
# Start

```{toctree}
page
other
```
"""
OTHER = """\
# Other

(there)=
## There
"""
PAGE = """\
---
file_format: mystnb
kernelspec:
  name: python3
---

# Page

```{code-cell}
import helper

assert helper.number() == 4
```

```{code-cell}
print(1 / helper.number())
```

```{code-cell-output}
0.25
```

```{code-cell}
:tags: [raises-exception]

raise RuntimeError("only for scalars")
```

```{code-cell-output}
RuntimeError: only for scalars
```

A quarter is 0.25, as [there](#there).

![A square](square.svg)

```{doctest}
>>> 1 / 4
0.25
```
"""


@dataclass
class Fault:
    """A change of one file, with the expected warning and its line."""

    old: str = ""
    new: str = ""
    says: str = ""
    at: str = ""  # the text of that line
    builder: str = "html"
    timeout: int = 600
    file: str = "docs/page.md"
    incremental: bool = False


ASSERTION = "assert helper.number() == 4"
CODE = "```{code-cell}\n"
DEAF = "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\ntime.sleep(3600)\n"
EXIT = "print(1, flush=True)\nimport os, time; time.sleep(0.5); os._exit(1)\n"
FAILED = "the cell (failed|did not finish)"
DIED = "DeadKernelError: Kernel died"
FIRST = "```{code-cell}\nimport helper"
NUMBER = "```{code-cell}\nprint("
ERROR = "```{code-cell}\n:tags"
STATED = "```{code-cell-output}\n0.2"
STATED_ERROR = "```{code-cell-output}\nRuntimeError"
FAULTS = {
    "none": Fault(),
    "no doctest": Fault(builder="doctest"),
    "cell error": Fault("print(1 /", "print(0 / 0 /", "ZeroDivisionError: division", NUMBER),
    "failing import": Fault("import helper", "import helpers", "ModuleNotFoundError: No", FIRST),
    "false assert": Fault("() == 4", "() == 5", "the cell failed: AssertionError", FIRST),
    "timeout": Fault(
        "print(1 /",
        "import time; time.sleep(3600); print(1 /",
        FAILED,
        f"{CODE}import time",
        timeout=5,
    ),
    "timeout of the last cell": Fault(
        "A quarter",
        f"{CODE}{DEAF}```\n\nA quarter",
        "the cell did not finish",
        CODE + DEAF,
        timeout=5,
    ),
    "timeout before the last cell": Fault(
        NUMBER, f"{CODE}{DEAF}```\n\n{NUMBER}", "the cell did not finish", CODE + DEAF, timeout=5
    ),
    "killed kernel": Fault(
        "print(1 /", "import os; os.kill(os.getpid(), 9); print(1 /", DIED, f"{CODE}import os"
    ),
    "kernel that prints, and exits": Fault(
        NUMBER, f"{CODE}```\n\n{CODE}{EXIT}```\n\n{NUMBER}", DIED, CODE + EXIT
    ),
    "unknown kernel": Fault("name: python3", "name: nosuch", "NoSuchKernel: .* nosuch", "---"),
    "warning on stderr": Fault(
        ASSERTION,
        f"{ASSERTION}\nimport warnings; warnings.warn('odd')",
        "no block states:\nUserWarning: odd",
        FIRST,
    ),
    "text on stderr": Fault(
        ASSERTION,
        f"{ASSERTION}\nimport sys; print('odd', file=sys.stderr)",
        "no block states:\nodd",
        FIRST,
    ),
    "error that is raised no more": Fault("raise Run", "_ = Run", "raises nothing", ERROR),
    "wrong digit": Fault(f"{STATED}5", f"{STATED}6", r"[^$]*-0\.26\n\+0\.25", STATED),
    "wrong word": Fault(
        '("only for',
        '("just for',
        r"[^$]*-RuntimeError: only for scalars\n\+RuntimeError: just for scalars",
        STATED_ERROR,
    ),
    "wrong digit in prose": Fault(
        "is 0.25", "is 0.26", "the number 0.26 is in no output", "A quarter"
    ),
    "broken link": Fault("(#there)", "(#nowhere)", "'nowhere'", "A quarter"),
    "missing image": Fault("(square.svg)", "(circle.svg)", "circle.svg", "![A square]"),
    "page in no toctree": Fault(
        "page\n", "", "isn't included in any toctree", "", file="docs/index.md"
    ),
    "duplicate label": Fault("# Page", "(there)=\n# Page", "duplicate label there", "# Page"),
    "malformed doctest": Fault(
        ">>> 1 / 4", ">>>1 / 4", "ignoring invalid doctest code", "```{doctest}", builder="doctest"
    ),
    "wrong digit in a doctest": Fault(
        ">>> 1 / 4\n0.25",
        ">>> 1 / 4\n0.26",
        r"Expected:\n\s+0\.26",
        "```{doctest}",
        builder="doctest",
    ),
    "stale helper": Fault(
        "4",
        "8",
        "the cell failed: AssertionError",
        FIRST,
        file="path/helper.py",
        incremental=True,
    ),
}

SQUARE = """\
<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"><rect width="1" height="1"/></svg>
"""


class Build:
    """A site with one fault, built with the options of tox."""

    def __init__(self, folder, name, environment, sphinx):
        self.environment, self.sphinx = environment, sphinx
        self.fault = fault = FAULTS[name]
        self.folder = folder / re.sub(r"\W+", "-", name)
        files = {
            "conf.py": CONF.format(
                ext=str(Path(sphinx_code_cell_output.__file__).parents[1]),
                helper=str(self.folder / "path"),
                timeout=fault.timeout,
            ),
            "docs/index.md": INDEX,
            "docs/other.md": OTHER,
            "docs/page.md": PAGE,
            "docs/square.svg": SQUARE,
            "path/helper.py": "def number():\n    return 4\n",
        }
        for file, text in files.items():
            path = self.folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        if fault.incremental:
            self.run("-E", "-a")
            assert self.code == 0, self.said
        if fault.old:
            path = self.folder / fault.file
            assert fault.old in path.read_text()
            path.write_text(path.read_text().replace(fault.old, fault.new, 1))
        self.run(*([] if fault.incremental else ["-E", "-a"]))

    def run(self, *fresh):
        options = ["-n", "-W", "--keep-going", *fresh, "-q", "-b", self.fault.builder, "-c", "."]
        environment = {
            "PYTHONPATH": str(self.folder / "path"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "NO_COLOR": "1",
        }
        self.code, self.said = self.sphinx.build(
            [*options, "docs", "build/out"], self.folder, self.environment | environment
        )

    @property
    def line(self):
        """The expected line of the warning."""
        text = (self.folder / "docs" / "page.md").read_text()
        return text[: text.index(self.fault.at)].count("\n") + 1


@pytest.fixture(scope="module")
def builds(request, tmp_path_factory):
    """Start to build the sites of the selected tests, two at a time."""
    folder = tmp_path_factory.mktemp("faults")
    names = {
        item.callspec.params["name"]
        for item in request.session.items
        if item.module is request.module and hasattr(item, "callspec")
    }
    address()  # before the builds, which use its process
    environment = dict(os.environ)  # pytest changes it while the threads run
    forks = SimpleQueue()  # of those that are free
    for _ in range(2):
        forks.put(SphinxForks())

    def build(name):
        sphinx = forks.get()
        try:
            return Build(folder, name, environment, sphinx)
        finally:
            forks.put(sphinx)

    with ThreadPoolExecutor(2) as pool:
        yield {name: pool.submit(build, name) for name in FAULTS if name in names}
    for _ in range(2):
        forks.get().close()


@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if not fault.says])
def test_site_without_a_fault_is_built(builds, name):
    build = builds[name].result()
    assert build.code == 0, build.said
    assert "WARNING: " not in build.said


@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if fault.says])
def test_fault_stops_the_build_and_names_page_and_line(builds, name):
    build = builds[name].result()
    fault, place = build.fault, f"page.md:{build.line}: (WARNING|ERROR): "
    if fault.builder == "doctest":  # Sphinx counts one line less, and adds its own suffix
        line = rf"({build.line - 1}|{build.line})"
        place = rf'(File "page.md", line {line},|page.md.rst:{line}: WARNING: )[^$]*'
    elif not fault.at:
        place = "page.md: WARNING: "
    assert build.code == 1, build.said
    assert re.search(f"{place}.*({fault.says})", build.said), build.said
