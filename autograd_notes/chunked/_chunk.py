"""The loss and the gradient of one chunk of samples."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from autograd_notes._targets import _class_dim, _reduce, _wide_dtype
from autograd_notes.logits import log_softmax

# input, matrix, bias, target, weight
_Tensors = tuple[Tensor, Tensor, Tensor | None, Tensor, Tensor | None]


class _Options(NamedTuple):
    ignore_index: int
    reduction: str
    label_smoothing: float


class _Batch(NamedTuple):
    """What all chunks share; the classes are the last dimension of whatever has them."""

    target: Tensor  # class probabilities, or classes, 0 for what is ignored
    weight: Tensor  # of each class
    each: Tensor  # the weight of each sample
    ignore: Tensor
    dtype: torch.dtype  # of the loss
    options: _Options


def _batch(
    shape: tuple[int, ...], input: Tensor, target: Tensor, weight: Tensor | None, options: _Options
) -> _Batch:
    """Prepare `target` and `weight` for logits of this shape and the dtype of `input`."""
    dim, wide = min(len(shape) - 1, 1), _wide_dtype(input.dtype)
    weight = input.new_ones(shape[dim]) if weight is None else weight
    weight = weight.to(wide)
    if target.is_floating_point():
        target, dtype = target.movedim(dim, -1), torch.promote_types(input.dtype, target.dtype)
        each = target.new_ones(target.shape[:-1], dtype=_wide_dtype(dtype))
        return _Batch(target, weight, each, each == 0, dtype, options)
    target = target.long()
    ignore = target == options.ignore_index
    target = target.masked_fill(ignore, 0)
    return _Batch(
        target, weight, weight[target].masked_fill(ignore, 0.0), ignore, input.dtype, options
    )


def _factor(batch: _Batch, v: Tensor) -> Tensor:
    """Return what the gradient of each sample is multiplied by, for the cotangent of the loss."""
    v = v.to(batch.each.dtype)
    v = v / batch.each.sum() if batch.options.reduction == "mean" else v
    return v.expand_as(batch.each).masked_fill(batch.ignore, 0.0)


def _total(batch: _Batch, losses: Tensor) -> Tensor:
    losses = losses.masked_fill(batch.ignore, 0.0)
    return _reduce(losses, batch.each, batch.options.reduction).to(batch.dtype)


def _losses(
    batch: _Batch, input: Tensor, rows: int, v: Tensor | None, gradient: Tensor | None
) -> Tensor:
    """Return the loss of each sample and, for a cotangent, write the gradient of `input`."""
    dim = _class_dim(input)
    x, out = input.movedim(dim, -1), None if gradient is None else gradient.movedim(dim, -1)
    factor = None if v is None else _factor(batch, v)
    losses = torch.empty_like(batch.each)
    # One memory for the probabilities of all chunks, which stays in the cache.
    size = min(rows, losses.numel()) * x.shape[-1]
    buffer = x.new_empty(size, dtype=_wide_dtype(x.dtype))
    for piece in _pieces(losses.shape, rows):
        logits, dlogits = x[piece], None if out is None else out[piece]
        place = buffer[: logits.numel()].view(logits.shape)
        losses[piece] = _chunk(batch, piece, logits, factor, place=place, out=dlogits)
    return losses


def _linear(
    tensors: _Tensors, ctx: Any, v: Tensor | None
) -> tuple[Tensor, list[Tensor | None] | None]:
    """Return the loss and, for a cotangent, the gradients of what makes the logits."""
    input, matrix, bias, target, weight = tensors  # noqa: A001  # as in linear_cross_entropy
    batch = _batch((len(input), *ctx.classes), input, target, weight, ctx.options)
    losses, factor = torch.empty_like(batch.each), None if v is None else _factor(batch, v)
    # Products of 16 bits are slow on the CPU, and what accelerators are made for.
    wide = _wide_dtype(input.dtype)
    dtype = wide if input.device.type == "cpu" else input.dtype
    gradients = [
        None if x is None or factor is None or not need else torch.zeros_like(x, dtype=wide)
        for x, need in zip(tensors, ctx.needs_input_grad[:3], strict=False)
    ]
    dinput, dmatrix, dbias = gradients
    matrix, bias = matrix.to(dtype), None if bias is None else bias.to(dtype)
    # One memory for all chunks: a new tensor would be there before the last one is gone.
    buffer = matrix.new_empty(min(ctx.rows, len(input)), len(matrix))
    for at in range(0, len(input), ctx.rows):
        piece = slice(at, at + ctx.rows)
        hidden = input[piece].to(dtype)
        flat = torch.mm(hidden, matrix.t(), out=buffer[: len(hidden)])
        flat = flat if bias is None else flat.add_(bias)
        logits = flat.reshape(-1, *ctx.classes).movedim(1, -1)
        losses[piece] = _chunk(batch, (piece,), logits, factor, place=logits, out=logits)
        # From here on, the logits are their gradient, if there is a factor.
        if dinput is not None:
            dinput[piece] = flat @ matrix
        if dmatrix is not None and dmatrix.dtype == dtype:
            dmatrix.addmm_(flat.t(), hidden)
        elif dmatrix is not None:
            dmatrix += flat.t() @ hidden
        if dbias is not None:
            dbias += flat.sum(0, dtype=dbias.dtype)
    return _total(batch, losses), gradients if v is not None else None


def _pieces(shape: tuple[int, ...], rows: int) -> Iterator[tuple[int | slice, ...]]:
    """Yield indices that cut a tensor of this shape into pieces of at most `rows` elements."""
    inner = math.prod(shape[1:])
    if not shape:
        yield ()
    elif inner <= rows:
        step = rows // inner
        yield from ((slice(at, at + step),) for at in range(0, shape[0], step))
    else:
        yield from ((at, *rest) for at in range(shape[0]) for rest in _pieces(shape[1:], rows))


def _chunk(
    batch: _Batch,
    piece: tuple[int | slice, ...],
    x: Tensor,
    factor: Tensor | None,
    *,
    place: Tensor,
    out: Tensor | None,
) -> Tensor:
    """Return the losses of one piece, with logits `x`; with a factor, write their gradients.

    `place` is for the probabilities. It may be that of the logits, and so may `out`.
    """
    target, smoothing = batch.target[piece], batch.options.label_smoothing
    scale = None if factor is None else factor[piece]
    if target.is_floating_point() or smoothing:
        losses, dlogits = _spread(x, _shares(target, x, batch.weight, smoothing))
    else:
        losses, dlogits, total = _certain(x, target.unsqueeze(-1), place)
        losses = losses * batch.each[piece]
        scale = None if scale is None else scale * batch.each[piece] / total
    if scale is not None:
        torch.mul(dlogits, scale.unsqueeze(-1), out=out)
    return losses


def _certain(x: Tensor, target: Tensor, place: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return -log(p) for one class each, p - onehot, and what the latter is yet to be divided by.

    The sum of the other probabilities has the digits that 1 - p would lose, and is more accurate
    than the sum that the kernel has divided by. A probability that underflows has no logarithm, so
    that comes from the logits, while they are still there.
    """
    wide = _wide_dtype(x.dtype)
    picked = x.gather(-1, target).to(wide)
    far = picked - x.amax(-1, keepdim=True) < -80 if place is x else None
    exact = None if far is None else _exact(x, picked, far)
    p = torch.softmax(x, -1, dtype=wide, out=place if place.dtype == wide else None)
    likely = p.gather(-1, target)
    if far is None:
        far = likely < torch.finfo(wide).tiny
        exact = _exact(x, picked, far)
    rest = p.scatter_(-1, target, 0.0).sum(-1, keepdim=True)
    total = rest + likely
    losses = torch.where(rest < likely, (rest / likely).log1p(), total.log() - likely.log())
    losses = losses if exact is None else torch.where(far, exact, losses)
    return losses.squeeze(-1), p.scatter_(-1, target, -rest), total.squeeze(-1)


def _exact(x: Tensor, picked: Tensor, far: Tensor) -> Tensor | None:
    """Return -log(p) from the logits, if there is a sample that needs it."""
    # On an accelerator, asking whether there is one would wait for the device.
    if x.device.type == "cpu" and not far.any():
        return None
    return x.to(picked.dtype).logsumexp(-1, keepdim=True) - picked


def _shares(target: Tensor, x: Tensor, weight: Tensor, smoothing: float) -> Tensor:
    """Return the weight of each class times its probability."""
    share = smoothing / x.shape[-1]
    if target.is_floating_point():
        return ((1 - smoothing) * target.to(_wide_dtype(target.dtype)) + share) * weight
    target = target.unsqueeze(-1)
    shares = (share * weight).expand(x.shape).clone()
    return shares.scatter_add_(-1, target, (1 - smoothing) * weight[target])


def _spread(x: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
    """Return the sum of -share log(p), where zero times log(0) is zero, and its gradient."""
    log_p = log_softmax(x.to(_wide_dtype(x.dtype)))
    nothing = (shares == 0) & log_p.isneginf()
    losses = -(shares * log_p.masked_fill(nothing, 0.0)).sum(-1)
    return losses, log_p.exp_().mul_(shares.sum(-1, keepdim=True)).sub_(shares)
