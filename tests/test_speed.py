"""The benchmark: the contenders compute one loss, and its stored results are of this code."""

import json
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest
import torch
from conftest import ROOT

RESULTS = ROOT / "docs" / "_data" / "speed.json"
SVG = "{http://www.w3.org/2000/svg}"
SHAPE, HIDDEN = ["6", "5"], ["6", "4", "5"]
PASSES = ["forward", "forward + backward"]


def run(*arguments, program=ROOT / "benchmarks" / "speed.py"):
    command = [sys.executable, "-W", "ignore", program, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def fingerprint(root=ROOT):
    return run(program=root / "benchmarks" / "fingerprint.py").strip()


def test_the_results_are_of_this_code():
    found = json.loads(RESULTS.read_text())
    assert found["code"] == fingerprint(), "the code has changed: tox -e bench"


def test_only_a_changed_definition_makes_a_result_older(tmp_path):
    for name in ("autograd_notes", "benchmarks"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    file, other = tmp_path / "autograd_notes/logits.py", tmp_path / "autograd_notes/losses.py"
    code, before = file.read_text(), fingerprint(tmp_path)
    assert before == fingerprint()
    file.write_text(code.replace('r"""Turn logits', '# new\n    r"""Turn the logits'))
    assert file.read_text() != code
    assert fingerprint(tmp_path) == before
    start = code.index("\ndef softmax")
    end = code.index("\ndef log_softmax")
    file.write_text(code[:start] + code[end:])
    assert fingerprint(tmp_path) != before
    other.write_text(other.read_text() + code[start:end])
    assert fingerprint(tmp_path) == before
    file.write_text(code.replace("unnormalized.sum(dim", "unnormalized.mean(dim"))
    assert fingerprint(tmp_path) != before


@pytest.mark.parametrize(("shape", "n"), [(SHAPE, 7), (HIDDEN, 6)])
def test_the_contenders_compute_one_loss(shape, n):
    losses = json.loads(run("--losses", "--device", "cpu", "--shape", *shape))
    assert len(losses) == n
    computed = torch.tensor(list(losses.values()), dtype=torch.float32)
    torch.testing.assert_close(computed, computed[:1].expand(n))


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Return the names of three contenders, and their results by pass."""
    file = tmp_path_factory.mktemp("speed") / "speed.json"
    names = ["F.cross_entropy", "cross_entropy", "chunked, in place"]
    options = ["--device", "cpu", "--seconds", "0.01", "--json", file]
    run("--shape", *SHAPE, *options, "--only", *names)
    rows = json.loads(file.read_text())["results"]
    return names, {kind: [row for row in rows if row["pass"] == kind] for kind in PASSES}


@pytest.mark.parametrize("kind", PASSES)
def test_the_first_contender_is_what_the_others_are_compared_with(kind, measured):
    names, rows = measured[0], measured[1][kind]
    assert [row["name"] for row in rows] == names
    assert rows[0]["ratio"] == [1.0, 1.0, 1.0]
    for row in rows:
        assert row["seconds"] == sorted(row["seconds"])
        assert row["seconds"][0] > 0
        assert row["rounds"] >= 7


def test_the_peak_is_what_is_used_beyond_the_inputs():
    shape = (64, 40_000)
    logits = 4 * 64 * 40_000
    peak = run("--peak", "F.cross_entropy", "--device", "cpu", "--shape", *map(str, shape))
    assert 1.9 * logits < int(peak) < 4 * logits


def test_the_picture_shows_time_and_memory(tmp_path):
    run("--draw", "--picture", tmp_path / "speed.svg")
    panels = [
        group
        for group in ET.parse(tmp_path / "speed.svg").iter(f"{SVG}g")  # noqa: S314  # ours
        if "axes" in group.get("id", "")
    ]
    assert len(panels) == 2
    for axes in panels:
        xs = {
            group.get("id"): [float(point.get("x")) for point in group.iter(f"{SVG}use")]
            for group in axes.iterfind(f".//{SVG}g[@id]")
        }
        # The first two ticks, 10^4 and 10^5, give the scale of the axis.
        (ten4,), (ten5,) = [x for name, x in xs.items() if name.startswith("xtick")][:2]
        markers = [xs[line.get("id")] for line in axes if line.get("id").startswith("line2d")]
        drawn = [[round(10 ** (4 + (x - ten4) / (ten5 - ten4))) for x in line] for line in markers]
        assert drawn == [[4000, 16000, 64000, 256000]] * 4
