"""The checks of the arguments that only the losses by chunks have."""

from itertools import chain
from numbers import Integral
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import Node

from autograd_notes._checks import check_dtype, check_number, check_tensor
from autograd_notes._modes import hooks_save, is_batched, is_packed

# A function whose output shares the storage of its input, and is no view for autograd.
_SHARING = ("UnsafeViewBackward0", "AliasBackward0")


def check_chunk_size(chunk_size: int | None) -> None:
    """Refuse a chunk size that is no positive integer."""
    if chunk_size is None:
        return
    check_number("chunk_size", chunk_size, Integral, "an integer")
    if chunk_size < 1:
        raise ValueError(f"chunk_size: expected 1 or more, got {chunk_size}")


def check_overwritable(input: Tensor) -> None:
    """Refuse logits that autograd or the caller needs after they are overwritten."""
    if hooks_save():
        raise ValueError(
            "inplace: expected no hooks of saved tensors, such as those of a checkpoint: "
            "they hide whether the logits are needed"
        )
    reasons = {
        "a leaf that requires grad": input.is_leaf,
        "a view of another tensor": input._is_view(),  # noqa: SLF001  # no public name
        "one that retains its gradient": input.retains_grad,
        "the output of a compiled function": is_compiled(input.grad_fn),
        "one whose function saved tensors by hooks": is_hooked(input.grad_fn),
    }
    for reason, applies in reasons.items():
        if applies:
            raise ValueError(
                f"inplace: expected logits that only this loss needs, got {reason}; "
                "input.clone() may be overwritten"
            )


def is_compiled(node: Node | None) -> bool:
    """Return whether a compiled function made the output of `node`, or owns its storage."""
    while node is not None and node.name() in _SHARING:
        node = node.next_functions[0][0]
    return node is not None and node.name() == "CompiledFunctionBackward"


def is_hooked(node: Node | None) -> bool:
    """Return whether hooks hold a tensor that `node` has saved."""
    slots = [name for name in dir(node) if name.startswith("_raw_saved_")]
    values = [getattr(node, name) for name in slots]
    lists = [value if isinstance(value, tuple) else (value,) for value in values]
    return any(is_packed(saved) for saved in chain(*lists))


def check_first_use(ctx: Any, v: Tensor | None, doverwritten: Tensor | None) -> None:
    """Refuse a backward pass that needs the logits which their gradient has overwritten."""
    reasons = {
        "were used again after that": doverwritten is not None,
        "can't be differentiated twice": torch.is_grad_enabled(),
        "can't take several cotangents at once": v is not None and is_batched(v),
        "gave their gradient already": ctx.used,
    }
    for reason, applies in reasons.items():
        if applies:
            raise RuntimeError(
                f"inplace: the logits were overwritten by their gradient, and {reason}"
            )


def check_linear(input: Tensor, linear_weight: Tensor, linear_bias: Tensor | None) -> None:
    """Refuse hidden states, a matrix and a bias that do not make logits together."""
    check_tensor("input", input, floating=True)
    if input.dim() not in (1, 2):
        raise ValueError(f"input: expected shape (H) or (N, H), got {tuple(input.shape)}")
    check_like_input("linear_weight", linear_weight, input)
    n, shape = input.shape[-1], linear_weight.shape
    if shape[-1:] != (n,) or not 2 <= len(shape) <= (2 if input.dim() == 1 else len(shape)):
        expected = f"(C, {n})" if input.dim() == 1 else f"(C, {n}) or (C, d1, ..., {n})"
        raise ValueError(
            f"linear_weight: expected shape {expected} for input of shape {tuple(input.shape)}, "
            f"got {tuple(shape)}"
        )
    if linear_bias is not None:
        check_like_input("linear_bias", linear_bias, input)
        if linear_bias.shape != shape[:-1]:
            raise ValueError(
                f"linear_bias: expected shape {tuple(shape[:-1])} for linear_weight of shape "
                f"{tuple(shape)}, got {tuple(linear_bias.shape)}"
            )


def check_like_input(name: str, value: Tensor, input: Tensor) -> None:
    """Refuse a value that is no tensor of the dtype and on the device of `input`."""
    check_tensor(name, value, floating=True, like=input)
    check_dtype(name, value, input)
