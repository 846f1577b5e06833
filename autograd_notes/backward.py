"""Worked examples of `backward(v)`, with the Jacobian that it never forms beside them."""

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from autograd_notes._checks import check_tensor


def quadratic_form(x: Tensor, w: Tensor) -> Tensor:
    r"""Multiply a square matrix by the same vector on both sides.

    .. math:: y = x^\top w \, x

    Args:
        x: a column of shape `(n, 1)`, of the dtype of `w`.
        w: a matrix of shape `(n, n)`.

    Returns:
        `y`, of shape `(1, 1)`.

    Raises:
        TypeError: if `x` or `w` is not a tensor, or their dtypes differ.
        ValueError: if `x` is not a column, or `w` not a square matrix of the same `n`.

    Example:
        >>> import torch
        >>> from autograd_notes import quadratic_form
        >>> quadratic_form(torch.tensor([[1.0], [5.0]]), torch.tensor([[0.0, 1.0], [1.0, 0.0]]))
        tensor([[10.]])

    Agrees with ``x.t() @ w @ x`` (:func:`torch.matmul`).
    """
    _check_matrix(w, x, rows=_check_column(x))
    return x.t() @ w @ x


def linear_map(x: Tensor, w: Tensor) -> Tensor:
    r"""Multiply a matrix by a vector.

    .. math:: y = w \, x

    Args:
        x: a column of shape `(n, 1)`, of the dtype of `w`.
        w: a matrix of shape `(m, n)`.

    Returns:
        `y`, of shape `(m, 1)`.

    Raises:
        TypeError: if `x` or `w` is not a tensor, or their dtypes differ.
        ValueError: if `x` is not a column, or `w` not a matrix with `n` columns.

    Example:
        >>> import torch
        >>> from autograd_notes import linear_map
        >>> linear_map(torch.tensor([[1.0], [5.0]]), torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
        tensor([[11.],
                [23.]])

    Agrees with ``w @ x`` (:func:`torch.matmul`).
    """
    _check_column(x)
    _check_matrix(w, x, rows="m")
    return w @ x


class BackwardRun(NamedTuple):
    """The inputs and results of one ``y.backward(v)``, as :func:`run_backward` returns them."""

    y: Tensor
    """The output, with its graph already used."""
    jacobian: Tensor
    """The matrix with a row for each element of `y` and a column for each element of `x`."""
    v: Tensor
    """The cotangent, shaped like `y`."""
    grad: Tensor
    """The gradient that ``backward`` left in ``x.grad``, shaped like `x`."""

    @property
    def vjp(self) -> Tensor:
        """The product of the transposed Jacobian with `v`, shaped like `x`, of its dtype."""
        jacobian, v = self.jacobian, self.v
        wide = torch.promote_types(jacobian.dtype, v.dtype)
        vjp = jacobian.t().to(wide) @ v.reshape(-1).to(wide)
        return vjp.reshape(self.grad.shape).to(self.grad.dtype)

    def __deepcopy__(self, memo: dict[int, Any]) -> "BackwardRun":
        # copy refuses a tensor with a graph
        return BackwardRun(*(copy.deepcopy(x.detach(), memo) for x in self))


def run_backward(
    function: Callable[[Tensor], Tensor], x: Tensor, v: Tensor | None = None
) -> BackwardRun:
    r"""Run ``y.backward(v)`` for ``y = function(x)``, and compute the Jacobian beside it.

    .. math:: \text{grad} = J^\top v, \qquad J_{ij} = \frac{\partial y_i}{\partial x_j}

    Args:
        function: takes a tensor like `x` and returns one tensor `y` that depends on it. It is
            called once, and so changes its buffers once; then backward runs once for each
            element of `y`, and once for `v`. A checkpoint in it runs its part again each time.
        x: the input, of any shape and any floating-point dtype. It is copied: neither its
            ``.grad`` nor its ``requires_grad`` changes, nor that of any other tensor.
        v: the cotangent, with the shape and dtype of `y`. It may be left out where `y` has one
            element: it is then one, as in PyTorch.

    Returns:
        `y`, the Jacobian, `v` and the gradient, as a :class:`BackwardRun`.

    Raises:
        TypeError: if `x` is not a floating-point tensor, `function` does not return one, or `v`
            is not a tensor of the dtype of `y`.
        ValueError: if `v` is not shaped like the output, if it is left out where `y` has more
            than one element, if `y` does not depend on `x`, or under ``torch.no_grad()``.

    Example:
        >>> import torch
        >>> from autograd_notes import linear_map, run_backward
        >>> w = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> x, v = torch.tensor([[1.0], [5.0]]), torch.tensor([[1.0], [10.0]])
        >>> run = run_backward(lambda x: linear_map(x, w), x, v)
        >>> run.jacobian
        tensor([[1., 2.],
                [3., 4.]])
        >>> run.grad
        tensor([[31.],
                [42.]])
        >>> torch.equal(run.grad, run.vjp)
        True

    Agrees with :meth:`torch.Tensor.backward` and :func:`torch.autograd.functional.jacobian`.
    """
    check_tensor("x", x, floating=True)
    if not torch.is_grad_enabled():
        raise ValueError(
            "function: no result has a graph under torch.no_grad() or torch.inference_mode()"
        )
    leaf = x.detach().clone().requires_grad_()
    y = function(leaf)
    check_tensor("the result of function", y, floating=True)
    v = _check_cotangent(v, y)
    if not y.requires_grad:
        raise ValueError("function: expected a result that depends on x, got one without a graph")
    y.backward(v, inputs=[leaf], retain_graph=True)  # type: ignore[no-untyped-call]
    if leaf.grad is None:
        raise ValueError("function: expected a result that depends on x, got one that does not")
    # torch.func.jacrev refuses a checkpoint, BatchNorm in training, and more.
    m = y.numel()
    jacobian = leaf.new_zeros(m, leaf.numel())
    for i, onehot in enumerate(torch.eye(m).to(y)):
        last = i == m - 1
        (row,) = torch.autograd.grad(y, leaf, onehot.reshape(y.shape), retain_graph=not last)
        jacobian[i] = row.reshape(-1)
    return BackwardRun(y, jacobian, v, leaf.grad)


def _check_column(x: Tensor) -> int:
    check_tensor("x", x)
    if x.dim() != 2 or x.shape[1] != 1:
        raise ValueError(f"x: expected a column of shape (n, 1), got {tuple(x.shape)}")
    return x.shape[0]


def _check_matrix(w: Tensor, x: Tensor, rows: int | str) -> None:
    check_tensor("w", w)
    columns = x.shape[0]
    if w.dim() != 2 or rows not in ("m", w.shape[0]) or w.shape[1] != columns:
        raise ValueError(
            f"w: expected shape ({rows}, {columns}) for x of shape {tuple(x.shape)}, "
            f"got {tuple(w.shape)}"
        )
    if w.dtype != x.dtype:
        raise TypeError(f"w: expected the dtype of x, {x.dtype}, got {w.dtype}")


def _check_cotangent(v: Tensor | None, y: Tensor) -> Tensor:
    if v is None:
        if y.numel() != 1:
            raise ValueError(
                f"v: expected a tensor shaped like the output, {tuple(y.shape)}, got none "
                "(only an output of one element can do without)"
            )
        return torch.ones_like(y)
    check_tensor("v", v)
    if v.shape != y.shape:
        raise ValueError(
            f"v: expected the shape of the output, {tuple(y.shape)}, got {tuple(v.shape)}"
        )
    if v.dtype != y.dtype:
        raise TypeError(f"v: expected the dtype of the output, {y.dtype}, got {v.dtype}")
    return v
