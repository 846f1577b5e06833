"""DTensors: tensors that several processes share. No function here collects one."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeGuard, cast

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

if TYPE_CHECKING:
    from torch.distributed.tensor import DTensor, Placement


def is_sharded(x: Tensor) -> "TypeGuard[DTensor]":
    """Return whether `x` is a DTensor, without the slow import of that class."""
    return hasattr(x, "placements")


def gather(x: Tensor, dim: int, index: Tensor) -> Tensor:
    """Return the element of `x` at `index` along `dim`, which stays with size 1."""
    index = index.unsqueeze(dim)
    if is_sharded(x):  # gather would collect it
        elsewhere = ~(index == _classes(x, dim))  # torch 2.6 can't shard !=
        return all_sum(x.masked_fill(elsewhere, 0.0), dim)
    return x.gather(dim, index)


def maximum(x: Tensor, dim: int) -> Tensor:
    """Return the maximum along `dim`, detached, over all processes, or 0 if `x` is empty.

    Subtracting the same constant from all logits changes neither softmax nor its gradient.
    """
    x = x.detach()
    if not x.numel():
        return x.new_zeros(())
    if not is_sharded(x):
        return x.amax(dim, keepdim=True)
    logits = _unreduced(x)
    local = logits.to_local()
    least = local.new_full(_one(local.shape, dim), -torch.inf)
    largest = local.amax(dim, keepdim=True) if local.shape[dim] else least  # amax refuses none
    return _all_reduce(largest, logits, dim, "max")


def largest(x: Tensor, dim: int) -> tuple[Tensor, Tensor | None]:
    """Return the `maximum` and its index, which is None for a DTensor and an empty tensor."""
    if is_sharded(x) or not x.numel():
        return maximum(x, dim), None
    return x.detach().max(dim, keepdim=True)  # on large tables, faster than amax and argmax


def sum_less_one(x: Tensor, dim: int, index: Tensor | None) -> Tensor:
    """Return the sum of `x` along `dim`, where 1 is subtracted at the index of the maximum, 1.

    log1p adds that 1 again: in the sum, it would round off the digits of a small rest.
    """
    if index is not None:
        return x.scatter_add(dim, index, x.new_full(index.shape, -1.0)).sum(dim, keepdim=True)
    if not is_sharded(x) or not x.numel():
        return all_sum(x, dim) - 1.0
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


def classes_axis(matrix: Tensor) -> int | None:
    """Return the dimension of the mesh that the rows of a DTensor are split over, if it is one."""
    found = [p.is_shard(0) for p in matrix.placements] if is_sharded(matrix) else []
    return found.index(True) if sum(found) == 1 else None


def linear_losses(
    loss: Callable[..., Tensor], tensors: Sequence[Tensor | None], axis: int, rows: int
) -> Tensor:
    """Return the losses of hidden states and a matrix sharded over `axis` of the mesh, by chunks.

    `loss` takes the tensors of a chunk: hidden states, matrix, bias, target, class weights. It runs
    again in backward, so no process keeps its logits.
    """
    from torch.distributed.device_mesh import DeviceMesh  # noqa: PLC0415  # slow
    from torch.distributed.tensor import DTensor, Partial, Replicate, Shard  # noqa: PLC0415  # slow

    hidden, matrix, bias, target, weight = cast("Sequence[DTensor]", tensors)
    mesh = matrix.device_mesh
    # The processes that share the classes of the same samples.
    group = mesh.get_group(axis)
    part = mesh if mesh.ndim == 1 else DeviceMesh.from_group(group, mesh.device_type)
    split = [p.is_shard(0) and at != axis for at, p in enumerate(hidden.placements)]
    batch: list[Placement] = [Shard(0) if s else Replicate() for s in split]

    def on_part(x: "DTensor", dim: int | None, *, by_sample: bool = False) -> "DTensor":
        """Return the DTensor of `part` with the same shards, split over the classes in `dim`."""
        places: list[Placement] = [p if by_sample else Replicate() for p in batch]
        places[axis] = Replicate() if dim is None else Shard(dim)
        # Gradients of tensors without samples add up over the shards of the batch.
        add_up = [Partial() if s else p for s, p in zip(split, places, strict=True)]
        placed = x.redistribute(placements=places)
        local = placed.to_local(grad_placements=places if by_sample else add_up)
        shape = list(local.shape)
        if dim is not None:
            shape[dim] = x.shape[dim]
        stride = torch.empty(shape, device="meta").stride()
        return DTensor.from_local(
            local, part, [places[axis]], run_check=False, shape=torch.Size(shape), stride=stride
        )

    a = on_part(matrix, 0)
    b = None if bias is None else on_part(bias, 0)
    w = None if weight is None else on_part(weight, None)
    dim = 1 if target.is_floating_point() else None
    h, t = on_part(hidden, None, by_sample=True), on_part(target, dim, by_sample=True)
    losses = [
        checkpoint(loss, x, a, b, y, w, use_reentrant=False, preserve_rng_state=False).to_local()
        for x, y in zip(torch.split(h, rows), torch.split(t, rows), strict=True)
    ]
    shape = torch.Size([len(hidden)])
    return DTensor.from_local(
        torch.cat(losses), mesh, batch, run_check=False, shape=shape, stride=(1,)
    )
