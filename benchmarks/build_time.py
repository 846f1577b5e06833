"""Measure the time of a first build of the site, of one without changes, and of one after an edit.

Each is compared with an import of torch in a fresh process of the same round, because another
program on the machine slows both. Two sites without code show how much of it is Sphinx; and an
import of torch._dynamo, how much of a page that calls torch.func or torch.compile is torch.
"""

import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 7
ROOT = Path(__file__).parents[1]
LIGHT, HEAVY = "cross-entropy/4-options", "backward/1-vector-jacobian-product"  # has torch.func
BUILD = ["-m", "sphinx", "-c", ".", "docs"]
EMPTY = {"furo": [], "furo, MyST-NB": ["myst_nb"]}


def run(folder: Path, *arguments: str) -> tuple[float, str]:
    """Run Python in a folder; return the seconds, and its stdout."""
    env = {**os.environ, "PYTHONPATH": str(folder), "NO_COLOR": "1"}
    command = [sys.executable, *arguments]
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=env, check=True, capture_output=True, text=True)
    return time.perf_counter() - start, done.stdout


def build(folder: Path, *pages: str) -> float:
    """Build incrementally; raise RuntimeError unless exactly these pages were read."""
    seconds, said = run(folder, *BUILD, "build")
    read = re.findall(r"^reading sources\.\.\. \[ *\d+%\] (\S+)", said, re.MULTILINE)
    if read != [*pages]:
        raise RuntimeError(f"expected {[*pages]} to be read, got {read}")
    return seconds


def edit(folder: Path, page: str, what: str, number: int) -> float:
    """Change a sentence, or a cell, and build."""
    file = folder / "docs" / f"{page}.md"
    text = file.read_text("utf-8")
    if what == "prose":
        text += f"\nThis sentence is edit {number}.\n"
    else:
        text = re.sub(
            r"(?m)(^```{code-cell}\n(?::.*\n)*)", rf"\1\n# edit {number}\n", text, count=1
        )
    file.write_text(text, "utf-8")
    return build(folder, page)


def copy(folder: Path) -> None:
    """Copy the site, and update its blocks: last digits may differ on this machine."""
    ignore = shutil.ignore_patterns("__pycache__", "node_modules")
    for name in ("autograd_notes", "benchmarks", "docs", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    for name in ("README.md", "conf.py"):
        shutil.copy(ROOT / name, folder)
    run(folder, *BUILD, "update", "-b", "dummy", "-D", "code_cell_output_update=1")


def empty(folder: Path, extensions: list[str]) -> Path:
    """Create a site of one page without code, and build it."""
    (folder / "docs").mkdir(parents=True)
    (folder / "conf.py").write_text(f'extensions = {extensions}\nhtml_theme = "furo"\n')
    (folder / "docs" / "index.rst").write_text("Title\n=====\n")
    build(folder, "index")
    return folder


def one_round(folder: Path, sites: dict[str, Path], number: int) -> dict[str, float]:
    """Return the seconds of each measurement, taken once."""
    seconds = {"import torch": run(folder, "-c", "import torch")[0]}
    seconds["import torch, torch._dynamo"] = run(folder, "-c", "import torch, torch._dynamo")[0]
    seconds |= {f"an empty site: {name}": build(site) for name, site in sites.items()}
    seconds["nothing has changed"] = build(folder)
    for page in (LIGHT, HEAVY):
        for what in ("prose", "cell"):
            seconds[f"{what} of {page}"] = edit(folder, page, what, number)
    return seconds


def report(rounds: list[dict[str, float]]) -> None:
    """Print the medians, the quartiles, and the ratios to torch of the same round."""
    print(f"{'':<46}{'seconds':>8} {'(quartiles)':<16}{'ratio':>6} (quartiles)")
    for name in rounds[0]:
        cells = []
        for values in ([r[name] for r in rounds], [r[name] / r["import torch"] for r in rounds]):
            low, middle, high = statistics.quantiles(values, n=4)
            cells.append(f"{middle:8.2f} ({low:.2f} to {high:.2f})")
        print(f"{name:<46}{cells[0]:<24} {cells[1]}", flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        site = root / "site"
        copy(site)
        cold = [run(site, *BUILD, "build")[0], run(site, "-c", "import torch")[0]]
        sites = {key: empty(root / str(i), value) for i, (key, value) in enumerate(EMPTY.items())}
        one_round(site, sites, 0)  # the first round reads files from the disk
        rounds = [one_round(site, sites, number) for number in range(1, ROUNDS + 1)]
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, ", end="")
    print(f"{platform.system()}, Python {platform.python_version()}, {ROUNDS} rounds")
    report(rounds)
    print(f"a first build, once {cold[0]:.1f} s, {cold[0] / cold[1]:.1f} imports of torch")
