"""Sharded logits: the results are correct, and nothing gathers the logits."""

import json
import re
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from conftest import ROOT, refused
from ranks import Ranks
from sharded_cases import MESHES, check
from sharded_processes import PROCESSES
from torch.distributed.tensor import Replicate, Shard, distribute_tensor, init_device_mesh
from torch.testing._internal.distributed import fake_pg  # noqa: F401  # registers "fake"

from autograd_notes import (
    chunked,
    chunked_cross_entropy,
    cross_entropy,
    linear_cross_entropy,
    nll,
)

# Without this, DTensor lacks operators too: torch 2.6 has no amax and no argmax for it.
local_tensor = pytest.importorskip("torch.distributed._local_tensor")

ROW = re.compile(r"(\w+) +(ours|torch) +(S\(\d\)|R|-) +(.+?) {2,} *([\d,]+)")


NAMES = [
    "softmax",
    "log_softmax",
    "logsumexp",
    "nll",
    "cross_entropy",
    "smoothed",
    "probabilities",
]


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    found = Ranks(tmp_path_factory.mktemp("ranks"))
    yield found
    found.close()


def run(ranks, rows, classes):
    """Return the table that two processes print, row by row."""
    program = ROOT / "benchmarks" / "sharded.py"
    printed = ranks.run(2, program, "--rows", rows, "--classes", classes)
    assert max(map(len, printed.splitlines())) <= 42  # on the page, a telephone shows them
    _, batch, classes, linear = printed.split("\n\n")
    found = []
    for axis, part in (("batch", batch), ("classes", classes)):
        title, _, *lines = part.splitlines()
        assert title == f"sharded over the {axis}"
        found += [(axis, *ROW.fullmatch(line).groups()) for line in lines]
    return found, [line.split() for line in linear.splitlines()[2:]]


@pytest.fixture(scope="module")
def tables(ranks):
    return run(ranks, 6, 50)


@pytest.fixture(scope="module")
def table(tables):
    return tables[0]


def test_linear_loss_of_sharded_classes_holds_the_logits_of_a_chunk(tables):
    at_once, by_chunks = tables[1]
    assert [line[:5] for line in tables[1]] == [
        ["6", "rows", "a", "chunk", "agrees"],
        ["1", "rows", "a", "chunk", "agrees"],
    ]
    assert at_once[5] == by_chunks[5]
    assert int(at_once[5]) <= 6 * (2 * 4 + 2) * 8 + 16  # float64; forward, again, and gradients
    assert at_once[6] == "1,200"  # 6 rows of 25 classes
    assert by_chunks[6] == "400"  # the matrix: 25 classes of 2 numbers


def test_two_processes_agree_with_one_and_send_a_few_numbers_a_row(table):
    ours = [row for row in table if row[2] == "ours"]
    assert [row[1] for row in ours] == 2 * NAMES
    for place, name, _, gradient, result, sent in ours:
        assert result == "agrees", name
        assert gradient == {"batch": "S(0)", "classes": "S(1)"}[place], name
        assert int(sent.replace(",", "")) <= 8 * 6 * 8, name  # eight float64 a row


def test_torch_collects_logits_that_are_sharded_over_the_classes(table):
    theirs = [row for row in table if row[0] == "classes" and row[2] == "torch"]
    theirs = [row for row in theirs if row[1] != "loss_parallel"]
    assert [row[1] for row in theirs] == NAMES
    for _, name, _, _, result, sent in theirs:
        assert result == "agrees", name
        assert int(sent.replace(",", "")) >= 6 * 25 * 8, name


def test_torch_before_2_15_averages_the_means_whatever_the_processes_ignore(table):
    wrong = {row[1] for row in table if row[2] == "torch" and row[4].startswith("off ")}
    means = {"nll", "cross_entropy", "smoothed"}
    assert wrong == (set() if torch.__version__ >= "2.15" else means)


def test_loss_parallel_agrees_too(table):
    rows = [row for row in table if row[1] == "loss_parallel"]
    assert [(row[0], *row[3:5]) for row in rows] == [("classes", "S(1)", "agrees")]


@pytest.fixture
def mesh():
    """Simulate two processes in one."""
    dist.init_process_group("fake", rank=0, world_size=2)
    with local_tensor.LocalTensorMode(2):
        yield init_device_mesh("cpu", (2,))
    dist.destroy_process_group()


def test_uneven_classes_agree(ranks):
    ours = [row for row in run(ranks, 5, 7)[0] if row[0] == "classes" and row[2] == "ours"]
    assert [row[1] for row in ours] == NAMES
    for _, name, _, gradient, result, sent in ours:
        assert (gradient, result) == ("S(1)", "agrees"), name
        assert 0 < int(sent.replace(",", "")) <= 8 * 5 * 8, name


def test_spatial_logits_agree(mesh):
    x, t = torch.arange(24.0).sin().reshape(2, 4, 3), torch.tensor([[0, 1, 3], [2, 2, 1]])
    logits = distribute_tensor(x, mesh, [Shard(1)])
    target = distribute_tensor(t, mesh, [Replicate()])
    found = cross_entropy(logits, target).full_tensor().reconcile()
    torch.testing.assert_close(found, cross_entropy(x, t))


def test_chunked_loss_of_shards_is_that_of_all_logits(mesh):
    x, t = torch.arange(12.0).sin().reshape(3, 4), torch.tensor([0, 1, 3])
    logits = distribute_tensor(x, mesh, [Shard(1)])
    target = distribute_tensor(t, mesh, [Replicate()])
    found = chunked_cross_entropy(logits, target, chunk_size=1).full_tensor().reconcile()
    torch.testing.assert_close(found, cross_entropy(x, t))


def test_linear_loss_of_shards_sums_16_bit_losses_in_32(mesh, monkeypatch):
    """In bfloat16, log(4) is 1.3828: 5 of them would be 6.9063."""
    calls, shards = [], chunked.linear_loss_of_shards
    monkeypatch.setattr(chunked, "linear_loss_of_shards", lambda *a: calls.append(a) or shards(*a))
    h = distribute_tensor(torch.zeros(5, 2).bfloat16(), mesh, [Replicate()])
    matrix = distribute_tensor(torch.zeros(4, 2).bfloat16(), mesh, [Shard(0)])
    target = distribute_tensor(torch.zeros(5).long(), mesh, [Replicate()])
    found = linear_cross_entropy(h, matrix, target, reduction="sum", chunk_size=2)
    assert found.full_tensor().reconcile() == 6.9375
    assert len(calls) == 1  # by chunks


def test_what_is_not_sharded_alike_is_refused(mesh):
    x, t = torch.zeros(2, 4), torch.tensor([0, 4])
    logits = distribute_tensor(x, mesh, [Shard(1)])
    target = distribute_tensor(t, mesh, [Replicate()])
    message = "target: expected a DTensor, as input is, got a tensor on one device"
    with refused(ValueError, message):
        nll(logits, t)
    with refused(ValueError, "target: expected a tensor on one device, as input is, got a DTensor"):
        nll(x, target)
    with refused(ValueError, message.replace("target", "weight")):
        nll(logits, target, weight=torch.ones(4))
    with refused(IndexError, "target: expected classes from 0 to 3, got 4"):
        nll(logits, target)


@pytest.fixture(scope="module")
def four(ranks):
    """Return the rows of four processes: case, mesh, error, gradient's placements, numbers."""
    printed = ranks.run(4, Path(__file__).with_name("sharded_processes.py"))
    return [json.loads(line) for line in printed.splitlines()]


def test_four_processes_agree_with_one_on_every_mesh(four):
    rows = [row for row in four if row[0] != "bad target"]
    assert {row[1] for row in rows} == {*MESHES}
    assert {row[0] for row in rows} == {*PROCESSES, "compiled"}
    for row in rows:
        check(*row)


@pytest.mark.parametrize(
    ("dtype", "reduction", "chunk_size"),
    [
        (torch.float32, "mean", 1),
        (torch.float32, "sum", 3),
        (torch.bfloat16, "mean", 2),
        (torch.bfloat16, "none", 2),
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ["classes", "probabilities"])
def test_linear_loss_of_sharded_classes_agrees(mesh, dtype, reduction, chunk_size, kind):
    h, a = torch.arange(6.0).sin().reshape(3, 2), torch.arange(8.0).cos().reshape(4, 2)
    h, a, w = h.to(dtype), a.to(dtype), torch.arange(1.0, 5.0).to(dtype)
    t = torch.tensor([3, -100, 0])
    if kind == "probabilities":
        t = torch.arange(12.0).reshape(3, 4).softmax(1).to(dtype)
    whole = distribute_tensor(h, mesh, [Replicate()]).requires_grad_()
    matrix, bias = (distribute_tensor(x, mesh, [Shard(0)]) for x in (a, a[:, 0]))
    weight = distribute_tensor(w, mesh, [Replicate()])
    target = distribute_tensor(t, mesh, [Shard(1) if t.is_floating_point() else Replicate()])
    options = {"chunk_size": chunk_size, "reduction": reduction}
    found = linear_cross_entropy(whole, matrix, target, weight=weight, linear_bias=bias, **options)
    expected = linear_cross_entropy(h, a, t, weight=w, linear_bias=a[:, 0], **options)
    torch.testing.assert_close(found.full_tensor().reconcile(), expected)


def test_bad_target_of_one_process_leaves_the_others_waiting(four):
    (found,) = [row[2] for row in four if row[0] == "bad target"]
    # Without a reduction they have their losses; for a mean they wait until their timeout.
    assert found == [[1, "RuntimeError"]] * 3 + [["IndexError", "IndexError"]]
