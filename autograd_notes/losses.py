"""Softmax and its logarithm, and the three losses that are built on them.

The definitions come first, and read like their formulas. Then comes what they share: picking the
target, and taking the mean. The checks of what they are given come last.

All take a DTensor too, sharded over the batch or over the classes, and never collect it.
"""

import math
from typing import TYPE_CHECKING, TypeGuard

import torch
from torch import Tensor

if TYPE_CHECKING:
    from torch.distributed.tensor import DTensor


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
        >>> logsumexp(torch.tensor([1000.0, 0.0]))
        tensor(1000.)

    Agrees with :func:`torch.logsumexp`.
    """
    _check_floating("x", x)
    _check_dim(x, dim)
    total = _wide(x)
    for one in dim if isinstance(dim, tuple) else (dim,):
        maximum = _maximum(total, one)
        # An infinity less itself would be no number. Any number does: it is added again.
        maximum = maximum.masked_fill(maximum.isinf(), 0.0)  # pragma: no mutate: any number does
        total = maximum + _log_sum_exp(total - maximum, one)
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
    return (unnormalized / _collected(unnormalized.sum(dim, keepdim=True))).to(x.dtype)


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
    index, ignored = _classes(input, target, ignore_index)
    losses = -_without(ignored, _pick(input, index), 1.0).log()
    return _reduce(*_weigh(losses, index, ignored, weight), reduction).to(input.dtype)


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
    index, ignored = _classes(input, target, ignore_index)
    losses = -_pick(input, index)
    return _reduce(*_weigh(losses, index, ignored, weight), reduction).to(input.dtype)


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
    classes = _check_cross_entropy(
        "input",
        input,
        target,
        weight,
        ignore_index=ignore_index,
        reduction=reduction,
        label_smoothing=label_smoothing,
    )
    dim = _class_dim(input)
    share = label_smoothing / max(input.shape[dim], 1)  # pragma: no mutate: no classes, no loss
    if classes is None:
        q = (1 - label_smoothing) * _wide(target) + share
        losses = _expected(log_softmax(_wide(input), dim), q, weight)
        return _reduce(losses, None, reduction).to(torch.promote_types(input.dtype, target.dtype))

    index, ignored = classes
    # -log_softmax, of the target alone
    shifted = _shifted(input, dim)
    log_total = _log_sum_exp(shifted, dim)
    losses = log_total.squeeze(dim) - _pick(shifted, index)
    losses, weights = _weigh(losses, index, ignored, weight)
    if label_smoothing:
        spread = _expected(shifted - log_total, share, weight)
        losses = (1 - label_smoothing) * losses + _without(ignored, spread)
    return _reduce(losses, weights, reduction).to(input.dtype)


def _wide(x: Tensor) -> Tensor:
    return x.to(_wide_dtype(x.dtype))


def _wide_dtype(dtype: torch.dtype) -> torch.dtype:
    """Sums of 16-bit numbers are taken in 32 bits."""
    return torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype


def _maximum(x: Tensor, dim: int) -> Tensor:
    # A constant taken from every logit changes neither softmax nor its gradient, so the maximum
    # is detached: autograd has nothing to do for it. Any constant does where there are none.
    return x.detach().amax(dim, keepdim=True) if x.numel() else x.new_zeros(())


def _shifted(x: Tensor, dim: int) -> Tensor:
    _check_dim(x, dim)
    wide = _wide(x)
    return wide - _maximum(wide, dim)


def _log_sum_exp(shifted: Tensor, dim: int) -> Tensor:
    """Take the logarithm of a sum whose largest term is one, `exp(0)`.

    That one is left to log1p. Added to the others, it would take the digits of a small rest.
    """
    terms = shifted.exp()
    if not terms.numel():
        return terms.sum(dim, keepdim=True).log()
    largest = shifted.argmax(dim, keepdim=True)
    if _is_sharded(terms):
        rest = terms - _onehot(terms, dim, largest).to(terms.dtype)
    else:
        rest = terms.scatter_add(dim, largest, terms.new_full(largest.shape, -1.0))
    return _collected(rest.sum(dim, keepdim=True)).log1p()


def _class_dim(input: Tensor) -> int:
    return 1 if input.dim() > 1 else 0


def _pick(input: Tensor, index: Tensor) -> Tensor:
    """Return what `input` holds for the class of each sample."""
    dim = _class_dim(input)
    index = index.unsqueeze(dim)
    if _is_sharded(input):
        picked = input.masked_fill(~_onehot(input, dim, index), 0.0).sum(dim)
    else:
        picked = input.gather(dim, index).squeeze(dim)
    return _wide(picked)


def _without(ignored: Tensor | None, values: Tensor, filler: float = 0.0) -> Tensor:
    return values if ignored is None else values.masked_fill(ignored, filler)


def _weigh(
    losses: Tensor, index: Tensor, ignored: Tensor | None, weight: Tensor | None
) -> tuple[Tensor, Tensor | None]:
    """Return the weighted losses, and their weights; none where all are one."""
    if weight is None and ignored is None:
        return losses, None
    weights = torch.ones_like(losses) if weight is None else _wide(weight)[index]
    weights = _without(ignored, weights)
    return _without(ignored, losses) * weights, weights


def _is_sharded(x: Tensor) -> "TypeGuard[DTensor]":
    """Return whether several processes share `x`. Indexing it by classes would collect it."""
    return hasattr(x, "placements")


def _onehot(x: "DTensor", dim: int, index: Tensor) -> Tensor:
    """Return where `x` has the index. Each process compares it with those that it holds."""
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor  # noqa: PLC0415  # slow

    dim %= x.dim()
    places = [Shard(0) if p.is_shard(dim) else Replicate() for p in x.placements]
    held = torch.arange(x.shape[dim], device=x.device)
    held = distribute_tensor(held, x.device_mesh, places, src_data_rank=None)
    return index == held.reshape(-1, *[1] * (x.dim() - dim - 1))


def _collected(total: Tensor) -> Tensor:
    """Add up a sum of which each process holds a part, and later the gradient of that sum."""
    if _is_sharded(total):
        from torch.distributed.tensor import DTensor, Replicate  # noqa: PLC0415  # slow

        mesh, shape, stride = total.device_mesh, total.shape, total.stride()
        places = [Replicate() if p.is_partial() else p for p in total.placements]
        local = total.redistribute(mesh, places).to_local()
        # Left alone, the gradient would stay in parts until it has the size of the logits.
        return DTensor.from_local(local, mesh, places, shape=shape, stride=stride)
    return total


def _expected(log_p: Tensor, q: Tensor | float, weight: Tensor | None) -> Tensor:
    """Return the sum over the classes of `-w q log(p)`, where zero times log(0) is zero."""
    dim = _class_dim(log_p)
    if isinstance(q, Tensor):
        nothing = (q == 0) & log_p.isneginf()
        log_p = log_p.masked_fill(nothing, 0.0)  # pragma: no mutate: zero times any number
    if weight is not None:
        q = q * _wide(weight).reshape(-1, *[1] * (log_p.dim() - dim - 1))
    return -(q * log_p).sum(dim)


def _reduce(losses: Tensor, weights: Tensor | None, reduction: str) -> Tensor:
    if reduction == "none":
        return losses + 0.0  # a loss of nothing is zero, not minus zero
    if reduction == "sum":
        return losses.sum()
    return losses.mean() if weights is None else losses.sum() / weights.sum()


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
) -> tuple[Tensor, Tensor | None] | None:
    """Check all that cross entropy is given, and return its classes, or nothing if it has none."""
    _check(logits, weight, reduction, name)
    _check_smoothing(label_smoothing)
    if isinstance(target, Tensor) and target.is_floating_point():
        _check_probabilities(logits, target, ignore_index, name)
        return None
    return _classes(logits, target, ignore_index, name)


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
    if _is_sharded(value) != _is_sharded(input):
        kinds = "a DTensor", "a tensor on one device"
        expected, got = kinds if _is_sharded(input) else reversed(kinds)
        raise ValueError(f"{name}: expected {expected}, as input is, got {got}")
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


def _classes(
    input: Tensor, target: Tensor, ignore_index: int, name: str = "input"
) -> tuple[Tensor, Tensor | None]:
    """Return the checked classes, and which are ignored; none where it is known that none is."""
    _check_target(input, target, name)
    target = target.long()
    if _all_count(target, ignore_index, input.shape[_class_dim(input)]):
        return target, None
    ignored = target == ignore_index
    return target.masked_fill(ignored, 0), ignored


def _check_target(input: Tensor, target: Tensor, name: str) -> None:
    _check_tensor("target", target)
    if target.dtype not in (torch.int64, torch.uint8):
        raise TypeError(
            f"target: expected dtype torch.int64 or torch.uint8, got {target.dtype}; "
            "classes must be integers: target.long()"
        )
    shape = list(input.shape)
    shape.pop(_class_dim(input))
    if list(target.shape) != shape:
        raise ValueError(
            f"target: expected shape {tuple(shape)} for {name} of shape {tuple(input.shape)}, "
            f"got {tuple(target.shape)}{_mend(input, target, shape, name)}"
        )
    _check_device("target", input, target)


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


def _all_count(target: Tensor, ignore_index: int, n_classes: int) -> bool:
    """Return whether every target is a class, and refuse what is neither that nor ignored."""
    # Elsewhere than on the CPU, reading the classes would wait for the device, and in a compiled
    # function it would break the graph; there the kernel of gather refuses what is out of range.
    # Mutants are never compiled, so no test of theirs could tell.
    if target.device.type != "cpu" or torch.compiler.is_compiling():  # pragma: no mutate
        return False
    if _is_sharded(target):
        _all_count(target.to_local(), ignore_index, n_classes)  # each process checks its own
        return False  # all of them must go the same way, whatever each holds
    try:
        low, high = (int(end) for end in target.aminmax())
    except RuntimeError:  # there is no sample, or torch.func.vmap shows no values
        return False
    if 0 <= low <= high < n_classes:
        return not low <= ignore_index <= high
    wrong = target[((target < 0) | (target >= n_classes)) & (target != ignore_index)]
    if wrong.numel():
        found = int(wrong[0])
        raise IndexError(f"target: expected classes from 0 to {n_classes - 1}, got {found}")
    return False
