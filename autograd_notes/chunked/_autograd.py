"""The autograd functions of the losses by chunks."""

import contextlib
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  # the name that everybody reads
from torch import Tensor

from autograd_notes._targets import _class_dim, _wide_dtype
from autograd_notes.chunked._checks import _check_once
from autograd_notes.chunked._chunk import (
    _batch,
    _linear,
    _losses,
    _Options,
    _Tensors,
    _total,
)
from autograd_notes.losses import cross_entropy


class _ChunkedCrossEntropy(torch.autograd.Function):
    """The gradient is ready before backward asks for it, or is computed then from the logits."""

    @staticmethod
    def forward(  # noqa: PLR0917  # apply passes all by position
        ctx: Any,
        input: Tensor,
        target: Tensor,
        weight: Tensor | None,
        options: _Options,
        rows: int,
        needed: bool,
        inplace: bool,
    ) -> tuple[Tensor, Tensor | None]:
        batch = _batch(input.shape, input, target, weight, options)
        # With 16 bits the gradient waits for its cotangent, which may save it from underflow.
        early = needed and input.dtype == _wide_dtype(input.dtype)
        gradient = torch.empty_like(input) if early and not inplace else None
        one = input.new_ones(()) if early else None
        losses = _losses(batch, input, rows, one, input if inplace else gradient)
        ctx.options, ctx.rows, ctx.inplace, ctx.used = options, rows, inplace, False
        ctx.early, ctx.gradient = early, gradient
        ctx.set_materialize_grads(False)
        if inplace:
            ctx.mark_dirty(input)
        ctx.save_for_backward(input, target, weight)
        return _total(batch, losses), input if inplace else None

    @staticmethod
    def backward(ctx: Any, v: Tensor | None, again: Tensor | None) -> tuple[Tensor | None, ...]:
        if ctx.inplace:
            _check_once(ctx, again)
        if v is None:
            return (None,) * 7
        logits, target, weight = ctx.saved_tensors
        if torch.is_grad_enabled():  # create_graph: autograd will differentiate what it gets
            loss = cross_entropy(logits, target, weight=weight, **ctx.options._asdict())
            return (*torch.autograd.grad(loss, logits, v, create_graph=True), *[None] * 6)
        early, ctx.early, ctx.used = ctx.early, False, True
        gradient, ctx.gradient = logits.detach() if ctx.inplace else ctx.gradient, None
        if not early:
            gradient = torch.empty_like(logits) if gradient is None else gradient
            batch = _batch(logits.shape, logits, target, weight, ctx.options)
            _losses(batch, logits, ctx.rows, v, gradient)
        elif not _is_one(v):
            gradient.movedim(_class_dim(gradient), -1).mul_(v.unsqueeze(-1))
        return (gradient, *[None] * 6)


class _LinearCrossEntropy(torch.autograd.Function):
    """The same for the gradients of the three that make the logits."""

    @staticmethod
    def forward(  # noqa: PLR0917  # apply passes all by position
        ctx: Any,
        input: Tensor,
        matrix: Tensor,
        bias: Tensor | None,
        target: Tensor,
        weight: Tensor | None,
        classes: torch.Size,
        options: _Options,
        rows: int,
        needed: bool,
    ) -> Tensor:
        ctx.classes, ctx.options, ctx.rows = classes, options, rows
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(input, matrix, bias, target, weight)
        # Each of many losses has a cotangent of its own, and only backward knows it.
        early = needed and any(ctx.needs_input_grad) and options.reduction != "none"
        tensors = (input, matrix, bias, target, weight)
        with _no_autocast(input):
            loss, ctx.gradients = _linear(tensors, ctx, input.new_ones(()) if early else None)
        return loss

    @staticmethod
    def backward(ctx: Any, v: Tensor | None) -> tuple[Tensor | None, ...]:
        if v is None:
            return (None,) * 9
        needs = ctx.needs_input_grad[:3]
        if torch.is_grad_enabled():  # create_graph: autograd will differentiate what it gets
            loss = _plain(ctx.saved_tensors, ctx.classes, ctx.options)
            asked = [x for x, need in zip(ctx.saved_tensors, needs, strict=False) if need]
            found = iter(torch.autograd.grad(loss, asked, v, create_graph=True))
            return (*(next(found) if need else None for need in needs), *[None] * 6)
        gradients, ctx.gradients = ctx.gradients, None
        if gradients is None:
            with _no_autocast(v):
                _, gradients = _linear(ctx.saved_tensors, ctx, v)
        elif not _is_one(v):
            gradients = [g if g is None else g.mul_(v) for g in gradients]
        dtype = ctx.saved_tensors[0].dtype
        return (*(g if g is None else g.to(dtype) for g in gradients), *[None] * 6)


def _plain(tensors: _Tensors, classes: torch.Size, options: _Options) -> Tensor:
    input, matrix, bias, target, weight = tensors  # noqa: A001  # as in linear_cross_entropy
    with _no_autocast(input):
        logits = F.linear(input, matrix, bias).reshape(*input.shape[:-1], *classes)
        return cross_entropy(logits, target, weight=weight, **options._asdict())


def _no_autocast(x: Tensor) -> contextlib.AbstractContextManager[Any]:
    available = torch.amp.is_autocast_available(x.device.type)
    return torch.autocast(x.device.type, enabled=False) if available else contextlib.nullcontext()


def _is_one(v: Tensor) -> bool:
    # On an accelerator, asking would wait for the device, and multiplying by one does no harm.
    return v.device.type == "cpu" and bool((v == 1).all())
