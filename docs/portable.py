"""Run every cell and doctest of the site on other code paths and under rounding noise.

No stated digit may depend on the processor, the thread count or the maths library. `python
docs/portable.py` builds the site once for each of these variants:

- Code paths: MKL's vector maths (`MKL_CBWR`), ATen's kernels (`ATEN_CPU_CAPABILITY`) and the
  number of threads (`OMP_NUM_THREADS`), so that each pair of their settings occurs. The ones that
  this processor cannot run are left out and named.
- Rounding noise: one variant for each seed. See rounding_noise.py for its rules and its limits.

Every output that changes is reported with its page, its line and a diff. A cell whose subject is
rounding itself has the reason in its metadata, as `rounding: "reason"`: it may change under noise,
but not with the code path; and it must change under noise, or the mark is an error, too.

NumPy's own code paths, and programs that a cell starts, see the settings but not the noise.
"""

import argparse
import difflib
import logging
import multiprocessing
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import nullcontext
from copy import copy
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
SEEDS = (0, 1, 2)
SETTINGS = {
    "MKL_CBWR": ("COMPATIBLE", "AVX2", "AVX512"),
    "ATEN_CPU_CAPABILITY": ("default", "avx2", "avx512"),
    "OMP_NUM_THREADS": ("1", "2", "8"),
}
VECTORS = {"AVX2": 2, "AVX512": 3}  # how many of the first two settings' values a processor runs
SAMPLE = ["cross-entropy/1-four-roads", "backward/1-vector-jacobian-product"]
NO_OUTPUT = re.compile(r"the number (\S+) is in no output")  # a warning of the prose check
KERNEL = """\
def _noise():
    import os, sys
    from pathlib import Path
    sys.path.insert(0, {docs!r})
    from rounding_noise import RoundingNoise
    sys.path.remove({docs!r})
    RoundingNoise({seed}).__enter__()
    Path({folder!r}, str(os.getpid())).touch()

_noise()
del _noise
"""


class Variant(NamedTuple):
    """One build of the site."""

    name: str
    environment: dict[str, str]
    seed: int | None = None


class Change(NamedTuple):
    """An output that a variant changes, or another problem of its build."""

    place: str
    message: str


class Outcome(NamedTuple):
    """The result of one variant."""

    variant: Variant
    seconds: float
    outputs: int
    doctests: int
    changes: list[Change]
    marked: set[str]  # the places of the marked cells, and of those whose output has changed
    needed: set[str]


def clear_settings() -> None:
    """Remove the settings with which this program was started."""
    for name in SETTINGS:
        os.environ.pop(name, None)


def vectors() -> str:
    """Return the vector instructions that ATen uses: AVX512, AVX2, or others."""
    import torch  # noqa: PLC0415  # torch reads its settings when imported

    return str(torch.backends.cpu.get_cpu_capability())


def processor() -> tuple[str, bool]:
    """Return the vector instructions of this machine, and whether torch has MKL."""
    clear_settings()
    capability = vectors()
    import torch  # noqa: PLC0415  # the same

    return capability, torch.backends.mkl.is_available()


def runnable(capability: str, *, mkl: bool) -> dict[str, tuple[str, ...]]:
    """Return the settings that a processor can run: without MKL, nothing reads MKL_CBWR."""
    known = VECTORS.get(capability, 1)
    mine = {name: values[:known] for name, values in SETTINGS.items()}
    mine["OMP_NUM_THREADS"] = SETTINGS["OMP_NUM_THREADS"]
    return mine if mkl else {name: mine[name] for name in mine if name != "MKL_CBWR"}


def paths(settings: dict[str, tuple[str, ...]] = SETTINGS) -> list[Variant]:
    """Return the fewest variants in which each pair of two settings' values occurs."""
    # Rows (i, j, i + j) of the sizes p >= q >= r: where i or j is fixed, i + j takes each value.
    first, second, *rest = sorted(settings, key=lambda name: -len(settings[name]))
    rows = []
    for i, j in product(range(len(settings[first])), range(len(settings[second]))):
        row = {first: settings[first][i], second: settings[second][j]}
        row |= {name: settings[name][(i + j) % len(settings[name])] for name in rest}
        rows.append({name: row[name] for name in settings})
    return [Variant(" ".join(f"{k}={v}" for k, v in row.items()), row) for row in rows]


def noises(seeds: Iterable[int]) -> list[Variant]:
    """Return a variant for each seed; with one thread, the noise reaches every float64 result."""
    return [Variant(f"noise, seed {seed}", {"OMP_NUM_THREADS": "1"}, seed) for seed in seeds]


def left_out(mine: dict[str, tuple[str, ...]]) -> Iterator[str]:
    """Yield the settings that this machine does not run."""
    for name, values in SETTINGS.items():
        yield from (f"{name}={value}" for value in values if value not in mine.get(name, ()))


class Problems(logging.Handler):
    """Collects the warnings of a build, as Sphinx places and suppresses them."""

    def __init__(self, app: Any) -> None:
        from sphinx.util.logging import (  # noqa: PLC0415
            WarningLogRecordTranslator,
            WarningSuppressor,
        )

        super().__init__(logging.WARNING)
        self.changes: list[Change] = []
        self.filters = [WarningSuppressor(app)]
        self.translator = WarningLogRecordTranslator(app)

    def emit(self, record: logging.LogRecord) -> None:
        """Store a warning once: Sphinx emits those that it buffered again."""
        record = copy(record)
        message = record.getMessage()
        self.translator.filter(record)
        change = Change(relative(getattr(record, "location", None) or "the build"), message)
        doctest = message.startswith("*" * 70)  # watch_doctests has it, with its line
        summary = getattr(record, "subtype", "") == "summary"  # of differences that are stored
        if not (doctest or summary or change in self.changes):
            self.changes.append(change)


def relative(place: str) -> str:
    """Return a place without the folder of the repository."""
    return place.removeprefix(f"{ROOT}{os.sep}")


def doctest_place(path: Path, source: str, after: int | None) -> str:
    """Return the place of a doctest example; `after` is the first line of its block, if known."""
    prompt = f">>> {source.splitlines()[0]}"
    lines = enumerate(path.read_text("utf-8").splitlines(), 1)
    found = [str(line) for line, text in lines if text.strip() == prompt and line >= (after or 0)]
    return relative(f"{path}:{found[0] if after and found else ' or '.join(found)}")


def watch_doctests(folder: Path, changes: list[Change]) -> None:
    """Make Sphinx's doctest builder add each failing example to the changes."""
    import sphinx.ext.doctest as extension  # noqa: PLC0415

    class Runner(extension.SphinxDocTestRunner):
        def fail(self, test: Any, example: Any, got: str) -> None:
            after = None if test.lineno is None else test.lineno + example.lineno + 1
            path = (folder / test.filename).resolve()
            want = example.want.splitlines()
            diff = difflib.unified_diff(want, got.splitlines(), "stated", "shown", lineterm="")
            place = doctest_place(path, example.source, after)
            changes.append(Change(place, "the doctest shows something else:\n" + "\n".join(diff)))

        def report_failure(self, out: Any, test: Any, example: Any, got: str) -> None:
            self.fail(test, example, got)
            super().report_failure(out, test, example, got)

        def report_unexpected_exception(
            self, out: Any, test: Any, example: Any, exc_info: Any
        ) -> None:
            self.fail(test, example, f"{exc_info[0].__name__}: {exc_info[1]}")
            super().report_unexpected_exception(out, test, example, exc_info)

    extension.SphinxDocTestRunner = Runner


def marks(app: Any) -> tuple[set[str], dict[str, str]]:
    """Return the places of the marked cells' blocks, and the text of those that have changed."""
    from sphinx_code_cell_output.cells import executed_notebook, read  # noqa: PLC0415
    from sphinx_code_cell_output.compare import differences  # noqa: PLC0415

    marked, needed = set(), {}
    for page in app.env.found_docs:
        path = Path(app.env.doc2path(page))
        notebook = executed_notebook(app.env, page)
        for cell in read(path.read_text("utf-8"), app.env.myst_config, notebook):
            if cell.block and "rounding" in cell.executed.metadata:
                place = relative(f"{path}:{cell.block.map[0] + 1}")
                marked.add(place)
                if any(differences([cell])):
                    needed[place] = cell.block.content
    return marked, needed


def excused(change: Change, needed: dict[str, str]) -> bool:
    """Whether a change is that of a marked cell, or of a number in prose that it states."""
    if number := NO_OUTPUT.match(change.message):
        page = change.place.rpartition(":")[0]
        texts = [text for place, text in needed.items() if place.rpartition(":")[0] == page]
        return any(number[1] in text.replace(",", "") for text in texts)
    return change.place in needed


def start_noise(seed: int, folder: Path) -> Any:
    """Return the noise for this process; kernels start theirs, and create a file each."""
    startup = folder / "ipython" / "profile_default" / "startup" / "noise.py"
    startup.parent.mkdir(parents=True)
    kernels = folder / "kernels"
    kernels.mkdir()
    startup.write_text(KERNEL.format(docs=str(ROOT / "docs"), folder=str(kernels), seed=seed))
    os.environ["IPYTHONDIR"] = str(folder / "ipython")
    sys.path.append(str(ROOT / "docs"))
    from rounding_noise import RoundingNoise  # noqa: PLC0415

    return RoundingNoise(seed)


def judged(app: Any, variant: Variant, folder: Path, found: list[Change]) -> Iterator[Change]:
    """Yield the changes that are not excused, and the problems that invalidate a build."""
    executed = sum("exec_data" in data for data in getattr(app.env, "nb_metadata", {}).values())
    _, needed = marks(app) if variant.seed is not None else (set(), {})
    yield from (change for change in found if not excused(change, needed))
    if variant.seed is not None and len(list((folder / "kernels").iterdir())) < executed:
        yield Change("the build", "the noise did not reach every kernel")
    wanted = variant.environment.get("ATEN_CPU_CAPABILITY")
    if wanted and (got := vectors()) != wanted.upper():
        yield Change("the build", f"ATEN_CPU_CAPABILITY: expected {wanted.upper()}, got {got}")
    if not outputs(app) + app.builder.total_tries:
        yield Change("the build", "nothing was executed")


def outputs(app: Any) -> int:
    """Return how many outputs of cells the build has compared."""
    return sum(meta.get("checked_outputs", 0) for meta in app.env.metadata.values())


def run(variant: Variant, source: Path, conf: Path, pages: list[str]) -> Outcome:
    """Build the site, or some pages, in this fresh process, and compare every output."""
    clear_settings()
    os.environ.update(variant.environment)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT)
        for stream in (1, 2):  # the kernels inherit them
            os.dup2(log, stream)
        mode = nullcontext() if variant.seed is None else start_noise(variant.seed, folder)
        from sphinx.application import Sphinx  # noqa: PLC0415  # torch first reads its settings

        out = folder / "doctest" / "out"  # MyST-NB writes beside it
        some: dict[str, Any] = {}
        if pages:
            some["include_patterns"] = [f"{page}.md" for page in pages]
            some |= {"root_doc": pages[0], "suppress_warnings": ["toc.not_included"]}
        app = Sphinx(
            source, conf, out, out / ".doctrees", "doctest", some, freshenv=True, status=None
        )
        problems = Problems(app)
        logging.getLogger("sphinx").addHandler(problems)
        watch_doctests(source, problems.changes)
        with mode:
            app.build(force_all=True)
        changes = list(judged(app, variant, folder, problems.changes))
        seconds = time.monotonic() - started
        counts = outputs(app), app.builder.total_tries
        marked, needed = marks(app)
        return Outcome(variant, seconds, *counts, changes, marked, set(needed))


def unneeded(outcomes: list[Outcome]) -> Iterator[Change]:
    """Yield each mark of a cell that no noise changes."""
    noisy = [outcome for outcome in outcomes if outcome.variant.seed is not None]
    marked = set[str]().union(*(outcome.marked for outcome in noisy))
    for place in sorted(marked.difference(*(outcome.needed for outcome in noisy))):
        yield Change(place, "the mark `rounding` is not needed: no seed changes this output")


def report(outcomes: list[Outcome], *, complete: bool) -> bool:
    """Print each change with its variants, and the totals; return whether there is none."""
    found: dict[Change, list[str]] = {}
    for outcome in outcomes:
        for change in outcome.changes:
            found.setdefault(change, []).append(outcome.variant.name)
    if complete:
        found.update({change: ["all seeds"] for change in unneeded(outcomes)})
    for change, names in sorted(found.items()):
        print(f"\n{change.place}: {change.message}")
        print("\n".join(f"  under {name}" for name in names))
    noisy = sum(outcome.variant.seed is not None for outcome in outcomes)
    outputs = min(outcome.outputs for outcome in outcomes)
    doctests = min(outcome.doctests for outcome in outcomes)
    marked = len(set[str]().union(*(outcome.marked for outcome in outcomes)))
    print(
        f"\n{outputs} outputs of cells and {doctests} doctest examples, compared on "
        f"{len(outcomes) - noisy} code paths and {noisy} seeds of rounding noise "
        f"({marked} marked, on the code paths alone): "
        f"{len({change.place for change in found})} changed"
    )
    return not found


def main() -> int:
    """Run the variants, `--jobs` of them in parallel."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="*", default=list(SEEDS), help="of the noise")
    parser.add_argument("--paths", type=int, help="the number of code paths (default: all)")
    parser.add_argument("--sample", action="store_true", help="one path, one seed, a few pages")
    parser.add_argument("--pages", nargs="+", default=[], help="names such as backward/2-the-graph")
    parser.add_argument("--source", type=Path, default=ROOT / "docs", help="the folder of pages")
    parser.add_argument("--conf", type=Path, default=ROOT, help="the folder of conf.py")
    parser.add_argument("--jobs", type=int, default=2, help="parallel builds (default: 2)")
    options = parser.parse_args()
    complete = set(SEEDS) <= set(options.seeds) and not options.sample
    if options.sample:
        options.seeds, options.paths, options.pages = options.seeds[:1], 1, options.pages or SAMPLE
    # A process for each build: libraries read their settings when they are loaded.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.jobs, context, max_tasks_per_child=1) as pool:
        capability, mkl = pool.submit(processor).result()
        mine = runnable(capability, mkl=mkl)
        if missing := ", ".join(left_out(mine)):
            print(f"left out, as this machine ({capability}) cannot run it: {missing}")
        variants = [*paths(mine)[: options.paths], *noises(options.seeds)]
        places = options.source.resolve(), options.conf.resolve()
        builds = [pool.submit(run, variant, *places, options.pages) for variant in variants]
        outcomes = []
        for build in as_completed(builds):
            outcome = build.result()
            outcomes.append(outcome)
            changed = f"{outcome.seconds:.0f} s, {len(outcome.changes)} changed"
            print(f"{outcome.variant.name}: {changed}", flush=True)
    outcomes.sort(key=lambda outcome: variants.index(outcome.variant))
    return int(not report(outcomes, complete=complete))


if __name__ == "__main__":
    sys.exit(main())
