"""Softmax and its logarithm, and the three losses that are built on them.

The definitions come first, and read like their formulas. Then comes what they share: picking the
target, and taking the mean. The checks of what they are given come last.
"""

import math

import torch
from torch import Tensor


def logsumexp(x: Tensor, dim: int | tuple[int, ...] = -1, keepdim: bool = False) -> Tensor:
    r"""Take the logarithm of a sum of exponentials, without overflow.

    .. math:: \operatorname{logsumexp}(x) = m + \log \sum_j e^{x_j - m}, \qquad m = \max_j x_j

    Args:
        x: the logits, of any shape and any floating-point dtype.
        dim: the dimension, or the dimensions, to sum over.
        keepdim: whether `dim` stays, with size 1.

    Returns:
        The logarithms, with the dtype of `x`, and its shape without `dim`.

    Raises:
        TypeError: if `x` is not a floating-point tensor.
        IndexError: if `x` has no dimension `dim`.

    Example:
        >>> import torch
        >>> from autograd_notes import logsumexp
        >>> logsumexp(torch.tensor([0.0, 0.0]))
        tensor(0.6931)
        >>> logsumexp(torch.tensor([1000.0, 1000.0]))
        tensor(1000.6932)

    Agrees with :func:`torch.logsumexp`.
    """
    _check_floating("x", x)
    _check_dim(x, dim)
    wide = _wide(x)
    maximum = _maximum(wide, dim)
    # An infinity less itself would be no number. Any number does: it is added again.
    maximum = maximum.masked_fill(maximum.isinf(), 0.0)  # pragma: no mutate: any number does
    total = maximum + _log_sum_exp(wide - maximum, dim)
    return (total if keepdim else total.squeeze(dim)).to(x.dtype)


def softmax(x: Tensor, dim: int = -1, dtype: torch.dtype | None = None) -> Tensor:
    r"""Turn logits into probabilities that sum to one along a dimension.

    .. math:: \operatorname{softmax}(x)_i = \frac{e^{x_i}}{\sum_j e^{x_j}}

    Args:
        x: the logits, of any shape and any floating-point dtype.
        dim: the dimension that holds the classes.
        dtype: the dtype to convert `x` to before anything else.

    Returns:
        The probabilities, with the shape of `x`, and its dtype or the one asked for.

    Raises:
        TypeError: if `x` is not a floating-point tensor, once converted.
        IndexError: if `x` has no dimension `dim`.

    Example:
        >>> import torch
        >>> from autograd_notes import softmax
        >>> softmax(torch.tensor([0.0, 0.0]))
        tensor([0.5000, 0.5000])
        >>> softmax(torch.tensor([1000.0, 1000.0]))
        tensor([0.5000, 0.5000])

    Agrees with :func:`torch.nn.functional.softmax`.
    """
    x = _converted(x, dtype)
    unnormalized = _shifted(x, dim).exp()
    return (unnormalized / unnormalized.sum(dim, keepdim=True)).to(x.dtype)


def log_softmax(x: Tensor, dim: int = -1, dtype: torch.dtype | None = None) -> Tensor:
    r"""Take the logarithm of softmax, without the underflow of taking it afterwards.

    .. math:: \text{log_softmax}(x)_i = x_i - \log \sum_j e^{x_j}

    Args:
        x: the logits, of any shape and any floating-point dtype.
        dim: the dimension that holds the classes.
        dtype: the dtype to convert `x` to before anything else.

    Returns:
        The log-probabilities, with the shape of `x`, and its dtype or the one asked for.

    Raises:
        TypeError: if `x` is not a floating-point tensor, once converted.
        IndexError: if `x` has no dimension `dim`.

    Example:
        >>> import torch
        >>> from autograd_notes import log_softmax
        >>> log_softmax(torch.tensor([0.0, 0.0]))
        tensor([-0.6931, -0.6931])
        >>> log_softmax(torch.tensor([0.0, 1000.0]))
        tensor([-1000.,     0.])

    Agrees with :func:`torch.nn.functional.log_softmax`.
    """
    x = _converted(x, dtype)
    shifted = _shifted(x, dim)
    return (shifted - _log_sum_exp(shifted, dim)).to(x.dtype)


def nl(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    r"""Average the negative logarithm of the likelihoods, from probabilities.

    .. math:: \operatorname{nl}(p, t) = -\frac{\sum_n w_{t_n} \log p_{n, t_n}}{\sum_n w_{t_n}}

    Args:
        input: the probabilities, floating point, of shape `(N, C)`, `(C)` without a batch, or
            `(N, C, d1, ...)`.
        target: the class of each sample, int64 or uint8, of shape `(N)`, `()` without a batch,
            or `(N, d1, ...)`.
        weight: the weight of each class, of shape `(C)` and the dtype of `input`; all ones where
            left out.
        ignore_index: the samples with this target count nothing.
        reduction: `'mean'` for the weighted mean, `'sum'`, or `'none'`.

    Returns:
        The mean or the sum, of shape `()`, or the weighted losses, with the shape of `target`;
        with the dtype of `input`.

    Raises:
        TypeError: if `input`, `target` or `weight` is not a tensor of such a dtype.
        ValueError: if the shapes or the devices do not belong together, or there is no such
            reduction.
        IndexError: if a class in `target` is below 0, or not below `C`.

    Example:
        >>> import torch
        >>> from autograd_notes import nl
        >>> p = torch.tensor([[0.5, 0.5], [0.0, 1.0]])
        >>> nl(p, torch.tensor([0, 1]))
        tensor(0.3466)
        >>> nl(p, torch.tensor([0, -100]), reduction="none")
        tensor([0.6931, 0.0000])

    Agrees with :func:`torch.nn.functional.nll_loss` of ``input.log()``.
    """
    _check(input, weight, reduction)
    _check_classes(input, target, ignore_index)
    p, weights = _pick(input, target, weight, ignore_index)
    return _reduce(-p.log() * weights, weights, reduction).to(input.dtype)


def nll(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    r"""Average the negative log-likelihoods, from log-probabilities.

    .. math:: \operatorname{nll}(\ell, t) = -\frac{\sum_n w_{t_n} \ell_{n, t_n}}{\sum_n w_{t_n}}

    Args:
        input: the log-probabilities, floating point, of shape `(N, C)`, `(C)` without a batch,
            or `(N, C, d1, ...)`.
        target: as in :func:`nl`.
        weight: as in :func:`nl`.
        ignore_index: as in :func:`nl`.
        reduction: as in :func:`nl`.

    Returns:
        As :func:`nl`.

    Raises:
        TypeError: as :func:`nl`.
        ValueError: as :func:`nl`.
        IndexError: as :func:`nl`.

    Example:
        >>> import torch
        >>> from autograd_notes import nll
        >>> log_p = torch.tensor([[-0.5, -1.0], [-2.0, -0.25]])
        >>> nll(log_p, torch.tensor([0, 1]))
        tensor(0.3750)
        >>> nll(log_p, torch.tensor([0, 1]), weight=torch.tensor([1.0, 3.0]))
        tensor(0.3125)

    Agrees with :func:`torch.nn.functional.nll_loss`.
    """
    _check(input, weight, reduction)
    _check_classes(input, target, ignore_index)
    log_p, weights = _pick(input, target, weight, ignore_index)
    return _reduce(-log_p * weights, weights, reduction).to(input.dtype)


def cross_entropy(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    r"""Average the negative log-likelihoods, straight from logits.

    .. math::
        \text{cross_entropy}(x, t) = \operatorname{nll}(\text{log_softmax}(x), t)

    With class probabilities :math:`q` as the target, and with label smoothing, each sample loses
    :math:`-\sum_c w_c \, q_c \log p_c`, where smoothing takes :math:`q` to
    :math:`(1 - \varepsilon) \, q + \varepsilon / C`.

    Args:
        input: the logits, floating point, of shape `(N, C)`, `(C)` without a batch, or
            `(N, C, d1, ...)`.
        target: the class of each sample, as in :func:`nl`; or class probabilities, floating
            point, with the shape of `input`.
        weight: as in :func:`nl`.
        ignore_index: as in :func:`nl`; class probabilities can't be ignored.
        reduction: as in :func:`nl`; with class probabilities, the mean is over the samples.
        label_smoothing: :math:`\varepsilon`, from 0 to 1.

    Returns:
        As :func:`nl`; the dtype is the wider one of `input` and of class probabilities.

    Raises:
        TypeError: as :func:`nl`.
        ValueError: as :func:`nl`; or if `label_smoothing` is not from 0 to 1, or `ignore_index`
            is given with class probabilities.
        IndexError: as :func:`nl`.

    Example:
        >>> import torch
        >>> from autograd_notes import cross_entropy
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 0.0]], requires_grad=True)
        >>> loss = cross_entropy(logits, torch.tensor([0, 1]))
        >>> loss.backward()
        >>> logits.grad
        tensor([[-0.0596,  0.0596],
                [ 0.2500, -0.2500]])
        >>> cross_entropy(logits.detach(), torch.tensor([[0.5, 0.5], [0.0, 1.0]]))
        tensor(0.9100)

    Agrees with :func:`torch.nn.functional.cross_entropy`.
    """
    soft = _check_cross_entropy(
        "input",
        input,
        target,
        weight,
        ignore_index=ignore_index,
        reduction=reduction,
        label_smoothing=label_smoothing,
    )
    log_p = log_softmax(_wide(input), _class_dim(input))
    n_classes = input.shape[_class_dim(input)]
    share = label_smoothing / max(n_classes, 1)  # pragma: no mutate: no classes, no loss
    if soft:
        q = (1 - label_smoothing) * _wide(target) + share
        losses = _expected(log_p, q, weight)
        dtype = torch.promote_types(input.dtype, target.dtype)
        return _reduce(losses, torch.ones_like(losses), reduction).to(dtype)
    picked, weights = _pick(log_p, target, weight, ignore_index)
    losses = -picked * weights
    if label_smoothing:
        spread = _expected(log_p, share, weight).masked_fill(target.long() == ignore_index, 0.0)
        losses = (1 - label_smoothing) * losses + spread
    return _reduce(losses, weights, reduction).to(input.dtype)


def _wide(x: Tensor) -> Tensor:
    """Sums of 16-bit numbers are taken in 32 bits."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def _maximum(x: Tensor, dim: int | tuple[int, ...]) -> Tensor:
    # A constant taken from every logit changes neither softmax nor its gradient, so the maximum
    # is detached: autograd has nothing to do for it. Any constant does where there are none.
    return x.detach().amax(dim, keepdim=True) if x.numel() else x.new_zeros(())


def _shifted(x: Tensor, dim: int) -> Tensor:
    _check_dim(x, dim)
    wide = _wide(x)
    return wide - _maximum(wide, dim)


def _log_sum_exp(shifted: Tensor, dim: int | tuple[int, ...]) -> Tensor:
    """Take the logarithm of a sum whose largest term is one, `exp(0)`.

    That one is left to log1p. Added to the others, it would take the digits of a small rest.
    """
    largest = (shifted == 0).to(shifted.dtype)
    rest = (shifted.exp() - largest).sum(dim, keepdim=True)
    return (rest + (largest.sum(dim, keepdim=True) - 1)).log1p()


def _class_dim(input: Tensor) -> int:
    return 1 if input.dim() > 1 else 0


def _pick(
    input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int
) -> tuple[Tensor, Tensor]:
    """Return what `input` holds for the class of each sample, and the weight of that class."""
    dim, target = _class_dim(input), target.long()
    ignore = target == ignore_index
    target = target.masked_fill(ignore, 0)
    picked = _wide(input.gather(dim, target.unsqueeze(dim)).squeeze(dim))
    weights = torch.ones_like(picked) if weight is None else _wide(weight)[target]
    picked = picked.masked_fill(ignore, 1.0)  # pragma: no mutate: its weight is zero
    return picked, weights.masked_fill(ignore, 0.0)


def _expected(log_p: Tensor, q: Tensor | float, weight: Tensor | None) -> Tensor:
    """Return the sum over the classes of `-w q log(p)`, where zero times log(0) is zero."""
    dim = _class_dim(log_p)
    if isinstance(q, Tensor):
        nothing = (q == 0) & log_p.isneginf()
        log_p = log_p.masked_fill(nothing, 0.0)  # pragma: no mutate: zero times any number
    if weight is not None:
        q = q * _wide(weight).reshape(-1, *[1] * (log_p.dim() - dim - 1))
    return -(q * log_p).sum(dim)


def _reduce(losses: Tensor, weights: Tensor, reduction: str) -> Tensor:
    if reduction == "none":
        return losses + 0.0  # an ignored sample loses zero, not minus zero
    return losses.sum() if reduction == "sum" else losses.sum() / weights.sum()


def _converted(x: Tensor, dtype: torch.dtype | None) -> Tensor:
    _check_tensor("x", x)
    x = x if dtype is None else x.to(dtype)  # pragma: no mutate: to(None) converts nothing
    _check_floating("x", x)
    return x


def _check_tensor(name: str, value: Tensor) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(f"{name}: expected a tensor, got {type(value).__name__}")


def _check_floating(name: str, value: Tensor) -> None:
    _check_tensor(name, value)
    if not value.is_floating_point():
        raise TypeError(f"{name}: expected a floating-point dtype, got {value.dtype}")


def _check_dim(x: Tensor, dim: int | tuple[int, ...]) -> None:
    # torch counts a tensor of shape () as having one dimension here.
    rank = max(x.dim(), 1)
    for one in dim if isinstance(dim, tuple) else (dim,):
        if not -rank <= one < rank:
            raise IndexError(
                f"dim: expected {-rank} to {rank - 1} for x of shape {tuple(x.shape)}, got {one}"
            )


def _check_cross_entropy(
    name: str,
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None,
    *,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> bool:
    """Check all that cross entropy is given, and return whether `target` holds probabilities."""
    soft = isinstance(target, Tensor) and target.is_floating_point()
    _check(logits, weight, reduction, name)
    (_check_probabilities if soft else _check_classes)(logits, target, ignore_index, name)
    _check_smoothing(label_smoothing)
    return soft


def _check(input: Tensor, weight: Tensor | None, reduction: str, name: str = "input") -> None:
    _check_floating(name, input)
    if input.dim() == 0:
        raise ValueError(f"{name}: expected shape (C) or (N, C, ...), got ()")
    if weight is not None:
        _check_weight(input, weight, name)
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"reduction: expected 'mean', 'sum' or 'none', got {reduction!r}")


def _check_weight(input: Tensor, weight: Tensor, name: str) -> None:
    _check_tensor("weight", weight)
    shape = (input.shape[_class_dim(input)],)
    if weight.dtype != input.dtype:
        raise TypeError(f"weight: expected the dtype of input, {input.dtype}, got {weight.dtype}")
    if tuple(weight.shape) != shape:
        raise ValueError(
            f"weight: expected shape {shape} for {name} of shape {tuple(input.shape)}, "
            f"got {tuple(weight.shape)}"
        )
    _check_device("weight", input, weight)


def _check_device(name: str, input: Tensor, value: Tensor) -> None:
    if value.device != input.device:
        expected = f"the device of input, {input.device}"
        raise ValueError(f"{name}: expected {expected}, got {value.device}")


def _check_smoothing(label_smoothing: float) -> None:
    if isinstance(label_smoothing, bool) or not isinstance(label_smoothing, (int, float)):
        kind = type(label_smoothing).__name__
        raise TypeError(f"label_smoothing: expected a number, got {kind}")
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing: expected 0 to 1, got {label_smoothing}")


def _check_probabilities(input: Tensor, target: Tensor, ignore_index: int, name: str) -> None:
    if target.shape != input.shape:
        raise ValueError(
            f"target: expected class probabilities of the shape of {name}, {tuple(input.shape)}, "
            f"got {tuple(target.shape)}; classes must be integers: target.long()"
        )
    if ignore_index != -100:
        raise ValueError(
            f"ignore_index: expected none with class probabilities, got {ignore_index}"
        )
    _check_device("target", input, target)


def _check_classes(input: Tensor, target: Tensor, ignore_index: int, name: str = "input") -> None:
    _check_tensor("target", target)
    if target.dtype not in (torch.int64, torch.uint8):
        raise TypeError(
            f"target: expected dtype torch.int64 or torch.uint8, got {target.dtype}; "
            "classes must be integers: target.long()"
        )
    shape = list(input.shape)
    n_classes = shape.pop(_class_dim(input))
    if list(target.shape) != shape:
        raise ValueError(
            f"target: expected shape {tuple(shape)} for {name} of shape {tuple(input.shape)}, "
            f"got {tuple(target.shape)}{_mend(input, target, shape, name)}"
        )
    _check_device("target", input, target)
    _check_range(target.long(), ignore_index, n_classes)


def _mend(input: Tensor, target: Tensor, shape: list[int], name: str) -> str:
    """Name the usual cause of a target of the wrong shape."""
    if target.shape == input.shape:
        probabilities = "class probabilities must be floating point: target.float()"
        return f"; {probabilities}; classes are target.argmax({_class_dim(input)})"
    if target.numel() == math.prod(shape):
        return f"; target.reshape({tuple(shape)}) has it"
    if target.shape == input.shape[:-1]:
        return f"; the classes are dim 1: {name}.movedim(-1, 1)"
    return ""


def _check_range(target: Tensor, ignore_index: int, n_classes: int) -> None:
    # Elsewhere than on the CPU, reading the classes would wait for the device, and in a compiled
    # function it would break the graph; there the kernel of gather refuses what is out of range.
    # Mutants are never compiled, so no test of theirs could tell.
    if target.device.type != "cpu" or torch.compiler.is_compiling():  # pragma: no mutate
        return
    try:
        ends = [int(end) for end in target[target != ignore_index].aminmax()]
    except RuntimeError:  # no sample counts, or torch.func.vmap shows no values
        return
    for found in ends:
        if not 0 <= found < n_classes:
            raise IndexError(f"target: expected classes from 0 to {n_classes - 1}, got {found}")
