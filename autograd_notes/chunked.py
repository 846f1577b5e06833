"""Cross entropy of large logits, by chunks of samples, with the gradient written by hand.

A chunk stays in the processor's cache until all is done with it, and then its gradient is written
to where it belongs; autograd keeps whole tensors instead. The two functions come first, then what
carries them through autograd, then the mathematics of one chunk, and the checks.
"""

import contextlib
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812  # the name that everybody reads
from torch import Tensor

from autograd_notes.losses import (
    _check_cross_entropy,
    _check_device,
    _check_floating,
    _class_dim,
    _is_sharded,
    _reduce,
    _wide_dtype,
    cross_entropy,
    log_softmax,
)

# How many logits a chunk has at most: 8 MiB in float32, which stay in the cache. Fewer cost more
# calls, and more go to the memory and back.
_LOGITS = 2**21
# With a product of matrices, more rows gain more: 16 MiB in float32.
_LINEAR_LOGITS = 2**22


# input, matrix, bias, target, weight
_Tensors = tuple[Tensor, Tensor, Tensor | None, Tensor, Tensor | None]


class _Options(NamedTuple):
    ignore_index: int
    reduction: str
    label_smoothing: float


def chunked_cross_entropy(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
    chunk_size: int | None = None,
    inplace: bool = False,
) -> Tensor:
    r"""Average the negative log-likelihoods of logits that are large, by chunks of samples.

    .. math::
        \frac{\partial \, \text{loss}}{\partial x_{n, c}}
        = g_n w_{t_n} \bigl(\operatorname{softmax}(x_n)_c - [c = t_n]\bigr)

    Here :math:`g_n` is what backward gives to the loss of sample :math:`n`. Beside the logits there
    is one tensor of their size, the gradient, or none with `inplace`. Sums are taken in float32,
    those of float64 in float64.

    Args:
        input: the logits, as in :func:`cross_entropy`.
        target: as in :func:`cross_entropy`.
        weight: as in :func:`cross_entropy`.
        ignore_index: as in :func:`cross_entropy`.
        reduction: as in :func:`cross_entropy`.
        label_smoothing: as in :func:`cross_entropy`.
        chunk_size: how many samples are worked on at a time, 1 or more. Where left out, as many as
            have 2\ :sup:`21` logits together, 8 MiB in float32.
        inplace: whether the gradient may take the place of the logits, where autograd needs one.
            From then on `input` holds no logits, and gives its gradient once.

    Returns:
        As :func:`cross_entropy`.

    Raises:
        TypeError: as :func:`cross_entropy`; or if `chunk_size` is not an integer.
        ValueError: as :func:`cross_entropy`; or if `chunk_size` is below 1; or, with `inplace`, if
            `input` is a leaf that requires a gradient, is a view, or retains its gradient.
        IndexError: as :func:`cross_entropy`.
        RuntimeError: by ``backward``, after `inplace`: a second time, with ``create_graph``, if
            `input` was used again, or if something else has saved it, as ``exp`` saves what it
            returns.

    Example:
        >>> import torch
        >>> from autograd_notes import chunked_cross_entropy
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 0.0]], requires_grad=True)
        >>> loss = chunked_cross_entropy(logits, torch.tensor([0, 1]), chunk_size=1)
        >>> loss
        tensor(0.4100, grad_fn=<_ChunkedCrossEntropyBackward>)
        >>> loss.backward()
        >>> logits.grad
        tensor([[-0.0596,  0.0596],
                [ 0.2500, -0.2500]])

    A second derivative, the gradient of `weight` or of class probabilities, what
    :func:`torch.func.grad` and :func:`torch.func.vmap` ask for, and what :func:`torch.compile`
    compiles are left to :func:`cross_entropy`: right, but not in chunks, and never in place.
    Forward-mode differentiation outside of ``torch.func`` is refused.

    Agrees with :func:`torch.nn.functional.cross_entropy`.
    """
    options = _Options(ignore_index, reduction, label_smoothing)
    _check_cross_entropy("input", input, target, weight, **options._asdict())
    _check_chunk_size(chunk_size)
    if _left_to_autograd(input, target, weight):
        return cross_entropy(input, target, weight=weight, **options._asdict())
    needed = torch.is_grad_enabled() and input.requires_grad
    if inplace and needed:
        _check_overwritable(input)
    rows = chunk_size or max(1, _LOGITS // input.shape[_class_dim(input)])
    return _ChunkedCrossEntropy.apply(  # type: ignore[no-any-return, no-untyped-call]
        input, target, weight, options, rows, needed, inplace and needed
    )[0]


def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
    chunk_size: int | None = None,
) -> Tensor:
    r"""Average the negative log-likelihoods of logits that never exist all at once.

    .. math::
        \text{linear_cross_entropy}(h, A, t) = \text{cross_entropy}(h A^\top + b, t)

    The logits of a chunk of samples are computed, give their losses and their gradients :math:`d`,
    and are gone: :math:`dA` adds :math:`d^\top h` up, and :math:`dh = d A`.

    Args:
        input: the hidden states, floating point, of shape `(N, H)`, or `(H)` without a batch.
        linear_weight: the matrix of the classes, of shape `(C, H)`, or `(C, d1, ..., H)` with a
            batch, and the dtype of `input`.
        target: as in :func:`cross_entropy`, for logits of shape `(N, C)`, `(C)`, or
            `(N, C, d1, ...)`.
        linear_bias: what is added to the logits, shaped like `linear_weight` without `H`.
        weight: as in :func:`cross_entropy`.
        ignore_index: as in :func:`cross_entropy`.
        reduction: as in :func:`cross_entropy`.
        label_smoothing: as in :func:`cross_entropy`.
        chunk_size: how many rows of `input` are worked on at a time, 1 or more. Where left out, as
            many as have 2\ :sup:`22` logits together, 16 MiB in float32.

    Returns:
        As :func:`cross_entropy`.

    Raises:
        TypeError: as :func:`cross_entropy`; or if `linear_weight` or `linear_bias` is not a tensor
            of the dtype of `input`, or `chunk_size` is not an integer.
        ValueError: as :func:`cross_entropy`; or if the shapes or the devices of `input`,
            `linear_weight` and `linear_bias` do not belong together, or `chunk_size` is below 1.
        IndexError: as :func:`cross_entropy`.

    Example:
        >>> import torch
        >>> from autograd_notes import linear_cross_entropy
        >>> hidden = torch.tensor([[1.0, 0.0], [0.0, 0.0]], requires_grad=True)
        >>> matrix = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
        >>> loss = linear_cross_entropy(hidden, matrix, torch.tensor([0, 1]))
        >>> loss
        tensor(0.4100, grad_fn=<_LinearCrossEntropyBackward>)
        >>> loss.backward()
        >>> hidden.grad
        tensor([[-0.1192,  0.0596],
                [ 0.5000, -0.2500]])

    What :func:`chunked_cross_entropy` leaves to :func:`cross_entropy` is left to it here as well,
    and then the logits do exist. With 16 bits, all sums are taken in float32, and so are the
    products on the CPU; elsewhere, products round to 16 bits. Autocast has no effect.

    Agrees with :func:`torch.nn.functional.linear_cross_entropy`.
    """
    classes = _check_linear(input, linear_weight, linear_bias)
    options = _Options(ignore_index, reduction, label_smoothing)
    # Nothing is in it, but it has the shape of the logits, which is what is checked.
    logits = input.detach().new_empty(()).expand(*input.shape[:-1], *classes)
    _check_cross_entropy("logits", logits, target, weight, **options._asdict())
    _check_chunk_size(chunk_size)
    matrix = linear_weight.flatten(0, -2)
    bias = None if linear_bias is None else linear_bias.flatten()
    if _left_to_autograd(logits, target, weight):
        return _plain((input, matrix, bias, target, weight), classes, options)
    rows = chunk_size or max(1, _LINEAR_LOGITS // len(matrix))
    batch = (input, target) if input.dim() > 1 else (input.unsqueeze(0), target.unsqueeze(0))
    loss: Tensor = _LinearCrossEntropy.apply(  # type: ignore[no-untyped-call]
        batch[0], matrix, bias, batch[1], weight, classes, options, rows, torch.is_grad_enabled()
    )
    return loss if input.dim() > 1 or reduction != "none" else loss.squeeze(0)


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


def _plain(tensors: _Tensors, classes: torch.Size, options: _Options) -> Tensor:
    input, matrix, bias, target, weight = tensors  # noqa: A001  # as in linear_cross_entropy
    with _no_autocast(input):
        logits = F.linear(input, matrix, bias).reshape(*input.shape[:-1], *classes)
        return cross_entropy(logits, target, weight=weight, **options._asdict())


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


def _no_autocast(x: Tensor) -> contextlib.AbstractContextManager[Any]:
    available = torch.amp.is_autocast_available(x.device.type)
    return torch.autocast(x.device.type, enabled=False) if available else contextlib.nullcontext()


def _is_one(v: Tensor) -> bool:
    # On an accelerator, asking would wait for the device, and multiplying by one does no harm.
    return v.device.type == "cpu" and bool((v == 1).all())


def _left_to_autograd(logits: Tensor, target: Tensor, weight: Tensor | None) -> bool:
    """Whether the gradients that are wanted are not ours, or there is nothing to cut here."""
    return (
        torch.compiler.is_compiling()
        or _is_sharded(logits)
        or torch._C._are_functorch_transforms_active()  # noqa: SLF001  # as Function.apply asks
        or target.requires_grad
        or (weight is not None and weight.requires_grad)
        or not logits.numel()
    )


def _check_chunk_size(chunk_size: int | None) -> None:
    if chunk_size is None:
        return
    if isinstance(chunk_size, bool) or not isinstance(chunk_size, int):
        raise TypeError(f"chunk_size: expected an integer, got {type(chunk_size).__name__}")
    if chunk_size < 1:
        raise ValueError(f"chunk_size: expected 1 or more, got {chunk_size}")


def _check_overwritable(input: Tensor) -> None:
    why = {
        "a leaf that requires grad": input.is_leaf,
        "a view of another tensor": input._is_view(),  # noqa: SLF001  # autograd's own word
        "one that retains its gradient": input.retains_grad,
    }
    for found, wrong in why.items():
        if wrong:
            raise ValueError(
                f"inplace: expected logits that only this loss needs, got {found}; "
                "input.clone() may be overwritten"
            )


def _check_once(ctx: Any, again: Tensor | None) -> None:
    why = {
        "were used again after that": again is not None,
        "can't be differentiated twice": torch.is_grad_enabled(),
        "gave their gradient already": ctx.used,
    }
    for found, wrong in why.items():
        if wrong:
            raise RuntimeError(
                f"inplace: the logits were overwritten by their gradient, and {found}"
            )


def _check_linear(input: Tensor, linear_weight: Tensor, linear_bias: Tensor | None) -> torch.Size:
    """Return the shape of the logits of one sample."""
    _check_floating("input", input)
    if input.dim() not in (1, 2):
        raise ValueError(f"input: expected shape (H) or (N, H), got {tuple(input.shape)}")
    _check_like("linear_weight", linear_weight, input)
    n, shape = input.shape[-1], linear_weight.shape
    if shape[-1:] != (n,) or not 2 <= len(shape) <= (2 if input.dim() == 1 else len(shape)):
        expected = f"(C, {n})" if input.dim() == 1 else f"(C, {n}) or (C, d1, ..., {n})"
        raise ValueError(
            f"linear_weight: expected shape {expected} for input of shape {tuple(input.shape)}, "
            f"got {tuple(shape)}"
        )
    if linear_bias is not None:
        _check_like("linear_bias", linear_bias, input)
        if linear_bias.shape != shape[:-1]:
            raise ValueError(
                f"linear_bias: expected shape {tuple(shape[:-1])} for linear_weight of shape "
                f"{tuple(shape)}, got {tuple(linear_bias.shape)}"
            )
    return shape[:-1]


def _check_like(name: str, value: Tensor, input: Tensor) -> None:
    _check_floating(name, value)
    if value.dtype != input.dtype:
        raise TypeError(f"{name}: expected the dtype of input, {input.dtype}, got {value.dtype}")
    _check_device(name, input, value)
