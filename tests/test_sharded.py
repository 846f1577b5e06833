"""Sharded logits: the results are correct, and nothing gathers the logits."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from conftest import ROOT, refused
from torch.distributed.tensor import Replicate, Shard, distribute_tensor, init_device_mesh
from torch.testing._internal.distributed import fake_pg  # noqa: F401  # registers "fake"

from autograd_notes import cross_entropy, nll

# Without this, DTensor lacks operators too: torch 2.6 has no amax and no argmax for it.
local_tensor = pytest.importorskip("torch.distributed._local_tensor")

ROW = re.compile(r"(batch|classes) +(.+?) {2,}(\w+) +(S\(\d\)|R|-) +(.+?) {2,} *([\d,]+)")


NAMES = [
    "softmax",
    "log_softmax",
    "logsumexp",
    "nll",
    "cross_entropy",
    "... weighted, smoothed",
    "... of probabilities",
]


def run(rows, classes):
    """Return the table that two processes print, row by row."""
    torchrun = Path(sys.executable).with_name("torchrun")
    command = [torchrun, "--nproc-per-node", "2", ROOT / "benchmarks" / "sharded.py"]
    sizes = ["--rows", str(rows), "--classes", str(classes)]
    done = subprocess.run([*command, *sizes], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [ROW.fullmatch(line).groups() for line in done.stdout.splitlines()[2:]]


@pytest.fixture(scope="module")
def table():
    return run(6, 50)


def test_two_processes_agree_with_one_and_send_a_few_numbers_a_row(table):
    ours = [row for row in table if row[2] == "ours"]
    assert [row[1] for row in ours] == 2 * NAMES
    for place, name, _, gradient, result, sent in ours:
        assert result == "agrees", name
        assert gradient == {"batch": "S(0)", "classes": "S(1)"}[place], name
        assert int(sent.replace(",", "")) <= 8 * 6 * 8, name  # eight float64 a row


def test_torch_collects_logits_that_are_sharded_over_the_classes(table):
    theirs = [row for row in table if row[0] == "classes" and row[2] == "torch"]
    assert [row[1] for row in theirs] == NAMES
    for _, name, _, _, result, sent in theirs:
        assert result == "agrees", name
        assert int(sent.replace(",", "")) >= 6 * 25 * 8, name


def test_torch_before_2_15_averages_the_means_whatever_the_processes_ignore(table):
    wrong = {row[1] for row in table if row[2] == "torch" and row[4].startswith("off by")}
    means = {"nll", "cross_entropy", "... weighted, smoothed"}
    assert wrong == (set() if torch.__version__ >= "2.15" else means)


def test_loss_parallel_agrees_too(table):
    rows = [row for row in table if row[2] == "loss_parallel"]
    assert [row[3:5] for row in rows] == [("S(1)", "agrees")]


@pytest.fixture
def mesh():
    """Simulate two processes in one."""
    dist.init_process_group("fake", rank=0, world_size=2)
    with local_tensor.LocalTensorMode(2):
        yield init_device_mesh("cpu", (2,))
    dist.destroy_process_group()


def test_uneven_classes_agree():
    ours = [row for row in run(5, 7) if row[0] == "classes" and row[2] == "ours"]
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
