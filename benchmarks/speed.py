"""Measure the time and the memory of many implementations of cross entropy.

All contenders run in turn, round after round, in one process; each ratio is to the time
of `F.cross_entropy` (after `F.linear`, for hidden states) in the same round. The peak memory beyond
the inputs is measured in a fresh process for each. All results are printed with quartiles and
written to a JSON file after each measurement: a run that was interrupted goes on where it stopped.
`quick` takes two minutes on two cores, and prints a short table only.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from cases import COMPILED, LIMITS, full_plan, quick_plan, unique
from contenders import FORWARD, Case, contender, given, inputs, names
from drawing import draw
from measuring import check_synchronization, fresh_peak, peak, timed
from results import Store, machine, read

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "_data" / "speed.json"

LARGE = 2 * 10**6  # logits; the memory of fewer is lost in the noise


def losses(case: Case, device: str) -> dict[str, float]:
    """Return the loss of each contender that computes one and isn't compiled."""
    leaves, target = inputs(case, device)
    return {
        name: contender(case, name)(*given(name, leaves), target).item()
        for name in case.names
        if name not in {*LIMITS, *COMPILED}
    }


def label(case: Case) -> str:
    """Return the inputs and settings of a case as text."""
    n, h, *rest = case.shape
    shape = f"({n}, {h}) x ({rest[0]}, {h})" if case.linear else str(tuple(case.shape))
    parts = [case.dtype, shape, f"smoothing {case.smoothing}" if case.smoothing else ""]
    parts += ["probabilities" if case.probabilities else ""]
    parts += [f"threads: {case.threads}" if case.threads else ""]
    parts += [f"busy loops: {case.busy}" if case.busy else ""]
    return ", ".join(part for part in [*parts, case.kind] if part)


def say(row: dict[str, Any], base: dict[str, Any]) -> None:
    """Print a row: a ratio with its quartiles, a time, and the peak of the memory."""
    low, middle, high = row["ratio"]
    text = f"  {row['name']:24} {middle:7.3f} ({low:.3f} to {high:.3f})"
    text += f" {1e3 * row['seconds'][1]:11.3f} ms"
    if row.get("peak") is not None:
        text += f" {row['peak'] / 2**20:9.1f} MiB {row['peak'] / base['peak']:7.3f}"
    print(text, flush=True)


def measured(case: Case, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return the rows of a case, with the memory for the large tables that the page shows."""
    rows = timed(case, options.device, options.seconds, options.rounds)
    logits = case.shape[0] * case.shape[-1]
    stored = options.plan == "full" and case.series in {"shapes", "classes"}
    if stored and case.kind != FORWARD and logits >= LARGE:
        for row in rows:
            row["peak"] = fresh_peak(case, row["name"], options.device)
    return rows


def arguments() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("plan", nargs="?", choices=["full", "quick"], default="full")
    parser.add_argument("--json", type=Path, help="the results; a full run has a default")
    parser.add_argument("--fresh", action="store_true", help="measure again what the file has")
    parser.add_argument("--picture", type=Path, default=ROOT / "build" / "speed.svg")
    parser.add_argument("--seconds", type=float, default=8, help="for each measurement")
    parser.add_argument("--rounds", type=int, default=7, help="in each measurement, at least")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--peak", help="measure the memory of this contender alone")
    parser.add_argument("--shape", type=int, nargs="+", help="measure this shape alone")
    parser.add_argument("--only", nargs="+", help="of this shape, measure these contenders alone")
    parser.add_argument("--dtype", default="float32", help="of this shape")
    parser.add_argument("--smoothing", type=float, default=0.0, help="of this shape")
    parser.add_argument("--probabilities", action="store_true", help="as targets of this shape")
    parser.add_argument("--threads", type=int, default=0, help="for this shape")
    parser.add_argument("--busy", type=int, default=0, help="loops beside this shape")
    parser.add_argument("--losses", action="store_true", help="print this shape's losses, as JSON")
    parser.add_argument("--draw", action="store_true", help="draw the JSON file, measure nothing")
    return parser.parse_args()


def plan(options: argparse.Namespace) -> list[Case]:
    """Return the measurements that the command line asks for."""
    if not options.shape:
        return quick_plan() if options.plan == "quick" else unique(full_plan(options.device))
    shape = tuple(options.shape)
    case = Case("shapes", shape, options.only or names(shape), dtype=options.dtype)
    case = case._replace(
        smoothing=options.smoothing,
        probabilities=options.probabilities,
        threads=options.threads,
        busy=options.busy,
    )
    return [case._replace(kind=FORWARD), case]


def never_waits(device: str) -> None:
    """Raise RuntimeError if a loss of the package waits for the GPU."""
    for case in quick_plan():
        ours = [name for name in case.names if not name.startswith(("F.", "linear, F."))]
        check_synchronization(case._replace(names=ours), device)
    print("No loss of the package waits for the GPU.")


def measure(options: argparse.Namespace) -> None:
    """Measure, print and store what the command line asks for, unless the file has it."""
    print(json.dumps(machine(options.device)))
    if options.device == "cuda":
        never_waits(options.device)
    full = options.plan == "full" and not options.shape
    settings = {"seconds": options.seconds, "rounds": options.rounds}
    file = options.json or (RESULTS if full else None)
    store = Store(file, options.device, settings, fresh=options.fresh)
    for case in plan(options):
        print(f"{case.series}: {label(case)}", flush=True)
        rows = store.rows(case)
        if rows is None:
            rows = measured(case, options)
            store.add(case, rows)
        for row in rows:
            say(row, rows[0])
    if full:
        options.picture.parent.mkdir(parents=True, exist_ok=True)
        draw(store.run).savefig(options.picture)


def main() -> None:
    """Measure everything, a quick selection, one shape, or one peak; or draw."""
    options = arguments()
    if options.draw:
        options.picture.parent.mkdir(parents=True, exist_ok=True)
        draw(read(options.json or RESULTS)[0]).savefig(options.picture)
    elif options.peak:
        print(peak(plan(options)[-1], options.peak, options.device))
    elif options.losses:
        print(json.dumps(losses(plan(options)[-1], options.device)))
    else:
        measure(options)


if __name__ == "__main__":
    main()
