"""The autograd functions of the two losses by chunks. A `d` before a name marks a gradient."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  # the usual name
from torch import Tensor

from autograd_notes._checks import class_target
from autograd_notes._modes import autocasts, hooks_save, is_batched, no_autocast, read
from autograd_notes._sharded import linear_losses
from autograd_notes._targets import SUM_DTYPE, class_dim, reduced_loss, weighted_losses
from autograd_notes.chunked._batch import (
    Options,
    early_cotangent,
    prepared_batch,
    total_loss,
    wide_dtype,
)
from autograd_notes.chunked._checks import check_first_use
from autograd_notes.chunked._chunk import LinearTensors, linear_loss, losses_by_chunks
from autograd_notes.losses import cross_entropy


class _ChunkedCrossEntropy(torch.autograd.Function):
    """The loss of given logits. Forward computes the gradient too, where it can."""

    @staticmethod
    def forward(  # noqa: PLR0917  # apply passes all by position
        ctx: Any,
        input: Tensor,
        target: Tensor,
        weight: Tensor | None,
        options: Options,
        rows: int,
        needed: bool,
        inplace: bool,
    ) -> tuple[Tensor, Tensor | None]:
        batch = prepared_batch(input.shape, input, target, weight, options)
        # A gradient on ctx is out of reach of the hooks by which a checkpoint frees memory.
        early = (
            early_cotangent(batch, input, inplace=inplace) if needed and not hooks_save() else None
        )
        dinput = None if early is None or inplace else torch.empty_like(input)
        losses = losses_by_chunks(batch, input, rows, early, input if inplace else dinput)
        ctx.options, ctx.rows, ctx.inplace, ctx.used = options, rows, inplace, False
        ctx.early, ctx.dinput = early, dinput
        ctx.set_materialize_grads(False)
        if inplace:
            ctx.mark_dirty(input)
        ctx.save_for_backward(input, target, weight)
        return total_loss(batch, losses), input if inplace else None

    @staticmethod
    def backward(
        ctx: Any, v: Tensor | None, doverwritten: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        if ctx.inplace:
            check_first_use(ctx, v, doverwritten)
        if v is None:
            return (None,) * 7
        logits, target, weight = ctx.saved_tensors
        if torch.is_grad_enabled() or is_batched(v):  # autograd differentiates the plain loss

            def loss(logits: Tensor) -> Tensor:
                x = logits.to(torch.promote_types(logits.dtype, v.dtype))
                w = None if weight is None else weight.to(x.dtype)
                return cross_entropy(x, target, weight=w, **ctx.options.keywords())

            return (*plain_gradients(loss, [logits], v), *[None] * 6)
        early, ctx.early, ctx.used = ctx.early, None, True
        dlogits, ctx.dinput = logits.detach() if ctx.inplace else ctx.dinput, None
        factor = None if early is None else v / early
        if factor is None or not multiplies_exactly(factor, logits.dtype):
            dlogits = torch.empty_like(logits) if dlogits is None else dlogits
            batch = prepared_batch(logits.shape, logits, target, weight, ctx.options)
            losses_by_chunks(batch, logits, ctx.rows, v, dlogits)
        elif not known_to_be_one(factor):
            # A float32 scalar multiplies float16 numbers without being rounded to float16.
            dlogits.mul_(factor.unsqueeze(class_dim(dlogits)) if factor.dim() else factor)
        return (dlogits, *[None] * 6)


class _LinearCrossEntropy(torch.autograd.Function):
    """The loss of hidden states, a matrix and a bias, with the gradients of these three."""

    @staticmethod
    def forward(  # noqa: PLR0917  # apply passes all by position
        ctx: Any,
        input: Tensor,
        matrix: Tensor,
        bias: Tensor | None,
        target: Tensor,
        weight: Tensor | None,
        classes: torch.Size,
        options: Options,
        rows: int,
        needed: bool,
    ) -> Tensor:
        ctx.classes, ctx.options, ctx.rows = classes, options, rows
        ctx.dtypes = [None if x is None else x.dtype for x in (input, matrix, bias)]
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(input, matrix, bias, target, weight)
        # Without a reduction, each loss has a cotangent of its own, known only in backward.
        early = needed and any(ctx.needs_input_grad) and options.reduction != "none"
        early = early and not hooks_save()
        tensors = (input, matrix, bias, target, weight)
        loss, ctx.gradients = linear_loss(tensors, ctx, input.new_ones(()) if early else None)
        return loss

    @staticmethod
    def backward(ctx: Any, v: Tensor | None) -> tuple[Tensor | None, ...]:
        if v is None:
            return (None,) * 9
        needs = ctx.needs_input_grad[:3]
        if torch.is_grad_enabled() or is_batched(v):  # autograd differentiates the plain loss
            *hab, target, weight = ctx.saved_tensors

            def loss(*needed: Tensor) -> Tensor:
                given = iter(needed)
                three = [next(given) if need else x for x, need in zip(hab, needs, strict=True)]
                tensors = (*three, target, weight)
                return linear_then_loss(tensors, ctx.classes, ctx.options, v.dtype)

            inputs = [x for x, need in zip(hab, needs, strict=True) if need]
            found = iter(plain_gradients(loss, inputs, v))
            return (*(next(found) if need else None for need in needs), *[None] * 6)
        gradients, ctx.gradients = ctx.gradients, None
        if gradients is None:
            _, gradients = linear_loss(ctx.saved_tensors, ctx, v)
        elif not known_to_be_one(v):
            gradients = [g if g is None else g.mul_(v) for g in gradients]
        pairs = zip(gradients, ctx.dtypes, strict=True)
        return (*(g if g is None else g.to(dtype) for g, dtype in pairs), *[None] * 6)


def plain_gradients(
    loss: Callable[..., Tensor], inputs: list[Tensor], v: Tensor
) -> tuple[Tensor, ...]:
    """Return the gradients of the plain loss, themselves differentiable under `create_graph`."""
    create_graph = torch.is_grad_enabled()
    with torch.enable_grad():
        # The inputs have a history, which may join them, and hooks: their aliases have none.
        aliases = [x.view_as(x) for x in inputs]
        return torch.autograd.grad(loss(*aliases), aliases, v, create_graph=create_graph)


def linear_then_loss(
    tensors: LinearTensors, classes: torch.Size, options: Options, dtype: torch.dtype | None = None
) -> Tensor:
    """Return the loss by way of all logits at once, in `dtype` or a wider one."""
    input, matrix, bias, target, weight = tensors  # noqa: A001  # as in linear_cross_entropy
    common = torch.promote_types(input.dtype, matrix.dtype)
    dtype = torch.promote_types(common, torch.float32 if autocasts(input) else dtype or common)
    bias, weight = (x if x is None else x.to(d) for x, d in ((bias, common), (weight, dtype)))
    with no_autocast(input):
        logits = F.linear(input.to(common), matrix.to(common), bias).to(dtype)
        logits = logits.reshape(*input.shape[:-1], *classes)
        return cross_entropy(logits, target, weight=weight, **options.keywords())


def linear_loss_of_shards(tensors: LinearTensors, options: Options, axis: int, rows: int) -> Tensor:
    """Return the loss of a matrix whose classes several processes share, by chunks of samples."""
    input, matrix, _, target, weight = tensors  # noqa: A001  # as in linear_cross_entropy
    each, wide = options._replace(reduction="none"), wide_dtype(input.dtype)

    def loss(*chunk: Tensor) -> Tensor:
        return linear_then_loss(chunk, matrix.shape[:1], each, wide)  # type: ignore[arg-type]

    losses = linear_losses(loss, tensors, axis, rows)
    if target.is_floating_point():
        dtype = torch.promote_types(input.dtype, target.dtype)
        return reduced_loss(losses, None, options.reduction, dtype)
    index, ignored = class_target(target, options.ignore_index, len(matrix))
    _, weights = weighted_losses(losses.detach(), index, ignored, weight)
    return reduced_loss(losses, weights, options.reduction, input.dtype)


def known_to_be_one(v: Tensor) -> bool:
    """Return whether the cotangent is 1, without waiting for an accelerator."""
    return read((v == 1).all()) is True


def multiplies_exactly(factor: Tensor, dtype: torch.dtype) -> bool:
    """Return whether a gradient of this dtype may take the factor: 16 bits, powers of two alone."""
    return dtype not in SUM_DTYPE or read((factor.frexp().mantissa.abs() == 0.5).all()) is True
