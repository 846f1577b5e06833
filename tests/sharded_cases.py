"""Losses and functions of shards on four ranks, compared with those of one process."""

# ruff: noqa: ARG005  # the cases are called alike

import functools
import sys
from pathlib import Path

import torch
from torch.distributed.tensor import (
    Replicate,
    Shard,
    distribute_tensor,
    init_device_mesh,
)

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))
from sharded import Sent, whole

import autograd_notes as notes

CASES = {
    "softmax": lambda x, t, w, q: notes.softmax(x, 1).square().sum(),
    "log_softmax": lambda x, t, w, q: notes.log_softmax(x, 1).exp().square().sum(),
    "logsumexp": lambda x, t, w, q: notes.logsumexp(x, 1).exp().sum(),
    "nl": lambda x, t, w, q: notes.nl(notes.softmax(x, 1), t),
    "nll, weight": lambda x, t, w, q: notes.nll(x, t, weight=w),
    "nll, weight, none, exp": lambda x, t, w, q: (
        notes.nll(x, t, weight=w, reduction="none").exp().mean()
    ),
    "perplexity": lambda x, t, w, q: notes.cross_entropy(x, t, reduction="none").exp().mean(),
    "smoothed": lambda x, t, w, q: (
        notes.cross_entropy(x, t, weight=w, label_smoothing=0.25, reduction="none").exp().mean()
    ),
    "probabilities": lambda x, t, w, q: notes.cross_entropy(x, q, weight=w),
    "probabilities, none, exp": lambda x, t, w, q: (
        notes.cross_entropy(x, q, reduction="none").exp().sum()
    ),
    "mean": lambda x, t, w, q: notes.cross_entropy(x, t),
}


# The shape of the mesh, the placements of the logits, their rows and classes.
MESHES = {
    "2 x 2": ((2, 2), [Shard(0), Shard(1)], 16, 80),
    "2 x 2, uneven": ((2, 2), [Shard(1), Shard(0)], 5, 7),
    "2 x 2, one row": ((2, 2), [Shard(0), Shard(1)], 1, 3),
    "classes twice": ((2, 2), [Shard(1), Shard(1)], 3, 5),
    "no class": ((4,), [Shard(1)], 4, 5),
    "no row": ((4,), [Shard(0)], 5, 3),
}
LINEAR_MESHES = "2 x 2", "2 x 2, uneven", "no class"


def tensors(rows, classes):
    """Return logits, target, class weights and probabilities."""
    draw = functools.partial(torch.rand, dtype=torch.float64, generator=random())
    x, w, q = draw(rows, classes).logit(), draw(classes) + 0.5, draw(rows, classes).softmax(1)
    t = (draw(rows) * classes).long()
    t[rows // 2] = -100
    x[0, 1] = -torch.inf
    t[0] = 0
    q[0, 1] = 0.0
    return x, t, w, q


def random():
    """Return a generator: threads would share the one of torch."""
    return torch.Generator().manual_seed(0)


def difference(found, expected):
    """Return the greatest difference, where infinities are equal to themselves."""
    pairs = zip(found, expected, strict=True)
    return max(float((whole(f) - e).masked_fill(whole(f) == e, 0.0).abs().max()) for f, e in pairs)


def compared(function, mesh, places, rows, classes):
    """Return the error, the placements of the gradient, and how many numbers were sent."""
    one = tensors(rows, classes)
    batch = [p if p == Shard(0) else Replicate() for p in places]
    alone = [places, batch, [Replicate()] * mesh.ndim, places]
    many = [distribute_tensor(x, mesh, p) for x, p in zip(one, alone, strict=True)]
    found = []
    with Sent() as sent:
        for x, *rest in (one, many):
            leaf = x.detach().requires_grad_()
            y = function(leaf, *rest)
            y.backward()
            found.append((y.detach(), leaf.grad))
    error = difference(found[1], found[0])
    return error, str(found[1][1].placements), sent.total // 8


LINEAR = {
    "linear": {},
    "linear, weight, smoothed": {"weight": True, "label_smoothing": 0.25, "reduction": "sum"},
    "linear, none": {"weight": True, "reduction": "none"},
    "linear, probabilities": {"probabilities": True, "weight": True},
    "linear, all at once": {"chunk_size": 100},
}


def linear(options, mesh, places, rows, classes):
    """Return error and gradients' placements of the linear loss, and the numbers that were sent."""
    options = dict(options)
    _, t, w, q = tensors(rows, classes)
    draw = functools.partial(torch.randn, dtype=torch.float64, generator=random())
    one = [draw(rows, 4), draw(classes, 4), draw(classes)]
    target, weighted = q if options.pop("probabilities", False) else t, options.pop("weight", False)
    batch = [p if p == Shard(0) else Replicate() for p in places]
    split = [Shard(0) if p == Shard(1) else Replicate() for p in places]
    where = [batch, split, split, places if target is q else batch, [Replicate()] * mesh.ndim]
    given = [distribute_tensor(x, mesh, p) for x, p in zip([*one, target, w], where, strict=True)]
    found = []
    for how in (one_process, notes.linear_cross_entropy):
        *leaves, target, w = [*one, target, w] if how is one_process else given
        h, a, b = (x.detach().requires_grad_() for x in leaves)
        with Sent() as sent:
            kept = {"chunk_size": 2, "weight": w if weighted else None, **options}
            y = how(h, a, target, linear_bias=b, **kept)
            found.append((y.detach(), *torch.autograd.grad((y * y).sum(), (h, a, b))))
    placed = [str(x.placements) for x in found[1][1:]]
    return difference(found[1], found[0]), placed, sent.total // 8


def one_process(h, a, target, *, linear_bias, chunk_size, **options):
    """Compute the loss of all logits."""
    del chunk_size
    return torch.nn.functional.cross_entropy(h @ a.t() + linear_bias, target, **options)


def meshes():
    """Return the device meshes by their shapes."""
    return {shape: init_device_mesh("cpu", shape) for shape in ((2, 2), (4,))}


def on_meshes(name, devices):
    """Yield the rows of a case: name, mesh, error, gradient's placements, how many numbers sent."""
    kinds = MESHES if name in CASES else LINEAR_MESHES
    for kind in kinds:
        shape, *where = MESHES[kind]
        if name in CASES:
            found = compared(CASES[name], devices[shape], *where)
        else:
            found = linear(LINEAR[name], devices[shape], *where)
        yield [name, kind, *found]


# The rows that a process has at most.
ROWS = {"2 x 2": 8, "2 x 2, uneven": 3, "classes twice": 6, "no class": 4, "no row": 0}


def check(name, mesh, error, gradient, sent):
    """Check a row: the gradient is sharded as the logits are, and no mesh moves them."""
    assert error < 1e-9, (name, mesh)
    if name in CASES and mesh in ROWS:
        assert gradient == str(tuple(MESHES[mesh][1])), (name, mesh)
        # At most 6 numbers a row, once for each dimension of the mesh over the classes, and sums.
        assert sent <= 6 * ROWS[mesh] + 3, (name, mesh)
    if name in LINEAR:
        # 7 numbers a row, twice; the gradients of 4 hidden units, of 4 weights and of the bias.
        rows, classes = {"2 x 2": (8, 40), "2 x 2, uneven": (3, 4), "no class": (4, 0)}[mesh]
        assert sent <= rows * (2 * 7 + 4) + classes * 5 + 4, (name, mesh)
        hidden, matrix = {
            "2 x 2": ("(Shard(dim=0), Replicate())", "(Replicate(), Shard(dim=0))"),
            "2 x 2, uneven": ("(Replicate(), Shard(dim=0))", "(Shard(dim=0), Replicate())"),
            "no class": ("(Replicate(),)", "(Shard(dim=0),)"),
        }[mesh]
        assert gradient == [hidden, matrix, matrix], (name, mesh)
