"""Shards on one and two dimensions of a mesh, on four ranks: the results are those of one process."""

import math

import pytest
import torch
from sharded_cases import CASES, LINEAR, ROWS, Sent, check, meshes, on_meshes
from threads import Threads
from torch.distributed.tensor import Replicate, Shard, distribute_tensor
from torch.testing._internal.distributed.multi_threaded_pg import ProcessLocalGroup

from autograd_notes import linear_cross_entropy, log_softmax
from autograd_notes._sharded import classes_axis

pytest.importorskip("torch.distributed._local_tensor")  # torch 2.6 has no amax of a DTensor


@pytest.fixture(scope="module")
def threads():
    found = Threads(4)
    found.devices = found.run(lambda _: meshes())
    yield found
    found.close()


def test_small_rest_beside_the_maximum_of_each_row_keeps_its_digits(threads):
    x = torch.zeros(5, 5, dtype=torch.float64).fill_diagonal_(60.0)
    x += torch.arange(0.0, 5000.0, 1000.0)[:, None]  # no row has the maximum of another

    def largest(rank):
        logits = distribute_tensor(x, threads.devices[rank][4,], [Shard(1)])
        with torch.device("meta"):  # the package makes its numbers where the logits are
            found = log_softmax(logits, 1)
        return found.full_tensor().diagonal()

    expected = torch.full((5,), -4 * math.exp(-60), dtype=torch.float64)
    for found in threads.run(largest):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)


def test_axis_of_the_classes_is_the_only_one_that_splits_rows(threads):
    axes = {
        (Shard(0), Replicate()): 0,
        (Replicate(), Shard(0)): 1,
        (Shard(1), Shard(0)): 1,
        (Shard(0), Shard(0)): None,
        (Shard(1), Replicate()): None,
        (Replicate(), Replicate()): None,
    }

    def found(rank):
        mesh = threads.devices[rank][2, 2]
        return {p: classes_axis(distribute_tensor(torch.ones(4, 2), mesh, p)) for p in axes}

    assert threads.run(found) == [axes] * 4
    assert classes_axis(torch.ones(4, 2)) is None


def test_linear_loss_shares_the_matrix_and_checks_nothing(threads, monkeypatch):
    h, a = torch.arange(48.0).reshape(3, 16).sin(), torch.arange(128.0).reshape(8, 16).cos()
    t = torch.tensor([1, 7, 0])

    def placed(rank):
        tensors = (h, Replicate()), (a, Shard(0)), (t, Replicate())
        mesh = threads.devices[rank][2, 2]
        return [distribute_tensor(x, mesh, [Replicate(), place]) for x, place in tensors]

    given = threads.run(placed)
    monkeypatch.delattr(ProcessLocalGroup, "broadcast")  # run_check would compare the shards
    monkeypatch.delattr(torch, "get_rng_state")  # a checkpoint would store the state

    def loss(rank):
        hidden, matrix, target = given[rank]
        with Sent() as sent:
            y = linear_cross_entropy(hidden, matrix.requires_grad_(), target, reduction="none")
            y.sum().backward()
        return y.detach().to_local(), sent.largest

    expected = torch.nn.functional.cross_entropy(h @ a.t(), t, reduction="none")
    for losses, largest in threads.run(loss):
        torch.testing.assert_close(losses, expected)
        assert largest == a.nbytes // 2


def test_fewer_numbers_are_sent_than_the_logits_that_a_process_holds():
    assert 6 * ROWS["2 x 2"] + 3 < 8 * 40


@pytest.mark.parametrize("name", [*CASES, *LINEAR])
def test_four_ranks_agree_with_one_on_every_mesh(threads, name):
    for rows in threads.run(lambda rank: [*on_meshes(name, threads.devices[rank])]):
        for row in rows:
            check(*row)
