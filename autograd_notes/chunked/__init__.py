"""Cross entropy of a large vocabulary, by chunks of samples, with the gradient written by hand."""

import torch
from torch import Tensor

from autograd_notes._checks import check_loss, class_target
from autograd_notes._modes import is_traced
from autograd_notes._sharded import classes_axis, is_sharded
from autograd_notes._targets import class_dim
from autograd_notes.chunked._autograd import (
    _ChunkedCrossEntropy,
    _LinearCrossEntropy,
    linear_loss_of_shards,
    linear_then_loss,
)
from autograd_notes.chunked._batch import Options
from autograd_notes.chunked._checks import check_chunk_size, check_linear, check_overwritable
from autograd_notes.losses import cross_entropy

# The most logits in a chunk: 32 MiB in float32. Each chunk starts a few parallel regions, and each
# of those waits for the cores of a busy machine: few chunks wait less. Larger ones leave the cache.
_LOGITS = 2**23

# A product of matrices is faster with more rows: 16 MiB in float32.
_LINEAR_LOGITS = 2**22
_FEW_LOGITS = 2**14  # so few take longer by chunks, which make more calls


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
    r"""Average the negative log-likelihoods of a large table of logits, by chunks of samples.

    .. math::
        \frac{\partial \, \text{loss}}{\partial x_{n, c}}
        = g_n w_{t_n} \bigl(\operatorname{softmax}(x_n)_c - [c = t_n]\bigr)

    For a cotangent :math:`v`, :math:`g_n` is :math:`v / \sum_m w_{t_m}` with the mean, :math:`v`
    with the sum, and :math:`v_n` without a reduction. Beside the logits there is one tensor of
    their size, the gradient, or none with `inplace`. Sums are taken in float32, and in float64 for
    float64.

    Args:
        input: the logits, as in :func:`cross_entropy`.
        target: as in :func:`cross_entropy`.
        weight: as in :func:`cross_entropy`.
        ignore_index: as in :func:`cross_entropy`.
        reduction: as in :func:`cross_entropy`.
        label_smoothing: as in :func:`cross_entropy`.
        chunk_size: the number of samples in a chunk, 1 or more; by default, as many as have 2²³
            logits together, 32 MiB in float32.
        inplace: whether the gradient may overwrite the logits, if autograd needs a gradient. Then
            `input` no longer holds logits, and its gradient can be asked for once.

    Returns:
        As :func:`cross_entropy`. Under autocast, as there.

    Raises:
        TypeError: as :func:`cross_entropy`; or if `chunk_size` is not an integer.
        ValueError: as :func:`cross_entropy`; or if `chunk_size` is below 1; or, with `inplace`, if
            `input` is a leaf that requires a gradient, is a view, retains its gradient, or is the
            output of a compiled function, or if hooks of saved tensors are active or hold a tensor
            that the function of `input` has saved.
        IndexError: as :func:`cross_entropy`.
        RuntimeError: by ``backward``, after `inplace`: a second time, with ``create_graph``, if
            `input` was used again, or if another function has saved it, as ``exp`` saves its
            result. If hooks or a custom autograd function hid the saved logits from autograd, this
            can't be detected, and the gradients are wrong.

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

    These fall back to :func:`cross_entropy`, without chunks and never in place: at most 2¹⁴ logits
    without `chunk_size` and `inplace`, second derivatives, the gradient of `weight` or of class
    probabilities, :func:`torch.func.grad`, :func:`torch.func.vmap`, batched cotangents,
    :func:`torch.compile`, ``make_fx`` and ``torch.jit.trace``. With active hooks of saved tensors,
    as in a checkpoint, the gradient is computed in ``backward``, not ahead. The chunks refuse
    forward-mode differentiation outside of ``torch.func``.

    Agrees with :func:`torch.nn.functional.cross_entropy`.
    """
    given = Options(ignore_index, reduction, label_smoothing)
    check_loss(input, target, weight, *given, probabilities=True)
    check_chunk_size(chunk_size)
    options = Options(int(ignore_index), reduction, float(label_smoothing))
    default = chunk_size is None and not inplace
    if _needs_autograd(input, target, weight) or (default and input.numel() <= _FEW_LOGITS):
        return cross_entropy(input, target, weight=weight, **options.keywords())
    if not target.is_floating_point():  # refuse classes out of range
        class_target(target, options.ignore_index, input.shape[class_dim(input)])
    needed = torch.is_grad_enabled() and input.requires_grad
    if inplace and needed:
        check_overwritable(input)
    rows = int(chunk_size or 0) or max(1, _LOGITS // input.shape[class_dim(input)])
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
    r"""Average the negative log-likelihoods of a linear layer, without storing the logits.

    .. math::
        \begin{aligned}
        & \text{linear_cross_entropy}(h, A, t) \\
        & \quad = \text{cross_entropy}(h A^\top + b, t)
        \end{aligned}

    The logits of one chunk exist at a time. With their gradient :math:`d`, the chunk adds
    :math:`d^\top h` to :math:`dA`, and its part of :math:`dh` is :math:`d A`.

    Args:
        input: the hidden states, floating point, of shape `(N, H)`, or `(H)` without a batch.
        linear_weight: the matrix of the classes, of shape `(C, H)`, or `(C, d1, ..., H)` with a
            batch, and the dtype of `input`.
        target: as in :func:`cross_entropy`, for logits of shape `(N, C)`, `(C)`, or
            `(N, C, d1, ...)`.
        linear_bias: the bias :math:`b` of each class, shaped like `linear_weight` without `H`.
        weight: as in :func:`cross_entropy`.
        ignore_index: as in :func:`cross_entropy`.
        reduction: as in :func:`cross_entropy`.
        label_smoothing: as in :func:`cross_entropy`.
        chunk_size: the number of rows of `input` in a chunk, 1 or more; by default, as many as have
            2²² logits together, 16 MiB in float32.

    Returns:
        As :func:`cross_entropy`. Under autocast, as there: `linear_weight` may be float32 beside
        16-bit hidden states.

    Raises:
        TypeError: as :func:`cross_entropy`; or if `linear_weight` or `linear_bias` is not a tensor
            of the dtype of `input`, or `chunk_size` is not an integer.
        ValueError: as :func:`cross_entropy`; or if the shapes or the devices of `input`,
            `linear_weight` and `linear_bias` do not match, or `chunk_size` is below 1.
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

    The fallbacks are those of :func:`chunked_cross_entropy` but the first; they store all logits.
    With a DTensor matrix, sharded over the classes in one mesh dimension, the chunks are computed
    in the forward and again in ``backward``. With 16 bits, all sums are taken in float32, and so
    are the products on the CPU; elsewhere, products round to 16 bits.

    Agrees with :func:`torch.nn.functional.linear_cross_entropy`.
    """
    check_linear(input, linear_weight, linear_bias)
    classes = linear_weight.shape[:-1]
    given = Options(ignore_index, reduction, label_smoothing)
    # A stand-in with the shape of the logits, for the checks.
    logits = input.detach().new_empty(()).expand(*input.shape[:-1], *classes)
    check_loss(logits, target, weight, *given, probabilities=True, name="logits")
    options = Options(int(ignore_index), reduction, float(label_smoothing))
    if not target.is_floating_point():  # refuse classes out of range
        class_target(target, options.ignore_index, classes[0])
    check_chunk_size(chunk_size)
    matrix = linear_weight.flatten(0, -2)
    bias = None if linear_bias is None else linear_bias.flatten()
    tensors = (input, matrix, bias, target, weight)
    rows = int(chunk_size or 0) or max(1, _LINEAR_LOGITS // max(1, len(matrix)))
    axis = classes_axis(matrix)
    if axis is not None and logits.dim() == 2 and not is_traced():
        return linear_loss_of_shards(tensors, options, axis, rows)
    if _needs_autograd(logits, target, weight):
        return linear_then_loss(tensors, classes, options)
    batch = (input, target) if input.dim() > 1 else (input.unsqueeze(0), target.unsqueeze(0))
    loss: Tensor = _LinearCrossEntropy.apply(  # type: ignore[no-untyped-call]
        batch[0], matrix, bias, batch[1], weight, classes, options, rows, torch.is_grad_enabled()
    )
    return loss if input.dim() > 1 or reduction != "none" else loss.squeeze(0)


def _needs_autograd(logits: Tensor, target: Tensor, weight: Tensor | None) -> bool:
    """Return whether `cross_entropy` must take over: see the docstrings above."""
    return (
        is_traced()
        or is_sharded(logits)
        or torch._C._are_functorch_transforms_active()  # noqa: SLF001  # as Function.apply asks
        or target.requires_grad
        or (weight is not None and weight.requires_grad)
        or not logits.numel()
    )
