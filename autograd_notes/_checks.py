"""The checks of the arguments, with every error message. A `check_` function returns nothing."""

import math
from numbers import Integral, Real

import torch
from torch import Tensor

from autograd_notes._modes import autocasts
from autograd_notes._sharded import is_sharded
from autograd_notes._targets import class_dim, class_range


def check_tensor(
    name: str, value: Tensor, *, floating: bool = False, like: Tensor | None = None
) -> None:
    """Refuse a value that is no tensor, not floating point, or on another device than `like`."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{name}: expected a tensor, got {type(value).__name__}")
    if floating and not value.is_floating_point():
        raise TypeError(f"{name}: expected a floating-point dtype, got {value.dtype}")
    if floating and value.dtype.itemsize < 2:
        raise TypeError(f"{name}: expected 16 bits or more, got {value.dtype}")
    if floating and (value.is_nested or value.layout != torch.strided):
        kind = "a nested tensor" if value.is_nested else f"one of layout {value.layout}"
        raise TypeError(f"{name}: expected a dense tensor, got {kind}")
    if like is None:
        return
    sharded = is_sharded(like)
    if is_sharded(value) != sharded:
        kinds = "a DTensor", "a tensor on one device"
        expected, got = kinds if sharded else reversed(kinds)
        raise ValueError(f"{name}: expected {expected}, as input is, got {got}")
    if value.device != like.device:
        expected = f"the device of input, {like.device}"
        raise ValueError(f"{name}: expected {expected}, got {value.device}")


def check_dim(x: Tensor, *dims: int) -> None:
    """Refuse a dimension that `x` does not have."""
    # torch gives a tensor of shape () one dimension here.
    rank = max(x.dim(), 1)
    if not dims:
        raise ValueError("dim: expected one dimension or more, got none")
    for one in dims:
        check_number("dim", one, Integral, "an integer")
        if not -rank <= one < rank:
            raise IndexError(
                f"dim: expected {-rank} to {rank - 1} for x of shape {tuple(x.shape)}, got {one}"
            )


def check_loss(  # noqa: PLR0917  # in the order of the arguments of cross_entropy
    input: Tensor,
    target: Tensor,
    weight: Tensor | None,
    ignore_index: int,
    reduction: str,
    label_smoothing: float = 0.0,
    *,
    probabilities: bool = False,
    name: str = "input",
) -> None:
    """Refuse bad arguments of a loss, which may take class `probabilities` as its target or not."""
    check_tensor(name, input, floating=True)
    if input.dim() == 0:
        raise ValueError(f"{name}: expected shape (C) or (N, C, ...), got ()")
    if weight is not None:
        check_weight(input, weight, name)
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"reduction: expected 'mean', 'sum' or 'none', got {reduction!r}")
    if type(ignore_index) is not int:
        check_number("ignore_index", ignore_index, Integral, "an integer")
    if type(label_smoothing) is not float:
        check_number("label_smoothing", label_smoothing, Real, "a number")
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing: expected 0 to 1, got {label_smoothing}")
    if probabilities and isinstance(target, Tensor) and target.is_floating_point():
        check_probabilities(input, target, ignore_index, name)
    else:
        check_class_target(input, target, name)


def check_number(name: str, value: object, kind: type, expected: str) -> None:
    """Refuse a value that is no number of this kind; a bool is none."""
    if isinstance(value, bool) or not isinstance(value, kind):
        raise TypeError(f"{name}: expected {expected}, got {type(value).__name__}")


def check_weight(input: Tensor, weight: Tensor, name: str) -> None:
    """Refuse class weights of the wrong dtype or shape, or on another device."""
    check_tensor("weight", weight, like=input)
    shape = (input.shape[class_dim(input)],)
    check_dtype("weight", weight, input)
    if tuple(weight.shape) != shape:
        raise ValueError(
            f"weight: expected shape {shape} for {name} of shape {tuple(input.shape)}, "
            f"got {tuple(weight.shape)}"
        )


def check_dtype(name: str, value: Tensor, input: Tensor) -> None:
    """Refuse a dtype other than that of `input`; autocast may mix 16 bits and 32."""
    dtypes = {value.dtype, input.dtype}
    if len(dtypes) > 1 and (torch.float64 in dtypes or not autocasts(input)):
        raise TypeError(f"{name}: expected the dtype of input, {input.dtype}, got {value.dtype}")


def check_probabilities(input: Tensor, target: Tensor, ignore_index: int, name: str) -> None:
    """Refuse class probabilities of the wrong shape or on another device, or with ignored ones."""
    check_tensor("target", target, like=input)
    if target.shape != input.shape:
        raise ValueError(
            f"target: expected class probabilities of the shape of {name}, {tuple(input.shape)}, "
            f"got {tuple(target.shape)}; classes must be integers: target.long()"
        )
    if ignore_index != -100:
        raise ValueError(
            f"ignore_index: expected none with class probabilities, got {ignore_index}"
        )


def check_class_target(input: Tensor, target: Tensor, name: str) -> None:
    """Refuse classes of the wrong dtype or shape, or on another device."""
    check_tensor("target", target, like=input)
    if target.dtype not in (torch.int64, torch.uint8):
        raise TypeError(
            f"target: expected dtype torch.int64 or torch.uint8, got {target.dtype}; "
            "classes must be integers: target.long()"
        )
    shape = list(input.shape)
    shape.pop(class_dim(input))
    if list(target.shape) != shape:
        raise ValueError(
            f"target: expected shape {tuple(shape)} for {name} of shape {tuple(input.shape)}, "
            f"got {tuple(target.shape)}{shape_hint(input, target, shape, name)}"
        )


def class_target(target: Tensor, ignore_index: int, n_classes: int) -> tuple[Tensor, Tensor | None]:
    """Return the class indices and the ignore mask; the mask is None if nothing is ignored.

    An ignored sample gets the index 0. A class out of range is refused here, so that the values
    are read only once; if they can't be read, the gather kernel refuses it.
    """
    target = target.long()
    local = target.to_local() if is_sharded(target) else target  # each process checks its shard
    known = class_range(local)
    if known is not None and not 0 <= known[0] <= known[1] < n_classes:
        wrong = local[((local < 0) | (local >= n_classes)) & (local != ignore_index)]
        if wrong.numel():
            found = int(wrong[0])
            raise IndexError(f"target: expected classes from 0 to {n_classes - 1}, got {found}")
    # With shards, all processes must take the same branch.
    if known is not None and local is target and not known[0] <= ignore_index <= known[1]:
        return target, None
    ignored = target == ignore_index
    return target.masked_fill(ignored, 0), ignored


def shape_hint(input: Tensor, target: Tensor, shape: list[int], name: str) -> str:
    """Return the fix for a common cause of a target of the wrong shape, or nothing."""
    if target.shape == input.shape:
        probabilities = "class probabilities must be floating point: target.float()"
        return f"; {probabilities}; classes are target.argmax({class_dim(input)})"
    if target.numel() == math.prod(shape):
        return f"; target.reshape({tuple(shape)}) has it"
    if target.shape == input.shape[:-1]:
        return f"; the classes are dim 1: {name}.movedim(-1, 1)"
    return ""
