"""Measurements of time and memory."""

import gc
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from busy import busy
from contenders import FORWARD, Case, Loss, contender, given, inputs
from torch import Tensor


def run(loss: Loss, args: list[Tensor], leaves: list[Tensor], target: Tensor) -> float:
    """Run forward and, where gradients are on, backward; return the seconds."""
    wait(target)
    start = time.perf_counter()
    result = loss(*args, target)
    gradients = torch.autograd.grad(result, leaves) if result.requires_grad else ()
    wait(target)
    seconds = time.perf_counter() - start
    del gradients
    return seconds


def wait(x: Tensor) -> None:
    """Synchronize with the device."""
    if x.is_cuda:
        torch.cuda.synchronize()


def quartiles(values: list[float]) -> list[float]:
    """Return the lower quartile, the median and the upper quartile, to four digits."""
    found = statistics.quantiles(values, n=4, method="inclusive")
    return [float(f"{value:.4g}") for value in found]


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Compute with `count` threads; 0 changes nothing."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def timed(case: Case, device: str, seconds: float, least: int = 7) -> list[dict[str, Any]]:
    """Return the time of each contender, and its ratio to the first, in `least` rounds or more."""
    leaves, target = inputs(case, device)
    found = {name: contender(case, name) for name in case.names}
    torch.compiler.reset()  # each case is compiled anew, and torch stops after eight
    enabled = torch.set_grad_enabled(case.kind != FORWARD)
    with enabled, threads(case.threads), busy(case.busy):

        def once(name: str) -> float:
            return run(found[name], given(name, leaves), leaves, target)

        _, each = [once(name) for name in found], [once(name) for name in found]  # some compile
        repeat = max(1, int(0.002 / each[0]))
        rounds = int(seconds / (sum(each) * repeat))
        spent: dict[str, list[float]] = {name: [] for name in found}
        for turn in range(min(max(rounds, least), 101)):
            order = list(found)
            for name in order[turn % len(order) :] + order[: turn % len(order)]:
                gc.collect(0)
                spent[name].append(statistics.median(once(name) for _ in range(repeat)))
    base = spent[case.names[0]]
    return [
        {
            "name": name,
            "seconds": quartiles(own),
            "ratio": quartiles([a / b for a, b in zip(own, base, strict=True)]),
            "rounds": len(own),
        }
        for name, own in spent.items()
    ]


def in_use(field: str) -> int:
    """Return a field of /proc/self/status, such as VmRSS, in bytes."""
    status = Path("/proc/self/status").read_text()
    return 1024 * next(int(row.split()[1]) for row in status.splitlines() if row.startswith(field))


def peak(case: Case, name: str, device: str) -> int:
    """Return the peak memory of forward and backward beyond the inputs, in bytes."""
    function = contender(case, name)
    leaves, target = inputs(case, device)
    small, few = inputs(
        case._replace(shape=(2, *case.shape[1:2], *[2] * len(case.shape[2:]))), device
    )
    run(function, given(name, small), small, few)  # warm up: lazy loading
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


def fresh_peak(case: Case, name: str, device: str) -> int | None:
    """Return the peak memory of a fresh process; None where it can't be measured."""
    if device == "cpu" and not Path("/proc/self/clear_refs").exists():
        return None
    program, shape = Path(__file__).with_name("speed.py"), [str(size) for size in case.shape]
    command = [sys.executable, "-W", "ignore", program, "--peak", name, "--shape", *shape]
    command += ["--dtype", case.dtype, "--device", device]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(done.stdout)


def check_synchronization(case: Case, device: str) -> None:
    """Run the contenders; raise RuntimeError if one of them waits for the GPU."""
    leaves, target = inputs(case, device)
    for name in case.names:
        function, args = contender(case, name), given(name, leaves)
        torch.cuda.set_sync_debug_mode("error")
        try:
            torch.autograd.grad(function(*args, target), leaves)
        finally:
            torch.cuda.set_sync_debug_mode("default")
