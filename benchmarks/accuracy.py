"""Measure how far softmax and cross entropy, ours and torch's, are from the exact results.

These are computed by mpmath with 50 digits. An error is measured in ulp, the distance between
neighbouring numbers of the dtype at the exact result: a correctly rounded result is at most half
an ulp away.
"""

import argparse
import functools
import json
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import mpmath
import torch
import torch.nn.functional as F  # noqa: N812
from mpmath import mp, mpf
from torch import Tensor

import autograd_notes

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from ulp import error  # from tests

INF, NAN = math.inf, math.nan

DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
FUNCTIONS: dict[str, tuple[Callable[..., Tensor], Callable[..., Tensor]]] = {
    "softmax": (
        lambda x, _: autograd_notes.softmax(x),
        lambda x, _: F.softmax(x, -1),
    ),
    "log_softmax": (
        lambda x, _: autograd_notes.log_softmax(x),
        lambda x, _: F.log_softmax(x, -1),
    ),
    "logsumexp": (
        lambda x, _: autograd_notes.logsumexp(x),
        lambda x, _: torch.logsumexp(x, -1),
    ),
    "cross_entropy": (autograd_notes.cross_entropy, F.cross_entropy),
    "chunked_cross_entropy": (autograd_notes.chunked_cross_entropy, F.cross_entropy),
}


class Result(NamedTuple):
    """The largest errors of a case in ulp, and how many elements are nearer to the exact ones."""

    ours: float
    theirs: float
    nearer: int
    equal: int
    farther: int


def logits(dtype: torch.dtype) -> Iterator[tuple[str, Tensor]]:
    """Yield the name of each case and its logits, of shape (N, C)."""
    generator = torch.Generator().manual_seed(0)

    def randn(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    for scale in (1, 10, 100, 1e3, 1e4):
        for classes in (2, 10, 100):
            yield f"normal, times {scale:g}, C = {classes}", (scale * randn(8, classes)).to(dtype)
    yield "normal, plus 1000", (1000 + randn(8, 10)).to(dtype)
    yield "normal, minus 1000", (randn(8, 10) - 1000).to(dtype)
    for lead in (5, 10, 20, 40, 100, 1000):
        x = randn(8, 10)
        x[:, 3] = x.amax(1) + lead
        yield f"one logit leads by {lead}", x.to(dtype)
        yield f"one logit, 0, leads by {lead}", (x - x[:, 3:4]).to(dtype)
    for value in (0, -1.5, 1000):
        yield f"all equal, {value:g}", torch.full((4, 7), value, dtype=dtype)
    yield "C = 1", randn(4, 1).to(dtype)
    yield "N = 0", randn(0, 3).to(dtype)
    # Few distinct logits, because mpmath is slow: it takes the exponential of each once.
    yield "C = 50,000", (randn(2, 50_000) * 4).round().div(4).to(dtype)
    yield "C = 50,000, rising", torch.linspace(-8, 8, 50_000).mul(8).round().div(8).to(dtype)[None]
    yield "C = 70,000, all 0", torch.zeros(1, 70_000, dtype=dtype)
    for name, row in {
        "a logit of -inf": [0.5, -INF, 2.0],
        "all but one -inf": [-INF, 3.0, -INF],
        "all -inf": [-INF, -INF, -INF],
        "a logit of inf": [0.5, INF, 2.0],
        "inf and -inf": [-INF, INF, 2.0],
        "nan": [0.5, NAN, 2.0],
        "nan and inf": [INF, NAN, -INF],
    }.items():
        yield name, torch.tensor([row] * 3, dtype=dtype)


def exact(x: list[float]) -> dict[str, list[mpf]]:
    """Return the results of mpmath for one row of logits."""
    top = max(x)
    if any(map(math.isnan, x)) or math.isinf(top):
        total = NAN if any(map(math.isnan, x)) else top
        nothing = [mpf(NAN)] * len(x)
        return {"softmax": nothing, "log_softmax": nothing, "logsumexp": [mpf(total)]}
    powers = {value: mp.exp(mpf(value) - top) for value in set(x)}
    counts = Counter(x)
    counts[top] -= 1
    # Without the 1 of the largest logit, the sum keeps its digits however small it is.
    rest = mp.fsum(powers[value] * count for value, count in counts.items())
    log = mp.log1p(rest)
    log_p = {value: (mpf(value) - top) - log for value in powers}
    p = {value: power / (1 + rest) for value, power in powers.items()}
    return {
        "softmax": [p[value] for value in x],
        "log_softmax": [log_p[value] for value in x],
        "logsumexp": [top + log],
    }


def truth(x: Tensor, target: Tensor) -> dict[str, list[mpf]]:
    """Return the exact results of each function, in one list."""
    rows = [exact(row) for row in x.tolist()]
    true = {
        name: [t for row in rows for t in row[name]]
        for name in ("softmax", "log_softmax", "logsumexp")
    }
    picked = [row["log_softmax"][c] for row, c in zip(rows, target.tolist(), strict=True)]
    return true | {"cross_entropy": [-mp.fsum(picked) / len(picked) if picked else mpf(NAN)]}


def compare(ours: list[float], theirs: list[float], true: list[mpf], dtype: torch.dtype) -> Result:
    """Compare the errors of each element."""
    largest, nearer = [0.0, 0.0], Counter()
    numbers = {id(t): t for t in true}  # few objects, and the hash of an mpf is slow
    for (a, b, t), count in Counter(zip(ours, theirs, map(id, true), strict=True)).items():
        errors = error(a, numbers[t], dtype), error(b, numbers[t], dtype)
        largest = [max(pair) for pair in zip(largest, errors, strict=True)]
        nearer[(errors[0] > errors[1]) - (errors[0] < errors[1])] += count
    return Result(*largest, nearer[-1], nearer[0], nearer[1])


@functools.cache
def results(dtype: torch.dtype) -> dict[tuple[str, str], Result]:
    """Return the errors of each function on each case, by the names of both."""
    found, generator = {}, torch.Generator().manual_seed(0)
    for case, x in logits(dtype):
        target = torch.randint(x.shape[1], x.shape[:1], generator=generator)
        true = truth(x, target)
        for name, (ours, theirs) in FUNCTIONS.items():
            values = (f(x, target).flatten().tolist() for f in (ours, theirs))
            found[name, case] = compare(*values, true[name.removeprefix("chunked_")], dtype)
    return found


def table() -> Iterator[str]:
    """Yield the lines of a table with one row for each function and dtype."""
    yield "| function | dtype | cases | ulp, ours | ulp, torch | nearer | equal | farther |"
    yield "| --- | --- | --: | --: | --: | --: | --: | --: |"
    for name in FUNCTIONS:
        for dtype in DTYPES:
            cases = [result for (of, _), result in results(dtype).items() if of == name]
            worst = [max(each) for each in zip(*cases, strict=True)][:2]
            sums = [sum(each) for each in zip(*cases, strict=True)][2:]
            numbers = [f"{len(cases)}", *(f"{w:.3g}" for w in worst), *(f"{n:,}" for n in sums)]
            yield f"| {' | '.join([name, str(dtype).removeprefix('torch.'), *numbers])} |"


def main() -> None:
    """Print the table, and write the result of each case to a file."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", type=Path, help="write each case's errors to this file")
    options = parser.parse_args()
    print(f"torch {torch.__version__}, on the CPU; mpmath {mpmath.__version__}\n")
    print(*table(), sep="\n")
    if options.json:
        cases = [
            {"function": name, "dtype": str(dtype), "case": case, **result._asdict()}
            for dtype in DTYPES
            for (name, case), result in results(dtype).items()
        ]
        options.json.write_text(json.dumps(cases))


if __name__ == "__main__":
    main()
