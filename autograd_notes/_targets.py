"""The class axis, the target, the weights and the reduction of the losses."""

import torch
from torch import Tensor

from autograd_notes._sharded import _is_sharded, _onehot


def _wide(x: Tensor) -> Tensor:
    return x.to(_wide_dtype(x.dtype))


def _wide_dtype(dtype: torch.dtype) -> torch.dtype:
    """Sums of 16-bit numbers are taken in 32 bits."""
    return torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype


def _class_dim(input: Tensor) -> int:
    return 1 if input.dim() > 1 else 0


def _pick(input: Tensor, index: Tensor) -> Tensor:
    """Return what `input` holds for the class of each sample."""
    dim = _class_dim(input)
    index = index.unsqueeze(dim)
    if _is_sharded(input):
        picked = input.masked_fill(~_onehot(input, dim, index), 0.0).sum(dim)
    else:
        picked = input.gather(dim, index).squeeze(dim)
    return _wide(picked)


def _without(ignored: Tensor | None, values: Tensor, filler: float = 0.0) -> Tensor:
    return values if ignored is None else values.masked_fill(ignored, filler)


def _weigh(
    losses: Tensor, index: Tensor, ignored: Tensor | None, weight: Tensor | None
) -> tuple[Tensor, Tensor | None]:
    """Return the weighted losses, and their weights; none where all are one."""
    if weight is None and ignored is None:
        return losses, None
    weights = torch.ones_like(losses) if weight is None else _wide(weight)[index]
    weights = _without(ignored, weights)
    return _without(ignored, losses) * weights, weights


def _reduce(losses: Tensor, weights: Tensor | None, reduction: str) -> Tensor:
    if reduction == "none":
        return losses + 0.0  # a loss of nothing is zero, not minus zero
    if reduction == "sum":
        return losses.sum()
    return losses.mean() if weights is None else losses.sum() / weights.sum()
