"""The three losses: from probabilities, from log-probabilities, and from logits."""

import torch
from torch import Tensor

from autograd_notes._checks import _check, _check_cross_entropy, _classes
from autograd_notes._targets import _class_dim, _pick, _reduce, _weigh, _wide, _without
from autograd_notes.logits import _log_sum_exp, _shifted, log_softmax


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


def _expected(log_p: Tensor, q: Tensor | float, weight: Tensor | None) -> Tensor:
    """Return the sum over the classes of `-w q log(p)`, where zero times log(0) is zero."""
    dim = _class_dim(log_p)
    if isinstance(q, Tensor):
        nothing = (q == 0) & log_p.isneginf()
        log_p = log_p.masked_fill(nothing, 0.0)  # pragma: no mutate: zero times any number
    if weight is not None:
        q = q * _wide(weight).reshape(-1, *[1] * (log_p.dim() - dim - 1))
    return -(q * log_p).sum(dim)
