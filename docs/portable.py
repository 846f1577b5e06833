"""Run every cell and doctest of the site on other code paths and under rounding noise.

No stated digit may depend on the processor, the thread count or the maths library. `python
docs/portable.py` builds the site once for each of these variants:

- Code paths: MKL's vector maths (`MKL_CBWR`), ATen's kernels (`ATEN_CPU_CAPABILITY`) and the
  number of threads (`OMP_NUM_THREADS`), so that each pair of their settings occurs: as
  `code-cell-output portable` does for any project. The ones that this processor cannot run are left
  out and named.
- Rounding noise: one variant for each seed. See rounding_noise.py for its rules and its limits.

Every output that changes is reported with its page, its line and a diff. A cell whose subject is
rounding itself has the reason in its metadata, as `rounding: "reason"`: it may change under noise,
but not with the code path; and it must change under noise, or the mark is an error, too.

NumPy's own code paths, and programs that a cell starts, see the settings but not the noise.
"""

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from sphinx_code_cell_output.compare import differences
from sphinx_code_cell_output.portable import Outcome, report, run, run_all
from sphinx_code_cell_output.problems import Problem, relative
from sphinx_code_cell_output.site import Built, Options
from sphinx_code_cell_output.variants import Variant, pairs, run_in

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
# Sphinx's warnings of failed doctests, which are problems already, and of pages built alone.
OTHER = ("toc.not_included", "code_cell_output", "code_cell_output.summary")
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


class Marks(NamedTuple):
    """The places of the marked cells' blocks, and the text of those whose output has changed."""

    marked: set[str]
    needed: dict[str, str]


def vectors() -> str:
    """Return the vector instructions that ATen uses: AVX512, AVX2, or others."""
    import torch  # noqa: PLC0415  # torch reads its settings when imported

    return str(torch.backends.cpu.get_cpu_capability())


def processor() -> tuple[str, bool]:
    """Return the vector instructions of this machine, and whether torch has MKL."""
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
    return pairs(settings)


def noises(seeds: Iterable[int]) -> list[Variant]:
    """Return a variant for each seed; with one thread, the noise reaches every float64 result."""
    return [Variant(f"noise, seed {seed}", {"OMP_NUM_THREADS": "1"}) for seed in seeds]


def left_out(mine: dict[str, tuple[str, ...]]) -> Iterator[str]:
    """Yield the settings that this machine does not run."""
    for name, values in SETTINGS.items():
        yield from (f"{name}={value}" for value in values if value not in mine.get(name, ()))


def marks(site: Built) -> Marks:
    """Return the marked cells of a build."""
    marked, needed = set(), {}
    for page in site.pages():
        for cell in page.cells:
            if cell.block and "rounding" in cell.executed.metadata:
                place = f"{relative(str(page.path))}:{cell.block.map[0] + 1}"
                marked.add(place)
                if any(differences([cell])):
                    needed[place] = cell.block.content
    return Marks(marked, needed)


def excused(problem: Problem, needed: dict[str, str]) -> bool:
    """Whether a change is that of a marked cell, or of a number in prose that it states."""
    if number := NO_OUTPUT.match(problem.message):
        texts = [text for place, text in needed.items() if place.startswith(f"{problem.path}:")]
        return any(number[1] in text.replace(",", "") for text in texts)
    return problem.place in needed


def judge(
    variant: Variant, kernels: Path | None, site: Built, found: list[Problem]
) -> tuple[list[Problem], Marks]:
    """Return the changes that are not excused, and the problems that invalidate a build."""
    marked = marks(site)
    problems = [one for one in found if not (kernels and excused(one, marked.needed))]
    problems += [
        one
        for one in site.problems
        if one not in [*site.own, *found] and one.kind not in OTHER and "*" * 70 not in one.message
    ]
    env: Any = site.app.env
    executed = sum("exec_data" in data for data in getattr(env, "nb_metadata", {}).values())
    if kernels and len(list(kernels.iterdir())) < executed:
        problems.append(Problem("the build", 0, "the noise did not reach every kernel"))
    wanted = variant.environment.get("ATEN_CPU_CAPABILITY", "").upper()
    if wanted and (got := vectors()) != wanted:
        message = f"ATEN_CPU_CAPABILITY: expected {wanted}, got {got}"
        problems.append(Problem("the build", 0, message))
    return problems, marked


def start_noise(seed: int, folder: Path) -> tuple[Any, Path]:
    """Return the noise for this process, and a folder: kernels start theirs, and create a file."""
    startup = folder / "ipython" / "profile_default" / "startup" / "noise.py"
    startup.parent.mkdir(parents=True)
    kernels = folder / "kernels"
    kernels.mkdir()
    startup.write_text(KERNEL.format(docs=str(ROOT / "docs"), folder=str(kernels), seed=seed))
    os.environ["IPYTHONDIR"] = str(folder / "ipython")
    sys.path.append(str(ROOT / "docs"))
    from rounding_noise import RoundingNoise  # noqa: PLC0415

    return RoundingNoise(seed), kernels


def build(variant: Variant, options: Options, seed: int | None) -> Outcome:
    """Build the site, or some pages, in this fresh process; without a seed, without noise."""
    if seed is None:
        return run(variant, options, partial(judge, variant, None))
    with tempfile.TemporaryDirectory() as folder:
        noise, kernels = start_noise(seed, Path(folder))
        with noise:
            return run(variant, options, partial(judge, variant, kernels))


def unneeded(noisy: list[Outcome]) -> dict[Problem, str]:
    """Return a problem for each mark of a cell that no noise changes, and its variants."""
    message = "the mark `rounding` is not needed: no seed changes this output"
    marked = set[str]().union(*(outcome.facts.marked for outcome in noisy))
    places = marked.difference(*(outcome.facts.needed for outcome in noisy))
    return {Problem(place, 0, message): "all seeds" for place in sorted(places)}


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
    for name in SETTINGS:  # with which this program was started
        os.environ.pop(name, None)
    capability, mkl = run_in(Variant("this machine", {}), processor)
    mine = runnable(capability, mkl=mkl)
    if missing := ", ".join(left_out(mine)):
        print(f"left out, as this machine ({capability}) cannot run it: {missing}")
    clean = paths(mine)[: options.paths]
    seeds = [*[None] * len(clean), *options.seeds]
    places = options.source.resolve(), options.conf.resolve()
    site = Options(*places, pages=options.pages, builder="doctest")
    variants = [*clean, *noises(options.seeds)]
    builds = [(variant, build, site, seed) for variant, seed in zip(variants, seeds, strict=True)]
    return int(not judged(run_all(builds, options.jobs), seeds, complete=complete))


def judged(outcomes: list[Outcome], seeds: list[int | None], *, complete: bool) -> bool:
    """Print each change with its variants, and the totals; return whether there is none."""
    noisy = [outcome for outcome, seed in zip(outcomes, seeds, strict=True) if seed is not None]
    marked = len(set[str]().union(*(outcome.facts.marked for outcome in outcomes)))
    compared = (
        f"{len(outcomes) - len(noisy)} code paths and {len(noisy)} seeds of rounding noise "
        f"({marked} marked, on the code paths alone)"
    )
    return report(outcomes, compared, unneeded(noisy) if complete else None)


if __name__ == "__main__":
    sys.exit(main())
