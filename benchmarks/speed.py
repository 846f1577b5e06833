"""Measure the time and the memory of many implementations of cross entropy.

All contenders run in turn, round after round, in one process; each ratio is to the time
of `F.cross_entropy` (after `F.linear`, for hidden states) in the same round. The peak memory beyond
the inputs is measured in a fresh process for each. All results are printed with quartiles, written
to a JSON file, and drawn.
"""

import argparse
import gc
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from fingerprint import measured_code
from torch import Tensor

import autograd_notes as notes

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "_data" / "speed.json"

Shape = tuple[int, ...]
SHAPES: list[Shape] = [(5, 3), (128, 1000), (4096, 1000), (2048, 32000), (1024, 128000)]
HIDDEN: Shape = (2048, 512, 32000)  # samples, hidden size, classes
SERIES: list[Shape] = [(512, 1000 * 4**power) for power in range(1, 5)]
DRAWN = ["F.cross_entropy", "cross_entropy", "chunked", "chunked, in place"]
CHUNKS = [1, 4, 16, 64, 256, 1024]  # rows at a time, of the fourth shape
LARGE = 2 * 10**6  # logits; the memory of fewer is lost in the noise
PASSES = ["forward", "forward + backward"]


def notebook(x: Tensor, target: Tensor) -> Tensor:
    """Compute the loss by the definitions of the first page, which overflow."""
    p = x.exp() / x.exp().sum(-1, keepdim=True)
    return -p[range(len(target)), target].log().mean()


def shortest(x: Tensor, target: Tensor) -> Tensor:
    """Compute the loss in the fewest operations, written out."""
    return (x.logsumexp(1) - x.gather(1, target.unsqueeze(1)).squeeze(1)).mean()


def copy(x: Tensor, _target: Tensor) -> Tensor:
    """Copy the logits: a lower bound for every gradient."""
    return x.detach().clone()


def softmax(x: Tensor, _target: Tensor) -> Tensor:
    """Compute softmax by chunks and discard it: a lower bound for a loss by chunks."""
    x = x.detach()
    rows = max(1, notes.chunked._LOGITS // x.shape[1])  # noqa: SLF001
    kept = torch.empty_like(x[:rows])
    for chunk in x.split(rows):
        torch.softmax(chunk, 1, out=kept[: len(chunk)])
    return kept


def linear(loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return the loss of hidden states that computes all logits first."""
    return lambda hidden, matrix, target: loss(F.linear(hidden, matrix), target)


def torch_chunked(rows: int | None) -> Callable[..., Tensor]:
    """Return PyTorch's loss by chunks, of its default size or of `rows` rows."""
    chosen = {} if rows is None else {"batch_chunk_size": rows, "chunking_method": None}
    options = torch.nn.LinearCrossEntropyOptions(**chosen)
    return lambda hidden, matrix, target: F.linear_cross_entropy(
        hidden, matrix, target, options=options
    )


def by_rows(rows: int) -> Callable[..., Tensor]:
    """Return the loss by chunks of `rows` rows."""
    return partial(notes.chunked_cross_entropy, chunk_size=rows)


def compiled(loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return the loss, compiled at its first call: loading the compiler takes memory."""
    once = cache(partial(torch.compile, loss, dynamic=False))

    def compiled_loss(*args: Tensor) -> Tensor:
        return once()(*args)

    return compiled_loss


def contenders(shape: Shape) -> dict[str, Callable[..., Tensor]]:
    """Return the contenders for a shape; the first is the baseline of the ratios."""
    if len(shape) == 3:
        rows = max(1, notes.chunked._LINEAR_LOGITS // shape[2])  # noqa: SLF001
        return {
            "F.linear, F.cross_entropy": linear(F.cross_entropy),
            "F.linear, chunked in place": linear(
                lambda x, target: notes.chunked_cross_entropy(x, target, inplace=True)
            ),
            "linear_cross_entropy": notes.linear_cross_entropy,
            "F.linear_cross_entropy": F.linear_cross_entropy,
            "F.linear_cross_entropy, its chunks": torch_chunked(None),
            "F.linear_cross_entropy, our chunks": torch_chunked(rows),
        }
    return {
        "F.cross_entropy": F.cross_entropy,
        "F.log_softmax, F.nll_loss": lambda x, t: F.nll_loss(F.log_softmax(x, 1), t),
        "the notebook's": notebook,
        "the shortest": shortest,
        "cross_entropy": notes.cross_entropy,
        "chunked": notes.chunked_cross_entropy,
        "chunked, in place": lambda x, t: notes.chunked_cross_entropy(x, t, inplace=True),
        "F.cross_entropy, compiled": compiled(F.cross_entropy),
        "cross_entropy, compiled": compiled(notes.cross_entropy),
        "softmax alone, by chunks": softmax,
        "a copy of the logits": copy,
    }


def inputs(shape: Shape, device: str) -> tuple[list[Tensor], Tensor]:
    """Return the tensors that get a gradient, and the target."""
    torch.manual_seed(0)
    made = [torch.randn(shape[:2])]
    if len(shape) == 3:
        made.append(torch.randn(shape[2], shape[1]) / shape[1] ** 0.5)
    target = torch.randint(shape[-1], shape[:1])
    return [x.to(device).requires_grad_() for x in made], target.to(device)


def given(name: str, leaves: list[Tensor]) -> list[Tensor]:
    """Return the inputs of a contender: in-place code gets a copy, as a leaf can't be changed."""
    return [leaves[0].clone()] if name == "chunked, in place" else leaves


def run(
    function: Callable[..., Tensor], args: list[Tensor], leaves: list[Tensor], target: Tensor
) -> float:
    """Run forward and, where gradients are on, backward; return the seconds."""
    wait(target)
    start = time.perf_counter()
    loss = function(*args, target)
    gradients = torch.autograd.grad(loss, leaves) if loss.requires_grad else ()
    wait(target)
    seconds = time.perf_counter() - start
    del gradients
    return seconds


def wait(x: Tensor) -> None:
    """Synchronize with the device."""
    if x.is_cuda:
        torch.cuda.synchronize()


def quartiles(values: list[float]) -> list[float]:
    """Return the lower quartile, the median and the upper quartile."""
    return statistics.quantiles(values, n=4, method="inclusive")


def timed(
    shape: Shape,
    kind: str,
    device: str,
    seconds: float,
    found: dict[str, Callable[..., Tensor]],
) -> Iterator[dict[str, Any]]:
    """Yield the time of each contender, and its ratio to the first."""
    leaves, target = inputs(shape, device)
    torch.compiler.reset()  # each shape is compiled anew, and torch stops after eight
    with torch.set_grad_enabled(kind != "forward"):

        def once(name: str) -> float:
            return run(found[name], given(name, leaves), leaves, target)

        _, each = [once(name) for name in found], [once(name) for name in found]  # some compile
        repeat = max(1, int(0.002 / each[0]))
        rounds = int(seconds / (sum(each) * repeat))
        spent: dict[str, list[float]] = {name: [] for name in found}
        for turn in range(min(max(rounds, 7), 101)):
            order = list(found)
            for name in order[turn % len(order) :] + order[: turn % len(order)]:
                gc.collect(0)
                spent[name].append(statistics.median(once(name) for _ in range(repeat)))
    base = spent[next(iter(found))]
    for name, own in spent.items():
        ratios = [a / b for a, b in zip(own, base, strict=True)]
        yield {
            "shape": shape,
            "pass": kind,
            "name": name,
            "seconds": quartiles(own),
            "ratio": quartiles(ratios),
            "rounds": len(own),
        }


def in_use(what: str) -> int:
    """Return a field of /proc/self/status, such as VmRSS, in bytes."""
    status = Path("/proc/self/status").read_text()
    return 1024 * next(int(row.split()[1]) for row in status.splitlines() if row.startswith(what))


def peak(shape: Shape, name: str, device: str) -> int:
    """Return the peak memory of forward and backward beyond the inputs, in bytes."""
    function = contenders(shape)[name]
    leaves, target = inputs(shape, device)
    small, few = inputs((2, *shape[1:2], *[2] * len(shape[2:])), device)
    run(function, given(name, small), small, few.clamp(max=1))  # warm up: lazy loading
    if "compiled" in name:
        run(function, leaves, leaves, target)
    args = given(name, leaves)
    gc.collect()
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        run(function, args, leaves, target)
        return torch.cuda.max_memory_allocated() - before
    Path("/proc/self/clear_refs").write_text("5")  # reset the peak
    before = in_use("VmRSS")
    run(function, args, leaves, target)
    return in_use("VmHWM") - before


def fresh_peak(shape: Shape, name: str, device: str) -> int | None:
    """Return the peak memory of a fresh process; None where it can't be measured."""
    if device == "cpu" and not Path("/proc/self/clear_refs").exists():
        return None
    asked = [str(size) for size in shape]
    command = [sys.executable, "-W", "ignore", __file__, "--peak", name, "--shape", *asked]
    done = subprocess.run(
        [*command, "--device", device], check=True, capture_output=True, text=True
    )
    return int(done.stdout)


def losses(shape: Shape, device: str) -> dict[str, float]:
    """Return the loss of each contender that computes one and isn't compiled."""
    leaves, target = inputs(shape, device)
    return {
        name: f(*given(name, leaves), target).item()
        for name, f in contenders(shape).items()
        if not any(word in name for word in ("compiled", "copy", "alone"))
    }


def machine(device: str) -> dict[str, Any]:
    """Return the hardware and the versions of this run."""
    cpus = Path("/proc/cpuinfo")
    rows = cpus.read_text().splitlines() if cpus.exists() else []
    model = next(
        (row.partition(":")[2].strip() for row in rows if row.startswith("model name")), ""
    )
    return {
        "processor": torch.cuda.get_device_name() if device == "cuda" else model,
        "architecture": platform.machine(),
        "system": platform.system(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def label(shape: Shape) -> str:
    """Return a shape as text."""
    if len(shape) == 3:
        return f"({shape[0]}, {shape[1]}) x ({shape[2]}, {shape[1]})"
    return str(tuple(shape))


def draw(found: dict[str, Any]) -> Any:
    """Draw time and memory against the number of classes, and return the figure of matplotlib."""
    import matplotlib.pyplot as plt  # noqa: PLC0415  # only the picture needs it

    plt.style.use("autograd_notes.figures")
    figure, panels = plt.subplots(2, 1, figsize=(4.4, 5.4), sharex=True, layout="constrained")
    for axes, key, unit, title in zip(
        panels,
        ("seconds", "peak"),
        (1e-3, 2**20),
        ("forward and backward, ms", "memory beyond the logits, MiB"),
        strict=True,
    ):
        rows = [row for row in found["results"] if row["series"] == "classes" and row.get(key)]
        for index, name in enumerate(dict.fromkeys(row["name"] for row in rows)):
            own = [row for row in rows if row["name"] == name]
            values = [row[key][1] if key == "seconds" else row[key] for row in own]
            axes.loglog(
                [row["shape"][1] for row in own],
                [value / unit for value in values],
                marker="osD^"[index],
                label=name,
            )
        axes.set_title(title)
    panels[0].legend()
    panels[1].set_xlabel("classes")
    return figure


def say(row: dict[str, Any], base: dict[str, Any]) -> None:
    """Print a row: a time, a ratio with its quartiles, and the peak of the memory."""
    low, middle, high = row["ratio"]
    text = f"  {row['name']:36}{1e3 * row['seconds'][1]:11.3f} ms"
    text += f" {middle:7.3f} ({low:.3f} to {high:.3f})"
    if row.get("peak") is not None:
        text += f" {row['peak'] / 2**20:9.1f} MiB {row['peak'] / base['peak']:7.3f}"
    print(text, flush=True)


Plan = list[tuple[str, Shape, str, dict[str, Callable[..., Tensor]]]]


def plan(shapes: list[Shape], only: list[str] | None = None) -> Plan:
    """Return a series, a shape, a pass and the contenders of each measurement of these shapes."""
    planned = []
    for shape in shapes:
        compared = contenders(shape)
        compared = {name: compared[name] for name in only or compared}
        planned += [("shapes", shape, kind, compared) for kind in PASSES]
    return planned


def full_plan() -> Plan:
    """Return every measurement that the site quotes."""
    planned = plan([*SHAPES, HIDDEN])
    for shape in SERIES:
        some = {name: f for name, f in contenders(shape).items() if name in DRAWN}
        planned.append(("classes", shape, PASSES[1], some))
    chunks = {f"chunked, {rows} rows": by_rows(rows) for rows in CHUNKS}
    chunks = {"F.cross_entropy": F.cross_entropy, **chunks}
    planned.append(("chunks", SHAPES[3], PASSES[1], chunks))
    return planned


def main() -> None:
    """Measure everything, or one peak."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", type=Path, default=RESULTS)
    parser.add_argument("--picture", type=Path, default=ROOT / "build" / "speed.svg")
    parser.add_argument("--seconds", type=float, default=20, help="for each shape and pass")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--peak", help="measure the memory of this contender alone")
    parser.add_argument("--shape", type=int, nargs="+", help="measure this shape alone")
    parser.add_argument("--only", nargs="+", help="of this shape, measure these contenders alone")
    parser.add_argument("--losses", action="store_true", help="print this shape's losses, as JSON")
    parser.add_argument("--draw", action="store_true", help="draw the JSON file, measure nothing")
    options = parser.parse_args()
    if options.peak:
        print(peak(tuple(options.shape), options.peak, options.device))
        return
    if options.losses:
        print(json.dumps(losses(tuple(options.shape), options.device)))
        return
    if options.draw:
        draw(json.loads(options.json.read_text())).savefig(options.picture)
        return
    found = {"machine": machine(options.device), "code": measured_code(), "results": []}
    print(json.dumps(found["machine"]))
    planned = plan([tuple(options.shape)], options.only) if options.shape else full_plan()
    for series, shape, kind, compared in planned:
        print(f"{series}: {label(shape)}, {kind}")
        rows = list(timed(shape, kind, options.device, options.seconds, compared))
        for row in rows:
            row["series"] = series
            if kind == PASSES[1] and shape[0] * shape[-1] >= LARGE and series != "chunks":
                row["peak"] = fresh_peak(shape, row["name"], options.device)
            say(row, rows[0])
        found["results"] += rows
    if not options.shape:
        options.picture.parent.mkdir(parents=True, exist_ok=True)
        draw(found).savefig(options.picture)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
