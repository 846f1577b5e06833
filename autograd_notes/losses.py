"""The losses from probabilities, log-probabilities and logits. 16-bit sums are taken in 32 bits."""

import torch
from torch import Tensor

from autograd_notes._checks import check_loss, class_target
from autograd_notes._sharded import all_sum, gather
from autograd_notes._targets import SUM_DTYPE, class_dim, masked, reduced_loss, weighted_losses
from autograd_notes.logits import shifted_logits


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
        input: the probabilities, floating point, of shape `(N, C, d1, ...)`, `(N, C)`, or `(C)`.
        target: the class of each sample, int64 or uint8, of shape `(N, d1, ...)`, `(N)`, or `()`.
        weight: the weight of each class, of shape `(C)` and the dtype of `input`; by default 1.
        ignore_index: samples with this target are left out.
        reduction: `'mean'` for the weighted mean, `'sum'`, or `'none'`.

    Returns:
        The mean or sum, of shape `()`, or the weighted losses, shaped like `target`; with the
        dtype of `input`. Under autocast, 16-bit tensors and float32 mix, and the loss is float32.

    Raises:
        TypeError: if `input`, `target` or `weight` is not a tensor of such a dtype.
        ValueError: if shapes or devices do not match, or `reduction` is unknown.
        IndexError: if a class in `target` is not from 0 to `C - 1`, and not ignored.

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
    check_loss(input, target, weight, ignore_index, reduction)
    dim = class_dim(input)
    index, ignored = class_target(target, ignore_index, input.shape[dim])
    p = gather(input, dim, index).squeeze(dim).to(SUM_DTYPE.get(input.dtype, input.dtype))
    losses = -masked(p, ignored, 1.0).log()  # log(0) has an infinite gradient
    losses, weights = weighted_losses(losses, index, ignored, weight)
    return reduced_loss(losses, weights, reduction, input.dtype)


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
        input: the log-probabilities, of the dtypes and shapes of the `input` of :func:`nl`.
        target: as in :func:`nl`.
        weight: as in :func:`nl`.
        ignore_index: as in :func:`nl`.
        reduction: as in :func:`nl`.

    Returns:
        As :func:`nl`. Under autocast, as there.

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
    check_loss(input, target, weight, ignore_index, reduction)
    dim = class_dim(input)
    index, ignored = class_target(target, ignore_index, input.shape[dim])
    losses = -gather(input, dim, index).squeeze(dim).to(SUM_DTYPE.get(input.dtype, input.dtype))
    losses, weights = weighted_losses(losses, index, ignored, weight)
    return reduced_loss(losses, weights, reduction, input.dtype)


def cross_entropy(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    r"""Average the negative log-likelihoods, from logits.

    .. math:: \text{cross_entropy}(x, t) = \operatorname{nll}(\text{log_softmax}(x), t)

    With class probabilities :math:`q` as the target, or with label smoothing, the loss of a sample
    is :math:`-\sum_c w_c \, q_c \log p_c`. Smoothing replaces :math:`q` by
    :math:`(1 - \varepsilon) \, q + \varepsilon / C`.

    Args:
        input: the logits, floating point, of shape `(N, C, d1, ...)`, `(N, C)`, or `(C)`.
        target: the classes, as in :func:`nl`; or class probabilities, shaped like `input`.
        weight: as in :func:`nl`.
        ignore_index: as in :func:`nl`; not with class probabilities.
        reduction: as in :func:`nl`; with class probabilities, the mean is over the samples.
        label_smoothing: :math:`\varepsilon`, from 0 to 1.

    Returns:
        As :func:`nl`, also under autocast; class probabilities may widen the dtype.

    Raises:
        TypeError: as :func:`nl`.
        ValueError: as :func:`nl`; or if `label_smoothing` is not from 0 to 1, or `ignore_index`
            is given with class probabilities.
        IndexError: as :func:`nl`.

    Example:
        >>> import torch
        >>> from autograd_notes import cross_entropy
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 0.0]], requires_grad=True)
        >>> cross_entropy(logits, torch.tensor([0, 1])).backward()
        >>> logits.grad
        tensor([[-0.0596,  0.0596],
                [ 0.2500, -0.2500]])
        >>> cross_entropy(logits.detach(), torch.tensor([[0.5, 0.5], [0.0, 1.0]]))
        tensor(0.9100)

    Agrees with :func:`torch.nn.functional.cross_entropy`.
    """
    check_loss(input, target, weight, ignore_index, reduction, label_smoothing, probabilities=True)
    dim, dtype, label_smoothing = class_dim(input), input.dtype, float(label_smoothing)
    # -log_softmax(x)[t] = logsumexp(shifted) - shifted[t], without the logarithms of other classes
    logits = input.to(SUM_DTYPE[dtype]) if dtype in SUM_DTYPE else input
    shifted, logsumexp = shifted_logits(logits, dim)
    share = label_smoothing / input.shape[dim] if logits.numel() else label_smoothing
    if target.is_floating_point():
        dtype = torch.promote_types(dtype, target.dtype)
        q = (1 - label_smoothing) * target.to(SUM_DTYPE.get(target.dtype, target.dtype)) + share
        losses, weights = expected_nll(shifted - logsumexp, q, weight), None
    else:
        index, ignored = class_target(target, ignore_index, input.shape[dim])
        losses = (logsumexp - gather(shifted, dim, index)).squeeze(dim)
        losses, weights = weighted_losses(losses, index, ignored, weight)
        if label_smoothing:
            smooth = expected_nll(shifted - logsumexp, share, weight)
            losses = (1 - label_smoothing) * losses + masked(smooth, ignored)
    return reduced_loss(losses, weights, reduction, dtype)


def expected_nll(log_p: Tensor, q: Tensor | float, weight: Tensor | None) -> Tensor:
    """Return the sum over the classes of `-w q log(p)`, where 0 times infinity is 0."""
    dim, rest = class_dim(log_p), [1] * (log_p.dim() - 2)
    weighted = q if weight is None else q * weight.to(log_p.dtype).reshape(-1, *rest)
    if isinstance(weighted, Tensor):
        impossible = (weighted == 0) & log_p.isneginf()
        log_p = log_p.masked_fill(impossible, 0.0)
    terms = -weighted * log_p
    if isinstance(q, Tensor) and q.requires_grad:  # sqrt(0) is 0, with an infinite derivative
        terms = torch.where(impossible, q.where(impossible, 1.0).sqrt(), terms)
    return all_sum(terms, dim).squeeze(dim)
