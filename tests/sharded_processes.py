"""Compare losses on four processes with one process; the first prints a row of JSON a case."""

import functools
import json
import logging
from datetime import timedelta

import torch
import torch.distributed as dist
from sharded_cases import difference, meshes, on_meshes, tensors
from torch.distributed.tensor import DeviceMesh, DTensor, Replicate, Shard, distribute_tensor

import autograd_notes as notes

PROCESSES = "smoothed", "linear, weight, smoothed"  # the other cases run on threads


def compiled(mesh, places):
    """Return the error of a compiled function of DTensors."""
    x, t, *_ = tensors(5, 7)
    batch = [p if p == Shard(0) else Replicate() for p in places]
    given = distribute_tensor(x, mesh, places), distribute_tensor(t, mesh, batch)
    f = torch.compile(notes.cross_entropy, backend="aot_eager")
    return difference([f(*given)], [notes.cross_entropy(x, t)])


def bad_target():
    """Return what the processes say when the last one has a class out of range."""
    group = dist.new_group(timeout=timedelta(seconds=4))
    mesh = DeviceMesh.from_group(group, "cpu")
    t = torch.arange(4)
    t[3] = 9
    given = distribute_tensor(torch.zeros(4, 5), mesh, [Shard(0)])
    target = DTensor.from_local(t[dist.get_rank()].reshape(1), mesh, [Shard(0)], run_check=False)
    said = []
    for reduction in ("none", "mean"):
        try:
            loss = notes.cross_entropy(given, target, reduction=reduction)
            said.append(len(loss.full_tensor() if reduction == "mean" else loss.to_local()))
        except (IndexError, RuntimeError) as error:
            said.append(type(error).__name__)
    # The others wait until their timeout; this process must not end before.
    found = [None] * 4
    dist.all_gather_object(found, said)
    return found


def main():
    logging.disable(logging.WARNING)
    devices = meshes()
    say = functools.partial(print, flush=True) if dist.get_rank() == 0 else lambda _: None
    for name in PROCESSES:
        for row in on_meshes(name, devices):
            say(json.dumps(row))
    mesh, flat = devices.values()
    for kind, *where in (("2 x 2", mesh, [Shard(0), Shard(1)]), ("no class", flat, [Shard(1)])):
        say(json.dumps(["compiled", kind, compiled(*where), "", 0]))
    say(json.dumps(["bad target", "no row", bad_target(), "", 0]))
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
