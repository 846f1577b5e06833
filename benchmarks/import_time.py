"""Measure the time of `import autograd_notes` beyond `import torch`, in fresh processes."""

import platform
import statistics
import subprocess
import sys

RUNS = 21
PROGRAM = """
import time
start = time.perf_counter()
import torch
middle = time.perf_counter()
import autograd_notes
end = time.perf_counter()
print(middle - start, end - middle, torch.__version__)
"""


def run() -> tuple[float, float, str]:
    """Return the seconds for torch, those for the package, and the version of torch."""
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    torch_seconds, package_seconds, version = done.stdout.split()
    return float(torch_seconds), float(package_seconds), version


if __name__ == "__main__":
    run()  # the first run reads the files from the disk, and writes the bytecode
    runs = [run() for _ in range(RUNS)]
    print(
        f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}, ", end=""
    )
    print(f"torch {runs[0][2]}, {RUNS} fresh processes")
    for name, seconds in [
        ("torch", [r[0] for r in runs]),
        ("autograd_notes", [r[1] for r in runs]),
    ]:
        low, middle, high = (1000 * q for q in statistics.quantiles(seconds, n=4))
        print(f"import {name:<15} {middle:8.1f} ms  (quartiles {low:.1f} to {high:.1f})")
    ratio = statistics.median(r[1] / r[0] for r in runs)
    print(f"autograd_notes / torch {ratio:10.4f}")
