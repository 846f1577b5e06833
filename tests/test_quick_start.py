"""A build that finds nothing new: what it does not import, start, read and write."""

import os
import re
import subprocess
import sys

from conftest import ROOT

PAGE = """\
---
file_format: mystnb
kernelspec:
  name: python3
---

# Title

```{check-counts}
```

$x^2$

```{code-cell}
1 + 1
```

```{code-cell-output}
2
```
"""
PROGRAM = """
import sys
from multiprocessing.forkserver import _forkserver
from sphinx.cmd.build import main
code = main(sys.argv[1:])
print("modules:", *sys.modules)
print("server:", _forkserver._forkserver_pid)
sys.exit(code)
"""
HEAVY = ("IPython", "jupyter_client", "matplotlib", "nbclient", "sqlalchemy", "torch", "ziamath")


def build(folder):
    """Build with the settings of the site; return the pages read and written, and what it used."""
    options = ["-n", "-W", "-c", str(ROOT), str(folder / "docs"), str(folder / "html")]
    command = [sys.executable, "-c", PROGRAM, *options]
    env = {**os.environ, "NO_COLOR": "1"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    read = re.findall(r"reading sources\.\.\. \[.*\] (\w+)", done.stdout)
    written = re.findall(r"writing output\.\.\. \[.*\] (\w+)", done.stdout)
    modules = re.search("(?m)^modules: (.*)", done.stdout)[1].split()
    return read, written, [name for name in HEAVY if name in modules], "server: None" in done.stdout


def test_nothing_is_done_where_nothing_has_changed(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text(PAGE)
    assert build(tmp_path)[::3] == (["index"], False)
    assert build(tmp_path) == ([], [], [], True)
