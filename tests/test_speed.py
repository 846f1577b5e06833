"""The benchmark: what it compares is the same loss, and what the pages quote is of this code."""

import json

import pytest
import speed
import torch
from conftest import ROOT

FOUND = json.loads(speed.RESULTS.read_text())
SHAPE, HIDDEN = (6, 5), (6, 4, 5)


def test_the_results_are_of_this_code():
    assert FOUND["code"] == speed.measured_code(), "the code has changed: tox -e bench"


def test_only_a_changed_definition_makes_a_result_older(monkeypatch, tmp_path):
    for name in speed.MEASURED:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text((ROOT / name).read_text())
    monkeypatch.setattr(speed, "ROOT", tmp_path)
    file, other = tmp_path / "autograd_notes/logits.py", tmp_path / "autograd_notes/losses.py"
    code, before = file.read_text(), speed.measured_code()
    file.write_text(code.replace('r"""Turn logits', '# new\n    r"""Turn the logits'))
    assert file.read_text() != code
    assert speed.measured_code() == before
    start = code.index("\ndef softmax")
    end = code.index("\ndef log_softmax")
    file.write_text(code[:start] + code[end:])
    assert speed.measured_code() != before
    other.write_text(other.read_text() + code[start:end])
    assert speed.measured_code() == before
    file.write_text(code.replace("unnormalized.sum(dim", "unnormalized.mean(dim"))
    assert speed.measured_code() != before


@pytest.mark.parametrize(("shape", "n"), [(SHAPE, 7), (HIDDEN, 6)])
def test_the_contenders_compute_one_loss(shape, n):
    leaves, target = speed.inputs(shape, "cpu")
    compared = {
        name: f
        for name, f in speed.contenders(shape).items()
        if not any(word in name for word in ("compiled", "copy", "alone"))
    }
    assert len(compared) == n
    losses = [f(*speed.given(name, leaves), target) for name, f in compared.items()]
    for loss in losses:
        torch.testing.assert_close(loss, losses[0])


@pytest.mark.parametrize("kind", speed.PASSES)
def test_the_first_contender_is_what_the_others_are_compared_with(kind):
    names = ["F.cross_entropy", "cross_entropy", "chunked, in place"]
    compared = {name: speed.contenders(SHAPE)[name] for name in names}
    rows = list(speed.timed(SHAPE, kind, "cpu", 0.01, compared))
    assert [row["name"] for row in rows] == names
    assert rows[0]["ratio"] == [1.0, 1.0, 1.0]
    for row in rows:
        assert row["seconds"] == sorted(row["seconds"])
        assert row["seconds"][0] > 0
        assert row["rounds"] >= 7


def test_the_peak_is_what_is_used_beyond_the_inputs():
    shape = (64, 40_000)
    logits = 4 * 64 * 40_000
    assert 1.9 * logits < speed.fresh_peak(shape, "F.cross_entropy", "cpu") < 4 * logits


def test_the_picture_shows_time_and_memory():
    figure = speed.draw(FOUND)
    sizes = [shape[1] for shape in speed.SERIES]
    for axes in figure.axes:
        assert len(axes.lines) == 4
        assert all(list(line.get_xdata()) == sizes for line in axes.lines)
