"""Shard logits over the batch or over the classes, and count the bytes that the processes exchange.

    torchrun --nproc-per-node 2 benchmarks/sharded.py

Each function computes its value and its gradient, here the package's, there PyTorch's. Both are
compared with the results of one process on the full logits; if they differ, the largest difference
is shown. `sent` is the number of bytes that one process passes to collectives.
"""

import argparse
import functools
import logging
import re
from collections.abc import Callable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torch.distributed.tensor import (
    DTensor,
    Replicate,
    Shard,
    distribute_tensor,
    init_device_mesh,
)
from torch.distributed.tensor.parallel import loss_parallel
from torch.utils._python_dispatch import TorchDispatchMode

import autograd_notes

SENDS = re.compile("all_reduce|all_gather|reduce_scatter|all_to_all|broadcast")


class Case(NamedTuple):
    """A function of logits, with its other arguments by name."""

    name: str
    ours: Callable[..., Tensor]
    theirs: Callable[..., Tensor]
    arguments: list[str]
    options: dict[str, Any]


CASES = [
    Case("softmax", autograd_notes.softmax, F.softmax, [], {"dim": 1}),
    Case("log_softmax", autograd_notes.log_softmax, F.log_softmax, [], {"dim": -1}),
    Case("logsumexp", autograd_notes.logsumexp, torch.logsumexp, [], {"dim": 1}),
    Case("nll", autograd_notes.nll, F.nll_loss, ["target"], {}),
    Case("cross_entropy", autograd_notes.cross_entropy, F.cross_entropy, ["target"], {}),
    Case(
        "smoothed",
        autograd_notes.cross_entropy,
        F.cross_entropy,
        ["target", "weight"],
        {"label_smoothing": 0.1},
    ),
    Case("probabilities", autograd_notes.cross_entropy, F.cross_entropy, ["probabilities"], {}),
]


class Sent(TorchDispatchMode):
    """Count the bytes that this process hands to collectives, and those of its largest tensor."""

    total = 0
    largest = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Add the size of the input of a collective; others, such as waiting, send nothing."""
        if DTensor in types:
            return NotImplemented  # count its operations on this process's part
        if func.namespace == "_c10d_functional" and SENDS.search(func.name()):
            self.total += args[0].nbytes
        found = func(*args, **(kwargs or {}))
        if type(found) is Tensor and not found.is_meta:  # no DTensor, nothing without memory
            self.largest = max(self.largest, found.untyped_storage().nbytes())
        return found


def value_and_gradient(function: Callable[[Tensor], Tensor], logits: Tensor) -> tuple[Tensor, ...]:
    """Return both; the cotangent of the gradient has distinct elements."""
    logits = logits.detach().requires_grad_()
    y = function(logits)
    (y if y.dim() == 0 else y * y).sum().backward()
    return y.detach(), logits.grad


def whole(x: Tensor) -> Tensor:
    """Return the full tensor of a DTensor."""
    return x.full_tensor() if isinstance(x, DTensor) else x


def inputs(rows: int, classes: int) -> dict[str, Tensor]:
    """Return logits, targets of which one is ignored, weights and probabilities."""
    torch.manual_seed(0)
    target = torch.randint(classes, (rows,))
    target[rows // 2] = -100
    return {
        "logits": torch.randn(rows, classes, dtype=torch.float64),
        "target": target,
        "weight": torch.rand(classes, dtype=torch.float64),
        "probabilities": torch.rand(rows, classes, dtype=torch.float64).softmax(1),
    }


def placed(tensors: dict[str, Tensor], mesh: Any, place: Shard) -> dict[str, Tensor]:
    """Shard the logits at `place`, and each other tensor to match."""
    rows: Shard | Replicate = place if place.dim == 0 else Replicate()
    places = {"logits": place, "target": rows, "weight": Replicate(), "probabilities": place}
    return {name: distribute_tensor(x, mesh, [places[name]]) for name, x in tensors.items()}


def compare(
    function: Callable[..., Tensor], case: Case, tensors: dict[str, Tensor], mesh: Any, place: Shard
) -> tuple[str, str, int]:
    """Run a function on sharded logits; return the placement of its gradient, error, bytes sent."""

    def call(f: Callable[..., Tensor], given: dict[str, Tensor]) -> tuple[Tensor, ...]:
        options = {"weight": given["weight"]} if "weight" in case.arguments else {}
        rest = [given[name] for name in case.arguments if name != "weight"]
        return value_and_gradient(
            lambda logits: f(logits, *rest, **options, **case.options), given["logits"]
        )

    expected = call(case.theirs, tensors)
    given = placed(tensors, mesh, place)
    try:
        with Sent() as sent:
            found = call(function, given)
    except (NotImplementedError, RuntimeError) as error:
        return "-", type(error).__name__, 0
    error = max(float((whole(f) - e).abs().max()) for f, e in zip(found, expected, strict=True))
    return (
        str(found[1].placements[0]),
        "agrees" if error < 1e-9 else f"off {error:.1g}",
        sent.total,
    )


def rows(tensors: dict[str, Tensor], mesh: Any) -> Iterator[tuple[str, str, str, str, str, int]]:
    """Yield the sharded axis, the function, its library, and the results of `compare`."""
    for place, name in ((Shard(0), "batch"), (Shard(1), "classes")):
        for case in CASES:
            for whose, function in (("ours", case.ours), ("torch", case.theirs)):
                yield name, case.name, whose, *compare(function, case, tensors, mesh, place)
    with loss_parallel():
        case = next(case for case in CASES if case.name == "cross_entropy")
        yield (
            "classes",
            "loss_parallel",
            "torch",
            *compare(case.theirs, case, tensors, mesh, Shard(1)),
        )


def linear(rows: int, classes: int, mesh: Any, chunk_size: int) -> tuple[str, Sent]:
    """Run the linear loss on a matrix sharded over the classes; return its error, and its bytes."""
    target, hidden = inputs(rows, classes)["target"], 2
    tensors = [torch.randn(n, hidden, dtype=torch.float64) for n in (rows, classes)]
    one = [x.requires_grad_() for x in tensors]
    F.cross_entropy(F.linear(*one), target).backward()
    places = [Replicate()], [Shard(0)]
    many = [
        distribute_tensor(x.detach(), mesh, p).requires_grad_()
        for x, p in zip(one, places, strict=True)
    ]
    placed = distribute_tensor(target, mesh, [Replicate()])
    with Sent() as sent:
        autograd_notes.linear_cross_entropy(*many, placed, chunk_size=chunk_size).backward()
    pairs = zip(many, one, strict=True)
    error = max(float((whole(m.grad) - o.grad).abs().max()) for m, o in pairs)
    return "agrees" if error < 1e-9 else f"off {error:.1g}", sent


def main() -> None:
    """Print a table, on the first process."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--classes", type=int, default=4096)
    options = parser.parse_args()
    logging.disable(logging.WARNING)  # DTensor warns when torch gathers
    dist.init_process_group("gloo")
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    say = functools.partial(print, flush=True) if dist.get_rank() == 0 else lambda _: None
    tensors = inputs(options.rows, options.classes)
    size = tensors["logits"].nbytes // mesh.size()
    version = torch.__version__.partition("+")[0]
    say(f"torch {version}, {mesh.size()} processes,")
    say(f"each with {size:,} bytes of logits")
    # At most 42 characters a line: the site shows the table on a telephone too.
    heads = f"{'function':13} {'whose':5} {'grad':4} result {'sent':>10}"
    for axis, cases in groupby(rows(tensors, mesh), itemgetter(0)):
        say(f"\nsharded over the {axis}\n{heads}")
        for _, function, whose, gradient, result, sent in cases:
            end = f"{sent:>{16 - len(result)},}"  # one that is wrong has sent little
            say(f"{function:13} {whose:5} {gradient:4} {result} {end}")
    say("\nlinear_cross_entropy, over the classes")
    say(f"{'':17}{'result':8}{'sent':>6} {'largest':>10}")
    for chunk in (options.rows, max(1, options.rows // 4)):
        result, sent = linear(options.rows, options.classes, mesh, chunk)
        say(f"{chunk:3} rows a chunk {result:8}{sent.total:6,} {sent.largest:10,}")
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
