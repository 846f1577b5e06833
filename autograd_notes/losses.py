"""Softmax, its logarithm, and the three losses that are built on them.

The definitions come first, the checks of what they are given last.
"""

import torch
from torch import Tensor


def softmax(x: Tensor, dim: int = -1) -> Tensor:
    r"""Turn logits into probabilities that sum to one along a dimension.

    .. math:: \operatorname{softmax}(x)_i = \frac{e^{x_i}}{\sum_j e^{x_j}}

    Args:
        x: the logits, of any shape and any floating-point dtype.
        dim: the dimension that holds the classes.

    Returns:
        The probabilities, with the shape and dtype of `x`.

    Raises:
        TypeError: if `x` is not a floating-point tensor.
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
    unnormalized = _shifted(x, dim).exp()
    return unnormalized / unnormalized.sum(dim, keepdim=True)


def log_softmax(x: Tensor, dim: int = -1) -> Tensor:
    r"""Take the logarithm of softmax, without the underflow of taking it afterwards.

    .. math:: \text{log_softmax}(x)_i = x_i - \log \sum_j e^{x_j}

    Args:
        x: the logits, of any shape and any floating-point dtype.
        dim: the dimension that holds the classes.

    Returns:
        The log-probabilities, with the shape and dtype of `x`.

    Raises:
        TypeError: if `x` is not a floating-point tensor.
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
    shifted = _shifted(x, dim)
    return shifted - shifted.exp().sum(dim, keepdim=True).log()


def nl(input: Tensor, target: Tensor) -> Tensor:
    r"""Average the negative logarithm of the likelihoods, from probabilities.

    .. math:: \operatorname{nl}(p, t) = -\frac{1}{N} \sum_n \log p_{n, t_n}

    Args:
        input: the probabilities, floating point, of shape `(N, C)`, `(C)` without a batch, or
            `(N, C, d1, ...)`.
        target: the class of each sample, int64 or uint8, of shape `(N)`, `()` without a batch,
            or `(N, d1, ...)`.

    Returns:
        The mean over all samples, of shape `()`, with the dtype of `input`.

    Raises:
        TypeError: if `input` is not a floating-point tensor, or `target` not one of int64 or
            uint8.
        ValueError: if the shapes do not belong together.
        IndexError: if a class in `target` is below 0, or not below `C`.

    Example:
        >>> import torch
        >>> from autograd_notes import nl
        >>> nl(torch.tensor([[0.5, 0.5], [0.0, 1.0]]), torch.tensor([0, 1]))
        tensor(0.3466)

    Agrees with :func:`torch.nn.functional.nll_loss` of ``input.log()``.
    """
    return -_likelihood(input, target).log().mean()


def nll(input: Tensor, target: Tensor) -> Tensor:
    r"""Average the negative log-likelihoods, from log-probabilities.

    .. math:: \operatorname{nll}(\ell, t) = -\frac{1}{N} \sum_n \ell_{n, t_n}

    Args:
        input: the log-probabilities, floating point, of shape `(N, C)`, `(C)` without a batch,
            or `(N, C, d1, ...)`.
        target: the class of each sample, int64 or uint8, of shape `(N)`, `()` without a batch,
            or `(N, d1, ...)`.

    Returns:
        The mean over all samples, of shape `()`, with the dtype of `input`.

    Raises:
        TypeError: if `input` is not a floating-point tensor, or `target` not one of int64 or
            uint8.
        ValueError: if the shapes do not belong together.
        IndexError: if a class in `target` is below 0, or not below `C`.

    Example:
        >>> import torch
        >>> from autograd_notes import nll
        >>> nll(torch.tensor([[-0.5, -1.0], [-2.0, -0.25]]), torch.tensor([0, 1]))
        tensor(0.3750)

    Agrees with :func:`torch.nn.functional.nll_loss`.
    """
    return -_likelihood(input, target).mean()


def cross_entropy(input: Tensor, target: Tensor) -> Tensor:
    r"""Average the negative log-likelihoods, straight from logits.

    .. math::
        \text{cross_entropy}(x, t) = \operatorname{nll}(\text{log_softmax}(x), t)

    Args:
        input: the logits, floating point, of shape `(N, C)`, `(C)` without a batch, or
            `(N, C, d1, ...)`.
        target: the class of each sample, int64 or uint8, of shape `(N)`, `()` without a batch,
            or `(N, d1, ...)`.

    Returns:
        The mean over all samples, of shape `()`, with the dtype of `input`.

    Raises:
        TypeError: if `input` is not a floating-point tensor, or `target` not one of int64 or
            uint8.
        ValueError: if the shapes do not belong together.
        IndexError: if a class in `target` is below 0, or not below `C`.

    Example:
        >>> import torch
        >>> from autograd_notes import cross_entropy
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 0.0]], requires_grad=True)
        >>> loss = cross_entropy(logits, torch.tensor([0, 1]))
        >>> loss
        tensor(0.4100, grad_fn=<NegBackward0>)
        >>> loss.backward()
        >>> logits.grad
        tensor([[-0.0596,  0.0596],
                [ 0.2500, -0.2500]])

    Agrees with :func:`torch.nn.functional.cross_entropy`.
    """
    _check_target(input, target)
    return nll(log_softmax(input, _class_dim(input)), target)


def _shifted(x: Tensor, dim: int) -> Tensor:
    _check_floating("x", x)
    _check_dim(x, dim)
    # A constant taken from every logit changes neither softmax nor its gradient, so the maximum
    # is detached: autograd has nothing to do for it.
    return x - x.detach().amax(dim, keepdim=True)


def _likelihood(input: Tensor, target: Tensor) -> Tensor:
    """Pick what `input` holds for the target class of each sample."""
    _check_target(input, target)
    dim = _class_dim(input)
    return input.gather(dim, target.long().unsqueeze(dim)).squeeze(dim)


def _class_dim(input: Tensor) -> int:
    return 1 if input.dim() > 1 else 0


def _check_tensor(name: str, value: Tensor) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(f"{name}: expected a tensor, got {type(value).__name__}")


def _check_floating(name: str, value: Tensor) -> None:
    _check_tensor(name, value)
    if not value.is_floating_point():
        raise TypeError(f"{name}: expected a floating-point dtype, got {value.dtype}")


def _check_dim(x: Tensor, dim: int) -> None:
    # torch counts a tensor of shape () as having one dimension here.
    rank = max(x.dim(), 1)
    if not -rank <= dim < rank:
        raise IndexError(
            f"dim: expected {-rank} to {rank - 1} for x of shape {tuple(x.shape)}, got {dim}"
        )


def _check_target(input: Tensor, target: Tensor) -> None:
    _check_floating("input", input)
    if input.dim() == 0:
        raise ValueError("input: expected shape (C) or (N, C, ...), got ()")
    _check_tensor("target", target)
    if target.dtype not in (torch.int64, torch.uint8):
        raise TypeError(f"target: expected dtype torch.int64 or torch.uint8, got {target.dtype}")

    shape = list(input.shape)
    n_classes = shape.pop(_class_dim(input))
    if list(target.shape) != shape:
        raise ValueError(
            f"target: expected shape {tuple(shape)} for input of shape {tuple(input.shape)}, "
            f"got {tuple(target.shape)}"
        )
    # Elsewhere than on the CPU, reading the classes would wait for the device; there the kernel
    # of gather refuses what is out of range.
    if target.device.type == "cpu" and target.numel() > 0:
        for found in target.aminmax():
            if not 0 <= found < n_classes:
                raise IndexError(
                    f"target: expected classes from 0 to {n_classes - 1} for input of shape "
                    f"{tuple(input.shape)}, got {found.item()}"
                )
