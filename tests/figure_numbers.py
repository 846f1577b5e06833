"""The numbers and texts that the figures must show, computed by the package and autograd."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812  # the usual name

from autograd_notes import backward_graph, cross_entropy

WALK = ("y", "a", "xt", "x")  # the functions by their tensors, in the order of the walk


class Walk(NamedTuple):
    """A walk of `backward` over the graph of the quadratic form.

    `taken` has the gradient that each function got, in the order of the calls; `saved` and `freed`
    have the saved tensors of each function before the walk, and the freed ones before each call.
    """

    gradients: dict[str, list[float]]
    taken: dict[str, list[float]]
    saved: dict[str, list[str]]
    freed: list[set[str]]


def walk(v: float) -> Walk:
    """Walk once, with hooks that record the calls."""
    x = torch.tensor([[1.0], [5.0]], dtype=torch.float64, requires_grad=True)
    w = torch.tensor([[0.0, 1.0], [1.0, 0.0]], dtype=torch.float64)
    xt = x.t()
    a = xt @ w
    y = a @ x
    cotangent = torch.tensor([[v]], dtype=torch.float64)
    functions: dict[str, Any] = {"y": y.grad_fn, "a": a.grad_fn, "xt": xt.grad_fn}
    functions["x"] = xt.grad_fn.next_functions[0][0]

    da, dx = y.grad_fn(cotangent)
    dxt, _ = a.grad_fn(da)
    gradients = {"da": da, "dx": dx, "dxt": dxt, "dx_too": xt.grad_fn(dxt)}

    names = {"x": x, "w": w, "xt": xt, "a": a, "y": y}

    def nodes() -> list[tuple[str, dict[str, Any]]]:
        """Return the saved tensors, each with the tensor of its function."""
        graph = backward_graph(y, names)
        found = graph.nodes(data=True)
        return [(found[n[0]]["tensor"], data) for n, data in found if data["kind"] == "saved"]

    saved: dict[str, list[str]] = {name: [] for name in WALK}
    for name, data in nodes():
        saved[name].append(data["tensor"])
    taken, freed = {}, []

    def record(name: str, gradient: torch.Tensor) -> None:
        assert name not in taken
        taken[name] = gradient.flatten().tolist()
        freed.append({name for name, data in nodes() if data["state"] == "freed"})

    for name, function in functions.items():
        function.register_prehook(lambda given, name=name: record(name, *given))
    y.backward(cotangent)
    gradients["total"] = x.grad
    return Walk({k: g.flatten().tolist() for k, g in gradients.items()}, taken, saved, freed)


def short(value: float) -> str:
    """Return a number with one decimal place, or with none if that is zero."""
    return f"{value + 0.0:.1f}".removesuffix(".0")


def row(values: list[float]) -> str:
    """Return a row of numbers."""
    return f"[{', '.join(map(short, values))}]"


def walk_texts(step: int, v: float, *, alone: bool = False) -> list[str]:
    """Return the texts of the figure `walk` at a step; `alone` is without the formulas."""
    done = walk(v)
    assert tuple(done.taken) == WALK
    assert done.taken["x"] == done.gradients["total"]
    freed = [*done.freed[1:], done.freed[-1]]  # after each call; the last function saved nothing
    freed = freed[step - 1] if step else set()
    arrived = {"dx": 1, "dx_too": 3}  # the step in which each gradient is there
    texts = [f"v = {row([v])}", f"step {step}"]
    for name in WALK[:-1]:
        state = "nothing saved"
        if done.saved[name]:
            tensors = " and ".join(done.saved[name])
            state = f"{tensors} freed" if name in freed else f"saved {tensors}"
        texts += [f"{'TBackward0' if name == 'xt' else 'MmBackward0'} of {name}", state]
    count = sum(at <= step for at in arrived.values())
    total = f"x.grad = {row(done.gradients['total'])}ᵀ"
    texts += ["AccumulateGrad of x", total if step == 4 else f"{count} of 2 gradients"]
    for name, at in {"da": 1, "dxt": 2}.items():
        texts += [f"{name} = {row(done.gradients[name])}"] * (step >= at)
    for name, at in {"dx_too": 3, "dx": 1}.items():
        texts += [f"{name} =", *map(short, done.gradients[name])] * (step >= at)
    rules = {
        1: ["da = v xᵀ", "dx = aᵀ v"],
        2: ["dxt = da wᵀ"],
        3: ["dx_too = dxtᵀ"],
        4: ["x.grad =", "dx + dx_too"],
    }
    for at, lines in rules.items():
        texts += lines * (step >= at and not alone)
    return texts


def one_error(dtype: str, road: str, power: float) -> float:
    """Return the largest error of a loss for logits of size 10 ** power, as the page measures it."""
    source = torch.Generator().manual_seed(0)
    x = torch.randn(1000, 10, dtype=torch.float64, generator=source)
    target = torch.randint(10, (1000,), generator=source)
    logits = (x * 10**power).to(getattr(torch, dtype))
    exponentials, each = logits.exp(), (range(1000), target)
    if road == "softmax, nl":
        loss = -(exponentials / exponentials.sum(1, keepdim=True))[each].log()
    elif road == "log_softmax, nll":
        loss = -(logits - exponentials.sum(1, keepdim=True).log())[each]
    else:
        function = cross_entropy if "package" in road else F.cross_entropy
        loss = function(logits, target, reduction="none")
    truth = F.cross_entropy(logits.double(), target, reduction="none")
    return ((loss - truth).abs() / truth.clamp(min=1)).max().item()


def error_text(value: float) -> str:
    """Return an error with two digits, as JavaScript writes it."""
    digits, _, power = f"{value:.1e}".partition("e")
    return f"{digits}e{int(power)}" if power else digits


def memory(tokens: int, vocabulary: int, hidden: int, dtype: str) -> dict[str, int]:
    """Return the bytes of the logits, and the peak of each loss beyond them."""
    size = getattr(torch, dtype).itemsize
    table = tokens * vocabulary * size
    chunk = 4 * vocabulary * min(tokens, 2**23 // vocabulary)
    rows = min(tokens, 2**22 // vocabulary)
    linear = 4 * rows * (vocabulary + hidden)
    wide = hidden * (6 * vocabulary + 4 * rows + 2 * tokens)
    return {
        "table": table,
        "torch": 3 * table,
        "plain": 3 * table if size == 4 else 8 * table,
        "chunks": table + chunk,
        "inplace": chunk,
        "linear": linear if size == 4 else linear + wide,
    }


def bytes_text(count: int) -> str:
    """Return a number of bytes in MiB or GiB."""
    unit, power, digits = ("MiB", 20, 1) if count < 2**30 else ("GiB", 30, 2)
    step = Decimal(1).scaleb(-digits)
    rounded = (Decimal(count) / 2**power).quantize(step, ROUND_HALF_UP)  # as JavaScript rounds
    return f"{rounded:,} {unit}"
