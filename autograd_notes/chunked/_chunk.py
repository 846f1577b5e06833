"""The loop over the chunks of samples. A `d` before a name marks a gradient: `dlogits`."""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from autograd_notes._modes import no_autocast
from autograd_notes._targets import class_dim, weighted
from autograd_notes.chunked._batch import (
    Batch,
    gradient_scale,
    prepared_batch,
    total_loss,
    wide_dtype,
)
from autograd_notes.chunked._formulas import class_losses, expected_losses, smoothed_losses

# input, matrix, bias, target, weight
LinearTensors = tuple[Tensor, Tensor, Tensor | None, Tensor, Tensor | None]


def losses_by_chunks(
    batch: Batch, input: Tensor, rows: int, v: Tensor | None, dinput: Tensor | None
) -> Tensor:
    """Return the loss of each sample; with a cotangent `v`, write the gradient into `dinput`."""
    scale = None if v is None else gradient_scale(batch, v)
    losses = torch.empty_like(batch.sample_weight)
    # One buffer for the probabilities of all chunks stays in the cache.
    size = min(rows, losses.numel()) * input.shape[class_dim(input)]
    buffer = input.new_empty(size, dtype=wide_dtype(input.dtype))
    for at in chunk_indices(losses.shape, rows):
        all_classes = with_classes(at)
        logits, dlogits = input[all_classes], None if dinput is None else dinput[all_classes]
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
            logits = flat.reshape(-1, *ctx.classes)
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


def with_classes(at: tuple[int | slice, ...]) -> tuple[int | slice, ...]:
    """Return the index of the logits of these samples: all classes, behind the first dimension."""
    return (*at[:1], slice(None), *at[1:])


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
    smoothing = batch.options.label_smoothing
    target = batch.target[with_classes(at) if batch.target.is_floating_point() else at]
    # An integer in the index removes the first dimension.
    dim = 1 if at and isinstance(at[0], slice) else 0
    weight = batch.weight
    if weight is not None:
        weight = weight.reshape(-1, *[1] * (x.dim() - dim - 1))
    if target.is_floating_point():
        losses, unscaled = expected_losses(x, dim, target, weight, smoothing, p=p)
        factor = None
    elif smoothing:
        losses, unscaled, factor = smoothed_losses(x, dim, target, weight, smoothing, p=p)
    else:
        losses, unscaled, total = class_losses(x, dim, target.unsqueeze(dim), p)
        losses = weighted(losses, batch.sample_weight[at])
        factor = batch.sample_weight[at] / total
    if scale is not None and dlogits is not None:
        factor = scale[at] if factor is None else scale[at] * factor
        if dlogits.dtype == unscaled.dtype:
            torch.mul(unscaled, factor.unsqueeze(dim), out=dlogits)
        else:  # faster than a product that converts
            dlogits.copy_(unscaled.mul_(factor.unsqueeze(dim)))
    return losses
