"""Softmax, its logarithm, and the logarithm of a sum of exponentials.

16-bit numbers are summed in 32 bits.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from autograd_notes._checks import check_dim, check_tensor
from autograd_notes._modes import autocasts
from autograd_notes._sharded import all_sum, largest, maximum, sum_less_one
from autograd_notes._targets import SUM_DTYPE


def logsumexp(
    x: Tensor, dim: int | tuple[int, ...] | list[int] = -1, keepdim: bool = False
) -> Tensor:
    r"""Take the logarithm of a sum of exponentials, without overflow.

    .. math:: \operatorname{logsumexp}(x) = m + \log \sum_j e^{x_j - m}, \qquad m = \max_j x_j

    Args:
        x: the logits, of any shape and any floating-point dtype.
        dim: the dimension, or the dimensions as a tuple or list, to sum over.
        keepdim: whether `dim` is kept, with size 1.

    Returns:
        The logarithms, with the dtype of `x`, and its shape without `dim`. Under autocast, with the
        dtype that :func:`torch.logsumexp` has there.

    Raises:
        TypeError: if `x` is not a dense floating-point tensor of 16 bits or more, or `dim` not an
            integer.
        ValueError: if `dim` is empty.
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
    check_tensor("x", x, floating=True)
    dims = tuple(dim) if isinstance(dim, (list, tuple)) else (dim,)
    check_dim(x, *dims)
    total = x.to(SUM_DTYPE.get(x.dtype, x.dtype))
    for one in dims:
        shift, index = largest(total, one)
        # inf - inf is NaN, so shift by 0 there; the shift is added back.
        shift = torch.where(shift.isinf(), torch.zeros_like(shift), shift)
        total = shift + sum_less_one((total - shift).exp(), one, index).log1p()
    return (total if keepdim else total.squeeze(dims)).to(_result_dtype(x, torch.logsumexp))


def softmax(x: Tensor, dim: int = -1, dtype: torch.dtype | None = None) -> Tensor:
    r"""Turn logits into probabilities that sum to one along a dimension.

    .. math:: \operatorname{softmax}(x)_i = \frac{e^{x_i}}{\sum_j e^{x_j}}

    Args:
        x: the logits, of any shape and any floating-point dtype.
        dim: the dimension that holds the classes.
        dtype: the dtype that `x` is converted to first; by default its own.

    Returns:
        The probabilities, with the shape of `x`, and its dtype or `dtype`. Under autocast without
        `dtype`, with the dtype that :func:`torch.nn.functional.softmax` has there.

    Raises:
        TypeError: if `x`, once converted, is not a dense floating-point tensor of 16 bits or more.
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
    x = _converted(x, dim, dtype)
    logits = x.to(SUM_DTYPE.get(x.dtype, x.dtype))
    unnormalized = (logits - maximum(logits, dim)).exp()
    return (unnormalized / all_sum(unnormalized, dim)).to(x.dtype)


def log_softmax(x: Tensor, dim: int = -1, dtype: torch.dtype | None = None) -> Tensor:
    r"""Take the logarithm of softmax, without the underflow of `softmax(x).log()`.

    .. math:: \text{log_softmax}(x)_i = x_i - \log \sum_j e^{x_j}

    Args:
        x: the logits, of any shape and any floating-point dtype.
        dim: the dimension that holds the classes.
        dtype: the dtype that `x` is converted to first; by default its own.

    Returns:
        The log-probabilities, with the shape of `x`, and its dtype or `dtype`. Under autocast, as
        :func:`softmax`.

    Raises:
        TypeError: if `x`, once converted, is not a dense floating-point tensor of 16 bits or more.
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
    x = _converted(x, dim, dtype)
    logits = x.to(SUM_DTYPE.get(x.dtype, x.dtype))
    shifted, logsumexp = shifted_logits(logits, dim)
    return (shifted - logsumexp).to(x.dtype)


def shifted_logits(x: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Return the logits less their maximum, and the logarithm of the sum of their exponentials."""
    shift, index = largest(x, dim)
    shifted = x - shift
    return shifted, sum_less_one(shifted.exp(), dim, index).log1p()


def _converted(x: Tensor, dim: int, dtype: torch.dtype | None) -> Tensor:
    """Return the checked logits, with the dtype that was asked for."""
    check_tensor("x", x)
    if dtype is not None:
        x = x.to(dtype)
    check_tensor("x", x, floating=True)
    check_dim(x, dim)
    return x if dtype is not None else x.to(_result_dtype(x, torch.softmax))


def _result_dtype(x: Tensor, function: Callable[[Tensor, int], Tensor]) -> torch.dtype:
    """Return the dtype of torch's function of `x`, which autocast widens on some devices."""
    return function(x.detach().new_empty(0), 0).dtype if autocasts(x) else x.dtype
