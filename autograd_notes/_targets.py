"""The class axis, the range of the classes, the weights, and the reduction of a loss."""

import torch
from torch import Tensor

from autograd_notes._modes import autocasts

# 16-bit numbers are summed in 32 bits: SUM_DTYPE.get(dtype, dtype).
SUM_DTYPE = {torch.float16: torch.float32, torch.bfloat16: torch.float32}


def class_dim(input: Tensor) -> int:
    """Return the dimension of the classes: 1 with a batch, 0 without."""
    return 1 if input.dim() > 1 else 0


def class_range(target: Tensor) -> tuple[int, int] | None:
    """Return the smallest and the largest class, or None if reading them is not possible."""
    # Reading a value waits for an accelerator, and breaks the graph of a compiled function.
    # Not mutated: mutants are never compiled, so no test would notice.
    if not target.is_cpu or torch.compiler.is_compiling():  # pragma: no mutate
        return None
    if torch._C._is_tracing():  # noqa: SLF001  # a trace must hold for other targets
        return None
    try:
        low, high = target.aminmax()
        return int(low), int(high)
    except RuntimeError:  # an empty batch, a FakeTensor, or torch.func.vmap
        return None


def masked(values: Tensor, ignored: Tensor | None, fill: float = 0.0) -> Tensor:
    """Return `values`, with `fill` for the ignored samples."""
    return values if ignored is None else values.masked_fill(ignored, fill)


def weighted_losses(
    losses: Tensor, index: Tensor, ignored: Tensor | None, weight: Tensor | None
) -> tuple[Tensor, Tensor | None]:
    """Return the weighted losses and the weight of each sample; None if all weights are 1."""
    if weight is None and ignored is None:
        return losses, None
    weights = torch.ones_like(losses) if weight is None else weight.to(losses.dtype)[index]
    weights = masked(weights, ignored)
    return weighted(masked(losses, ignored), weights), weights


def weighted(losses: Tensor, weights: Tensor) -> Tensor:
    """Return the product, where 0 times infinity is 0."""
    return losses.masked_fill((weights == 0) & losses.isinf(), 0.0) * weights


def reduced_loss(
    losses: Tensor, weights: Tensor | None, reduction: str, dtype: torch.dtype
) -> Tensor:
    """Return the weighted mean of weighted losses, their sum, or the losses themselves.

    They are converted to `dtype`, but not under autocast, where torch keeps losses in 32 bits.
    """
    if reduction == "none":
        loss = losses + 0.0  # -0.0 + 0.0 is 0.0
    elif reduction == "sum":
        loss = losses.sum()
    else:
        loss = losses.mean() if weights is None else losses.sum() / weights.sum()
    return loss if loss.dtype == dtype or autocasts(loss) else loss.to(dtype)
