"""The loss and the gradient of one chunk of samples, and the loop over the chunks.

The classes are the last dimension here. A `d` before a name marks a gradient: `dlogits`.
"""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from autograd_notes._modes import no_autocast, read
from autograd_notes._targets import class_dim, weighted
from autograd_notes.chunked._batch import (
    Batch,
    gradient_scale,
    prepared_batch,
    total_loss,
    wide_dtype,
)

# input, matrix, bias, target, weight
LinearTensors = tuple[Tensor, Tensor, Tensor | None, Tensor, Tensor | None]


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
    if target.is_floating_point():
        losses, unscaled = expected_losses(x, target, batch.weight, smoothing, p)
        factor = None
    elif smoothing:
        losses, unscaled, factor = smoothed_losses(x, target, batch.weight, smoothing, p)
    else:
        losses, unscaled, total = class_losses(x, target.unsqueeze(-1), p)
        losses = weighted(losses, batch.sample_weight[at])
        factor = batch.sample_weight[at] / total
    if scale is not None and dlogits is not None:
        factor = scale[at] if factor is None else scale[at] * factor
        if dlogits.dtype == unscaled.dtype:
            torch.mul(unscaled, factor.unsqueeze(-1), out=dlogits)
        else:  # faster than a product that converts
            dlogits.copy_(unscaled.mul_(factor.unsqueeze(-1)))
    return losses


def widened(x: Tensor, p: Tensor) -> tuple[Tensor, Tensor]:
    """Return logits in the dtype of sums, and the buffer for their probabilities."""
    wide = wide_dtype(x.dtype)
    if p.dtype != wide:  # 16-bit products of an accelerator
        x = x.to(wide)
        return x, x
    return (x if x.dtype == wide else p.copy_(x)), p


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
    logits, p = widened(x, p)
    p = torch.softmax(logits, -1, out=p)
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


def smoothed_losses(
    x: Tensor, target: Tensor, weight: Tensor | None, smoothing: float, p: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the losses of smoothed classes q, p - q / total, and total, the sum of q.

    q is `share` for each class and `hard` more for the target, times the class weights.
    """
    logits, p = widened(x, p)
    log_p = torch.log_softmax(logits, -1, out=p)
    index, share = target.unsqueeze(-1), smoothing / x.shape[-1]
    hard = (1 - smoothing) * (torch.ones_like(log_p[..., 0]) if weight is None else weight[target])
    total = hard + (smoothing if weight is None else share * weight.sum())
    rest = (log_p if weight is None else log_p * weight).sum(-1)
    losses = -(hard * log_p.gather(-1, index).squeeze(-1) + share * rest)
    if not known_finite(losses):
        q = torch.full_like(log_p, share) * (1.0 if weight is None else weight)
        losses = masked_losses(log_p, q.scatter_add_(-1, index, hard.unsqueeze(-1)))
    inverse = total.masked_fill(total == 0, 1.0).reciprocal().unsqueeze(-1)
    shares = share * inverse if weight is None else share * inverse * weight
    p = log_p.exp_().sub_(shares)
    return losses, p.scatter_add_(-1, index, -hard.unsqueeze(-1) * inverse), total


def expected_losses(
    x: Tensor, target: Tensor, weight: Tensor | None, smoothing: float, p: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the sum of -q log(p) for class probabilities q, and its gradient."""
    logits, p = widened(x, p)
    log_p = torch.log_softmax(logits, -1, out=p)
    q = target.to(wide_dtype(target.dtype))
    q = (1 - smoothing) * q + smoothing / x.shape[-1] if smoothing else q
    q = q if weight is None else q * weight
    losses = -(q * log_p).sum(-1)
    if not known_finite(losses):
        losses = masked_losses(log_p, q)
    return losses, log_p.exp_().mul_(q.sum(-1, keepdim=True)).sub_(q)


def known_finite(losses: Tensor) -> bool:
    """Return whether all losses are finite, or False on an accelerator, which is not waited for."""
    return losses.device.type == "cpu" and read(losses.isfinite().all()) is True


def masked_losses(log_p: Tensor, q: Tensor) -> Tensor:
    """Return the sum of -q log(p), where 0 log(0) is 0."""
    impossible = (q == 0) & log_p.isneginf()
    return -(q * log_p.masked_fill(impossible, 0.0)).sum(-1)
