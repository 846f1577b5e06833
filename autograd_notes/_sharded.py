"""DTensors: logits that several processes share, which are never collected."""

from typing import TYPE_CHECKING, TypeGuard

import torch
from torch import Tensor

if TYPE_CHECKING:
    from torch.distributed.tensor import DTensor


def _is_sharded(x: Tensor) -> "TypeGuard[DTensor]":
    """Return whether several processes share `x`. Indexing it by classes would collect it."""
    return hasattr(x, "placements")


def _onehot(x: "DTensor", dim: int, index: Tensor) -> Tensor:
    """Return where `x` has the index. Each process compares it with those that it holds."""
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor  # noqa: PLC0415  # slow

    dim %= x.dim()
    places = [Shard(0) if p.is_shard(dim) else Replicate() for p in x.placements]
    held = torch.arange(x.shape[dim], device=x.device)
    held = distribute_tensor(held, x.device_mesh, places, src_data_rank=None)
    return index == held.reshape(-1, *[1] * (x.dim() - dim - 1))


def _collected(total: Tensor) -> Tensor:
    """Add up a sum of which each process holds a part, and later the gradient of that sum."""
    if _is_sharded(total):
        from torch.distributed.tensor import DTensor, Replicate  # noqa: PLC0415  # slow

        mesh, shape, stride = total.device_mesh, total.shape, total.stride()
        places = [Replicate() if p.is_partial() else p for p in total.placements]
        local = total.redistribute(mesh, places).to_local()
        # Left alone, the gradient would stay in parts until it has the size of the logits.
        return DTensor.from_local(local, mesh, places, shape=shape, stride=stride)
    return total
