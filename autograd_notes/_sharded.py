"""DTensors: tensors that several processes share. No function here collects one."""

from typing import TYPE_CHECKING, TypeGuard, cast

import torch
from torch import Tensor

if TYPE_CHECKING:
    from torch.distributed.tensor import DTensor


def is_sharded(x: Tensor) -> "TypeGuard[DTensor]":
    """Return whether `x` is a DTensor, without the slow import of that class."""
    return hasattr(x, "placements")


def gather(x: Tensor, dim: int, index: Tensor) -> Tensor:
    """Return the element of `x` at `index` along `dim`, without that dimension."""
    index = index.unsqueeze(dim)
    if is_sharded(x):  # gather would collect it
        elsewhere = index != _classes(x, dim)
        return all_sum(x.masked_fill(elsewhere, 0.0), dim).squeeze(dim)
    return x.gather(dim, index).squeeze(dim)


def maximum(x: Tensor, dim: int) -> Tensor:
    """Return the maximum along `dim`, detached, over all processes, or 0 if `x` is empty.

    Subtracting the same constant from all logits changes neither softmax nor its gradient.
    """
    x = x.detach()
    if not x.numel():
        return x.new_zeros(())
    if not hasattr(x, "placements"):  # is_sharded, without a call
        return x.amax(dim, keepdim=True)
    logits = _unreduced(cast("DTensor", x))
    local = logits.to_local()
    least = local.new_full(_one(local.shape, dim), -torch.inf)
    largest = local.amax(dim, keepdim=True) if local.shape[dim] else least  # amax refuses none
    return _all_reduce(largest, logits, dim, "max")


def sum_less_one(x: Tensor, dim: int) -> Tensor:
    """Return the sum of `x` along `dim`, where 1 is subtracted from the maximum before the sum."""
    if not is_sharded(x):
        index = x.argmax(dim, keepdim=True)
        return x.scatter_add(dim, index, x.new_full(index.shape, -1.0)).sum(dim, keepdim=True)
    # The first class of exp(0). If there is none, because the maximum is not finite, any class
    # will do.
    classes, last = _classes(x, dim), x.shape[dim] - 1
    held, local = classes.to_local(), x.to_local().detach()
    first = torch.where(local == 1, held, last)
    local = first.amin(dim, keepdim=True) if len(held) else first.sum(dim, keepdim=True) + last
    index = _all_reduce(local, x, dim, "min")
    return all_sum(x - (index == classes).to(x.dtype), dim)


def all_sum(x: Tensor, dim: int) -> Tensor:
    """Return the sum along `dim`, which stays with size 1, over all processes."""
    total = x.sum(dim, keepdim=True)
    if not is_sharded(total):
        return total
    from torch.distributed.tensor import DTensor  # noqa: PLC0415  # slow

    total = _unreduced(total)
    # from_local also reduces the gradient; otherwise it would stay partial until it has the size
    # of the logits.
    return DTensor.from_local(
        total.to_local(),
        total.device_mesh,
        total.placements,
        run_check=False,
        shape=total.shape,
        stride=total.stride(),
    )


def _unreduced(x: "DTensor") -> "DTensor":
    """Return `x` with partial sums, maxima or minima reduced over the processes."""
    from torch.distributed.tensor import Replicate  # noqa: PLC0415  # slow

    if not any(p.is_partial() for p in x.placements):
        return x
    return x.redistribute(placements=[Replicate() if p.is_partial() else p for p in x.placements])


def _all_reduce(local: Tensor, x: "DTensor", dim: int, operation: str) -> "DTensor":
    """Reduce the shards of `x`, already reduced along `dim` to size 1, over the processes."""
    from torch.distributed.tensor import DTensor, Partial  # noqa: PLC0415  # slow

    shape = _one(x.shape, dim)
    places = [Partial(operation) if p.is_shard(dim % len(shape)) else p for p in x.placements]
    stride = torch.empty(shape, device="meta").stride()
    reduced = DTensor.from_local(
        local, x.device_mesh, places, run_check=False, shape=shape, stride=stride
    )
    return _unreduced(reduced)


def _one(shape: torch.Size, dim: int) -> torch.Size:
    """Return `shape` with size 1 along `dim`."""
    sizes = list(shape)
    sizes[dim] = 1
    return torch.Size(sizes)


def _classes(x: "DTensor", dim: int) -> "DTensor":
    """Return the indices along `dim`, sharded as `x` is: each process has those it holds."""
    from torch.distributed.tensor import DTensor, Replicate, Shard  # noqa: PLC0415  # slow

    dim %= x.dim()
    places = [Shard(0) if p.is_shard(dim) else Replicate() for p in x.placements]
    held = torch.arange(x.shape[dim], device=x.device)
    held = held.reshape(-1, *[1] * (x.dim() - dim - 1))
    # distribute_tensor can't be compiled.
    return DTensor.from_local(held, x.device_mesh, run_check=False).redistribute(placements=places)
