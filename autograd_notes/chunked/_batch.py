"""The options, the target and the weights of a loss, shared by all its chunks."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from autograd_notes._targets import SUM_DTYPE, reduced_loss


class Options(NamedTuple):
    """The options of the loss that are not tensors."""

    ignore_index: int
    reduction: str
    label_smoothing: float

    def keywords(self) -> dict[str, Any]:
        """Return the keyword arguments of cross_entropy. torch 2.6 can't compile _asdict."""
        return {"ignore_index": self[0], "reduction": self[1], "label_smoothing": self[2]}


class Batch(NamedTuple):
    """The target and the weights, shared by all chunks; sums are taken in their dtype."""

    target: Tensor  # class probabilities, or classes, 0 for ignored samples
    weight: Tensor | None  # of each class
    sample_weight: Tensor  # 0 for ignored samples
    ignored: Tensor
    dtype: torch.dtype  # of the loss
    options: Options


def wide_dtype(dtype: torch.dtype) -> torch.dtype:
    """Return the dtype of sums: float32 for 16-bit numbers."""
    return SUM_DTYPE.get(dtype, dtype)


def prepared_batch(
    shape: tuple[int, ...], input: Tensor, target: Tensor, weight: Tensor | None, options: Options
) -> Batch:
    """Return the batch of logits of this shape and the dtype of `input`."""
    dim = min(len(shape) - 1, 1)
    weight = None if weight is None else weight.to(wide_dtype(input.dtype))
    if target.is_floating_point():
        dtype = torch.promote_types(input.dtype, target.dtype)
        samples = (*shape[:dim], *shape[dim + 1 :])
        ones = target.new_ones(samples, dtype=wide_dtype(dtype))
        return Batch(target, weight, ones, ones == 0, dtype, options)
    target = target.long()
    ignored = target == options.ignore_index
    target = target.masked_fill(ignored, 0)
    if weight is None:
        weights = torch.ones_like(target, dtype=wide_dtype(input.dtype))
    else:
        weights = weight[target]
    sample_weight = weights.masked_fill(ignored, 0.0)
    return Batch(target, weight, sample_weight, ignored, input.dtype, options)


def gradient_scale(batch: Batch, v: Tensor) -> Tensor:
    """Return the factor of the gradient of each sample, for the cotangent `v` of the loss."""
    v = v.to(batch.sample_weight.dtype)
    v = v / batch.sample_weight.sum() if batch.options.reduction == "mean" else v
    return v.expand_as(batch.sample_weight).masked_fill(batch.ignored, 0.0)


def early_cotangent(batch: Batch, input: Tensor, *, inplace: bool) -> Tensor | None:
    """Return the cotangent of a gradient made in the forward, or None if it must wait for its own.

    A 16-bit gradient takes no other factor afterwards than a power of two: it would round again. So
    it is made ahead only where the factor can be read, and the logits are kept. In float16, small
    probabilities underflow: a power of two keeps those above 2^-39, with p - onehot up to 2^15.
    """
    if input.dtype not in SUM_DTYPE:
        return input.new_ones(())
    if inplace or not input.is_cpu or batch.options.reduction == "none":
        return None
    one = torch.ones((), dtype=torch.float32)
    if input.dtype == torch.bfloat16:  # with the range of float32
        return one
    if batch.target.is_floating_point() or batch.options.label_smoothing:
        return None
    largest = (gradient_scale(batch, one) * batch.sample_weight).amax()
    return torch.ldexp(one, 15 - torch.frexp(largest).exponent)


def total_loss(batch: Batch, losses: Tensor) -> Tensor:
    """Return the loss of the batch from the weighted losses of its samples."""
    kept = losses.masked_fill(batch.ignored, 0.0)
    return reduced_loss(kept, batch.sample_weight, batch.options.reduction, batch.dtype)
