"""The implementations of cross entropy that `speed.py` compares, and their inputs."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

import autograd_notes as notes

Shape = tuple[int, ...]
Loss = Callable[..., Tensor]
FORWARD = "forward"
IN_PLACE = "chunked, in place"


class Case(NamedTuple):
    """One table: the contenders, the first of them the baseline, and their inputs and settings.

    A shape is that of the logits; for the losses of a linear layer it is samples, hidden size and
    classes. `series` names the table of the page, `kind` the passes.
    """

    series: str
    shape: Shape
    names: list[str]
    kind: str = "forward + backward"
    dtype: str = "float32"
    smoothing: float = 0.0
    probabilities: bool = False
    threads: int = 0  # 0: as many as torch chooses
    busy: int = 0  # Python loops that run beside the measurement

    @property
    def linear(self) -> bool:
        """Whether the inputs are hidden states and a matrix."""
        return len(self.shape) == 3

    def options(self) -> dict[str, Any]:
        """Return the options of the losses."""
        return {"label_smoothing": self.smoothing} if self.smoothing else {}


def notebook(x: Tensor, target: Tensor) -> Tensor:
    """Compute the loss by the definitions of the first page, which overflow."""
    p = x.exp() / x.exp().sum(-1, keepdim=True)
    return -p[range(len(target)), target].log().mean()


def shortest(x: Tensor, target: Tensor) -> Tensor:
    """Compute the loss in the fewest operations, written out."""
    return (x.logsumexp(1) - x.gather(1, target.unsqueeze(1)).squeeze(1)).mean()


def copy(x: Tensor, _target: Tensor, **_options: Any) -> Tensor:
    """Copy the logits: a lower bound for every gradient."""
    return x.detach().clone()


def softmax(x: Tensor, _target: Tensor, **_options: Any) -> Tensor:
    """Compute softmax by chunks and discard it: a lower bound for a loss by chunks."""
    x = x.detach()
    rows = max(1, notes.chunked._LOGITS // x[0].numel())  # noqa: SLF001
    kept = torch.empty_like(x[:rows])
    for chunk in x.split(rows):
        torch.softmax(chunk, 1, out=kept[: len(chunk)])
    return kept


def linear(loss: Loss) -> Loss:
    """Return the loss of hidden states that computes all logits first."""
    return lambda hidden, matrix, target: loss(F.linear(hidden, matrix), target)


def torch_chunked(rows: int | None) -> Loss:
    """Return PyTorch's loss by chunks, of its default size or of `rows` rows."""
    chosen = {} if rows is None else {"batch_chunk_size": rows, "chunking_method": None}
    options = torch.nn.LinearCrossEntropyOptions(**chosen)
    return lambda hidden, matrix, target: F.linear_cross_entropy(
        hidden, matrix, target, options=options
    )


def compiled(loss: Loss) -> Loss:
    """Return the loss, compiled at its first call: loading the compiler takes memory."""
    once = cache(partial(torch.compile, loss, dynamic=False))

    def compiled_loss(*args: Tensor, **options: Any) -> Tensor:
        return once()(*args, **options)

    return compiled_loss


in_place = partial(notes.chunked_cross_entropy, inplace=True)
LOSSES: dict[str, Loss] = {
    "F.cross_entropy": F.cross_entropy,
    "F.log_softmax, nll_loss": lambda x, t: F.nll_loss(F.log_softmax(x, 1), t),
    "the notebook's": notebook,
    "the shortest": shortest,
    "cross_entropy": notes.cross_entropy,
    "chunked": notes.chunked_cross_entropy,
    IN_PLACE: in_place,
    "compiled F.cross_entropy": compiled(F.cross_entropy),
    "compiled cross_entropy": compiled(notes.cross_entropy),
    "softmax alone, by chunks": softmax,
    "a copy of the logits": copy,
}
LINEAR: dict[str, Loss] = {
    "linear, F.cross_entropy": linear(F.cross_entropy),
    "linear, chunked in place": linear(in_place),
    "linear_cross_entropy": notes.linear_cross_entropy,
    "F.linear_cross_entropy": F.linear_cross_entropy,
    "F, its chunks": torch_chunked(None),
}


def contender(case: Case, name: str) -> Loss:
    """Return an implementation by its name, with the options of the case."""
    if name.endswith(" rows"):
        return partial(notes.chunked_cross_entropy, chunk_size=int(name.split()[-2]))
    if name == "F, our chunks":
        return torch_chunked(max(1, notes.chunked._LINEAR_LOGITS // case.shape[2]))  # noqa: SLF001
    loss = (LINEAR if case.linear else LOSSES)[name]
    return partial(loss, **case.options()) if case.options() else loss


def names(shape: Shape) -> list[str]:
    """Return the names of all contenders for a shape."""
    return [*LINEAR, "F, our chunks"] if len(shape) == 3 else [*LOSSES]


def inputs(case: Case, device: str) -> tuple[list[Tensor], Tensor]:
    """Return the tensors that get a gradient, and the target."""
    torch.manual_seed(0)
    dtype, shape = getattr(torch, case.dtype), case.shape
    logits = torch.randn(shape[:2] if case.linear else shape, device=device).to(dtype)
    leaves = [logits]
    if case.linear:
        leaves.append((torch.randn(shape[2], shape[1], device=device) / shape[1] ** 0.5).to(dtype))
    classes = shape[-1] if case.linear else shape[1]
    sample = (shape[0],) if case.linear else (shape[0], *shape[2:])
    target = torch.randint(classes, sample, device=device)
    if case.probabilities:
        target = torch.randn_like(logits).softmax(1)
    return [x.requires_grad_() for x in leaves], target


def given(name: str, leaves: list[Tensor]) -> list[Tensor]:
    """Return the inputs of a contender: in-place code gets a copy, as a leaf can't be changed."""
    return [leaves[0].clone()] if name == IN_PLACE else leaves
