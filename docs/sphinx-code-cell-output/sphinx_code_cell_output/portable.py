"""Compare every output and doctest under each pair of settings, such as numbers of threads.

No stated digit may depend on the machine: its processor, its threads, its libraries. Environment
variables select most of these, so one machine can stand for many.
"""

import difflib
import os
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, NamedTuple

from sphinx_code_cell_output.problems import Problem
from sphinx_code_cell_output.recorder import Ran, RecordingSite
from sphinx_code_cell_output.site import Built, Options, built
from sphinx_code_cell_output.variants import Variant, pairs, run_in


class Outcome(NamedTuple):
    """The result of one variant."""

    variant: Variant
    seconds: float
    outputs: int
    doctests: int
    problems: list[Problem]
    facts: Any = None  # of a judge


Judge = Callable[[Built, list[Problem]], tuple[list[Problem], Any]]


@contextmanager
def silent() -> Iterator[None]:
    """Write stdout and stderr of this process and of its kernels to a file that is deleted."""
    with TemporaryFile() as log:
        before = [os.dup(stream) for stream in (1, 2)]
        for stream in (1, 2):
            os.dup2(log.fileno(), stream)
        try:
            yield
        finally:
            for stream, old in zip((1, 2), before, strict=True):
                os.dup2(old, stream)
                os.close(old)


def of_doctest(ran: Ran) -> Problem:
    """Return the problem of an example that failed."""
    lines = ran.stated.splitlines(), ran.shown.splitlines()
    diff = "\n".join(difflib.unified_diff(*lines, "stated", "shown", lineterm=""))
    return Problem(ran.path, ran.line, f"the doctest shows something else:\n{diff}")


def run(variant: Variant, options: Options, judge: Judge | None = None) -> Outcome:
    """Build a project in this process, and compare every output; a judge may excuse some."""
    started = time.monotonic()
    with silent(), built(options, RecordingSite) as site:
        builder: Any = site.app.builder
        problems = [*site.own]
        problems += [of_doctest(ran) for ran in builder.ran if not ran.accepts(ran.stated)]
        facts = None
        if judge:
            problems, facts = judge(site, problems)
        outputs = sum(
            int(meta.get("checked_outputs", 0)) for meta in site.app.env.metadata.values()
        )
        doctests = len(builder.ran)
        if not outputs + doctests:
            problems.append(Problem("the build", 0, "nothing was executed"))
    return Outcome(variant, time.monotonic() - started, outputs, doctests, problems, facts)


def run_all(builds: list[tuple[Any, ...]], jobs: int) -> list[Outcome]:
    """Run builds in processes of their own, `jobs` at a time, and print each that ends.

    Each is a variant, and a function with its further arguments: it returns the outcome.
    """
    with ThreadPoolExecutor(jobs) as pool:
        running = [
            pool.submit(run_in, variant, function, variant, *arguments)
            for variant, function, *arguments in builds
        ]
        for build in as_completed(running):
            outcome = build.result()
            changed = f"{outcome.seconds:.0f} s, {len(outcome.problems)} changed"
            print(f"{outcome.variant.name}: {changed}", flush=True)
    return [build.result() for build in running]


def report(outcomes: list[Outcome], compared: str, more: dict[Problem, str] | None = None) -> bool:
    """Print each change with its variants, and the totals; return whether there is none."""
    found: dict[Problem, list[str]] = {problem: [name] for problem, name in (more or {}).items()}
    for outcome in outcomes:
        for problem in outcome.problems:
            found.setdefault(problem, []).append(outcome.variant.name)
    for problem, names in sorted(found.items()):
        print(f"\n{problem.place}: {problem.message}")
        print("\n".join(f"  under {name}" for name in names))
    outputs = min(outcome.outputs for outcome in outcomes)
    doctests = min(outcome.doctests for outcome in outcomes)
    changed = len({problem.place for problem in found})
    print(
        f"\n{outputs} outputs of cells and {doctests} doctest examples, compared on {compared}: "
        f"{changed} changed"
    )
    return not found


def portable(arguments: Namespace) -> int:
    """Run the variants of the command line; return 1 if an output changes."""
    source = arguments.source.resolve()
    conf = Path(arguments.conf or source).resolve()
    options = Options(source, conf, pages=arguments.page, builder="doctest")
    variants = pairs(dict(arguments.env))
    outcomes = run_all([(variant, run, options) for variant in variants], arguments.jobs)
    return int(not report(outcomes, f"{len(variants)} code paths"))
