"""The checks of the arguments that only the losses by chunks have."""

from typing import Any

import torch
from torch import Tensor

from autograd_notes._checks import _check_device, _check_floating


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
