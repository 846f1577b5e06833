"""The loss and the gradient of one chunk of samples, and the loop over the chunks.

The classes are the last dimension here. A `d` before a name marks a gradient: `dlogits`.
"""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from autograd_notes._modes import no_autocast, read
from autograd_notes._targets import SUM_DTYPE, class_dim, reduced_loss, weighted
from autograd_notes.logits import log_softmax

# input, matrix, bias, target, weight
LinearTensors = tuple[Tensor, Tensor, Tensor | None, Tensor, Tensor | None]


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
    weight: Tensor  # of each class
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
    weight = input.new_ones(shape[dim]) if weight is None else weight
    weight = weight.to(wide_dtype(input.dtype))
    if target.is_floating_point():
        target, dtype = target.movedim(dim, -1), torch.promote_types(input.dtype, target.dtype)
        ones = target.new_ones(target.shape[:-1], dtype=wide_dtype(dtype))
        return Batch(target, weight, ones, ones == 0, dtype, options)
    target = target.long()
    ignored = target == options.ignore_index
    target = target.masked_fill(ignored, 0)
    sample_weight = weight[target].masked_fill(ignored, 0.0)
    return Batch(target, weight, sample_weight, ignored, input.dtype, options)


def gradient_scale(batch: Batch, v: Tensor) -> Tensor:
    """Return the factor of the gradient of each sample, for the cotangent `v` of the loss."""
    v = v.to(batch.sample_weight.dtype)
    v = v / batch.sample_weight.sum() if batch.options.reduction == "mean" else v
    return v.expand_as(batch.sample_weight).masked_fill(batch.ignored, 0.0)


def total_loss(batch: Batch, losses: Tensor) -> Tensor:
    """Return the loss of the batch from the weighted losses of its samples."""
    kept = losses.masked_fill(batch.ignored, 0.0)
    return reduced_loss(kept, batch.sample_weight, batch.options.reduction, batch.dtype)


def losses_by_chunks(
    batch: Batch, input: Tensor, rows: int, v: Tensor | None, dinput: Tensor | None
) -> Tensor:
    """Return the loss of each sample; with a cotangent `v`, write the gradient into `dinput`."""
    dim = class_dim(input)
    x, dx = input.movedim(dim, -1), None if dinput is None else dinput.movedim(dim, -1)
    scale = None if v is None else gradient_scale(batch, v)
    losses = torch.empty_like(batch.sample_weight)
    # One buffer for the probabilities of all chunks stays in the cache.
    buffer = x.new_empty(min(rows, losses.numel()) * x.shape[-1], dtype=wide_dtype(x.dtype))
    for at in chunk_indices(losses.shape, rows):
        logits, dlogits = x[at], None if dx is None else dx[at]
        p = buffer[: logits.numel()].view(logits.shape)
        losses[at] = chunk_losses(batch, at, logits, scale, p=p, dlogits=dlogits)
    return losses


def linear_loss(
    tensors: LinearTensors, ctx: Any, v: Tensor | None
) -> tuple[Tensor, list[Tensor | None] | None]:
    """Return the loss and, with a cotangent `v`, the gradients of input, matrix and bias."""
    input, matrix, bias, target, weight = tensors  # noqa: A001  # as in linear_cross_entropy
    batch = prepared_batch((len(input), *ctx.classes), input, target, weight, ctx.options)
    losses = torch.empty_like(batch.sample_weight)
    scale = None if v is None else gradient_scale(batch, v)
    # 16-bit products are slow on the CPU, and fast on accelerators.
    wide = wide_dtype(input.dtype)
    dtype = wide if input.device.type == "cpu" else input.dtype
    gradients = [
        None if x is None or scale is None or not need else torch.zeros_like(x, dtype=wide)
        for x, need in zip(tensors, ctx.needs_input_grad[:3], strict=False)
    ]
    dinput, dmatrix, dbias = gradients
    matrix, bias = matrix.to(dtype), None if bias is None else bias.to(dtype)
    # One buffer for all chunks: a new tensor would exist beside the last one.
    buffer = matrix.new_empty(min(ctx.rows, len(input)), len(matrix))
    with no_autocast(input):
        for start in range(0, len(input), ctx.rows):
            at = slice(start, start + ctx.rows)
            hidden = input[at].to(dtype)
            flat = torch.mm(hidden, matrix.t(), out=buffer[: len(hidden)])
            flat = flat if bias is None else flat.add_(bias)
            logits = flat.reshape(-1, *ctx.classes).movedim(1, -1)
            losses[at] = chunk_losses(batch, (at,), logits, scale, p=logits, dlogits=logits)
            dlogits = flat  # with a scale, the gradient has overwritten the logits
            if dinput is not None:
                dinput[at] = dlogits @ matrix
            if dmatrix is not None and dmatrix.dtype == dtype:
                dmatrix.addmm_(dlogits.t(), hidden)
            elif dmatrix is not None:
                dmatrix += dlogits.t() @ hidden
            if dbias is not None:
                dbias += dlogits.sum(0, dtype=dbias.dtype)
    return total_loss(batch, losses), gradients if v is not None else None


def chunk_indices(shape: tuple[int, ...], rows: int) -> Iterator[tuple[int | slice, ...]]:
    """Yield indices that cut a tensor of this shape into chunks of at most `rows` elements."""
    inner = math.prod(shape[1:])
    if not shape:
        yield ()
    elif inner <= rows:
        step = rows // inner
        yield from ((slice(start, start + step),) for start in range(0, shape[0], step))
    else:
        yield from ((i, *rest) for i in range(shape[0]) for rest in chunk_indices(shape[1:], rows))


def chunk_losses(
    batch: Batch,
    at: tuple[int | slice, ...],
    x: Tensor,
    scale: Tensor | None,
    *,
    p: Tensor,
    dlogits: Tensor | None,
) -> Tensor:
    """Return the losses of one chunk, with logits `x`; with a scale, write their gradient.

    `p` is a buffer for the probabilities. `x`, `p` and `dlogits` may be the same tensor.
    """
    target, smoothing = batch.target[at], batch.options.label_smoothing
    scale = None if scale is None else scale[at]
    if target.is_floating_point() or smoothing:
        losses, unscaled = soft_losses(x, weighted_target(target, x, batch.weight, smoothing))
    else:
        losses, unscaled, total = class_losses(x, target.unsqueeze(-1), p)
        losses = weighted(losses, batch.sample_weight[at])
        scale = None if scale is None else scale * batch.sample_weight[at] / total
    if scale is not None:
        torch.mul(unscaled, scale.unsqueeze(-1), out=dlogits)
    return losses


def class_losses(x: Tensor, target: Tensor, p: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return -log(p) of one class each, (p - onehot) * total, and total, the sum of p.

    The sum of the other probabilities keeps the digits that 1 - p would lose, and is more accurate
    than the sum by which the kernel divides. If p underflows, the loss is computed from the logits,
    before they are overwritten.
    """
    wide = wide_dtype(x.dtype)
    picked = x.gather(-1, target).to(wide)
    unlikely = picked - x.amax(-1, keepdim=True) < -80 if p is x else None
    exact = None if unlikely is None else losses_from_logits(x, picked, unlikely)
    p = torch.softmax(x, -1, dtype=wide, out=p if p.dtype == wide else None)
    likelihood = p.gather(-1, target)
    if unlikely is None:
        unlikely = likelihood < torch.finfo(wide).tiny
        exact = losses_from_logits(x, picked, unlikely)
    rest = p.scatter_(-1, target, 0.0).sum(-1, keepdim=True)
    total = rest + likelihood
    likely = (rest / likelihood).log1p()
    losses = torch.where(rest < likelihood, likely, total.log() - likelihood.log())
    losses = losses if exact is None else torch.where(unlikely, exact, losses)
    return losses.squeeze(-1), p.scatter_(-1, target, -rest), total.squeeze(-1)


def losses_from_logits(x: Tensor, picked: Tensor, needed: Tensor) -> Tensor | None:
    """Return -log(p) from the logits, or None if the CPU knows that none is needed."""
    if x.device.type == "cpu" and read(needed.any()) is False:
        return None
    return x.to(picked.dtype).logsumexp(-1, keepdim=True) - picked


def weighted_target(target: Tensor, x: Tensor, weight: Tensor, smoothing: float) -> Tensor:
    """Return the smoothed probability of each class, times its weight."""
    share = smoothing / x.shape[-1]
    if target.is_floating_point():
        return ((1 - smoothing) * target.to(wide_dtype(target.dtype)) + share) * weight
    target = target.unsqueeze(-1)
    shares = (share * weight).expand(x.shape).clone()
    return shares.scatter_add_(-1, target, (1 - smoothing) * weight[target])


def soft_losses(x: Tensor, q: Tensor) -> tuple[Tensor, Tensor]:
    """Return the sum of -q log(p), where 0 log(0) is 0, and its gradient."""
    log_p = log_softmax(x.to(wide_dtype(x.dtype)))
    impossible = (q == 0) & log_p.isneginf()
    losses = -(q * log_p.masked_fill(impossible, 0.0)).sum(-1)
    return losses, log_p.exp_().mul_(q.sum(-1, keepdim=True)).sub_(q)
