"""Softmax, its logarithm, and the logarithm of a sum of exponentials."""

import torch
from torch import Tensor

from autograd_notes._checks import _check_dim, _check_floating, _converted
from autograd_notes._sharded import _collected, _is_sharded, _onehot
from autograd_notes._targets import _wide


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
