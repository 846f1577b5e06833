"""DTensors: tensors that several processes share. No function here collects one."""

from typing import TYPE_CHECKING, TypeGuard

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
        return x.masked_fill(~_onehot(x, dim, index), 0.0).sum(dim)
    return x.gather(dim, index).squeeze(dim)


def sum_less_one(x: Tensor, dim: int, index: Tensor) -> Tensor:
    """Return the sum of `x` along `dim`, where 1 is subtracted at `index` before the sum."""
    if is_sharded(x):
        return all_sum(x - _onehot(x, dim, index).to(x.dtype), dim)
    return x.scatter_add(dim, index, x.new_full(index.shape, -1.0)).sum(dim, keepdim=True)


def all_sum(x: Tensor, dim: int) -> Tensor:
    """Return the sum along `dim`, which stays with size 1, over all processes."""
    total = x.sum(dim, keepdim=True)
    if not is_sharded(total):
        return total
    from torch.distributed.tensor import DTensor, Replicate  # noqa: PLC0415  # slow

    mesh, shape, stride = total.device_mesh, total.shape, total.stride()
    places = [Replicate() if p.is_partial() else p for p in total.placements]
    local = total.redistribute(mesh, places).to_local()
    # from_local also reduces the gradient; otherwise it would stay partial until it has the size
    # of the logits.
    return DTensor.from_local(local, mesh, places, shape=shape, stride=stride)


def _onehot(x: "DTensor", dim: int, index: Tensor) -> Tensor:
    """Return a mask that is true at `index`; each process compares its own shard."""
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor  # noqa: PLC0415  # slow

    dim %= x.dim()
    places = [Shard(0) if p.is_shard(dim) else Replicate() for p in x.placements]
    held = torch.arange(x.shape[dim], device=x.device)
    held = distribute_tensor(held, x.device_mesh, places, src_data_rank=None)
    return index == held.reshape(-1, *[1] * (x.dim() - dim - 1))
