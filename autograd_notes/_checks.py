"""Every check of the arguments, and its error message."""

import math

import torch
from torch import Tensor

from autograd_notes._sharded import _is_sharded
from autograd_notes._targets import _class_dim


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
