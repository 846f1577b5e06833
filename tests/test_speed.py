"""The benchmark: the contenders compute one loss, and its stored results are of this code."""

import json
import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import torch
from conftest import ROOT

sys.path.append(str(ROOT / "benchmarks"))

import busy
import cases
import contenders
import measuring
import results

PROC = Path("/proc")
RESULTS = ROOT / "docs" / "_data" / "speed.json"
SVG = "{http://www.w3.org/2000/svg}"
SHAPE, HIDDEN = ["6", "5"], ["6", "4", "5"]
PASSES = ["forward", "forward + backward"]
NAMES = ["F.cross_entropy", "cross_entropy", "chunked, in place"]
SHORT = ["--device", "cpu", "--seconds", "0.01", "--only", *NAMES]


def run(*arguments, program=ROOT / "benchmarks" / "speed.py"):
    command = [sys.executable, "-W", "ignore", program, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def fingerprint(root=ROOT):
    return run(program=root / "benchmarks" / "fingerprint.py").strip()


def test_the_results_are_of_this_code():
    newest = json.loads(RESULTS.read_text())["runs"][0]
    assert newest["code"] == fingerprint(), "the code has changed: tox -e bench"
    measured = [entry["case"] for entry in newest["results"]]
    planned = cases.unique(cases.full_plan("cpu"))
    assert measured == [json.loads(json.dumps(case._asdict())) for case in planned]


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


@pytest.mark.parametrize(
    ("shape", "options", "n"),
    [
        (SHAPE, [], 7),
        (HIDDEN, [], 6),
        (HIDDEN, ["--dtype", "bfloat16"], 6),
        (SHAPE, ["--dtype", "bfloat16", "--only", *cases.DRAWN], 4),
        (SHAPE, ["--dtype", "float16", "--only", *cases.DRAWN], 4),
        (SHAPE, ["--smoothing", "0.1", "--only", *cases.DRAWN], 4),
        (SHAPE, ["--probabilities", "--only", *cases.DRAWN], 4),
        (["2", "3", "4", "4"], ["--smoothing", "0.1", "--only", *cases.DRAWN], 4),
    ],
)
def test_the_contenders_compute_one_loss(shape, options, n):
    losses = json.loads(run("--losses", "--device", "cpu", "--shape", *shape, *options))
    assert len(losses) == n
    computed = torch.tensor(list(losses.values()), dtype=torch.float32)
    close = {"atol": 0.02, "rtol": 0.0} if "--dtype" in options else {}
    torch.testing.assert_close(computed, computed[:1].expand(n), **close)


def test_options_and_targets_change_the_loss():
    case = cases.Case("variants", (6, 5), ["cross_entropy"])
    found = set()
    for changed in (case, case._replace(smoothing=0.1), case._replace(probabilities=True)):
        leaves, target = contenders.inputs(changed, "cpu")
        found.add(contenders.contender(changed, "cross_entropy")(*leaves, target).item())
    assert len(found) == 3


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Return the names of three contenders, and their results by pass."""
    file = tmp_path_factory.mktemp("speed") / "speed.json"
    run("--shape", *SHAPE, *SHORT, "--json", file)
    entries = json.loads(file.read_text())["runs"][0]["results"]
    return NAMES, {entry["case"]["kind"]: entry["rows"] for entry in entries}


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


def stored(file):
    return [(entry["machine"], entry["results"]) for entry in json.loads(file.read_text())["runs"]]


def test_a_second_run_measures_only_what_the_first_has_not(tmp_path):
    file = tmp_path / "speed.json"
    run("--shape", *SHAPE, *SHORT, "--json", file)
    ((here, first),) = stored(file)
    runs = json.loads(file.read_text())
    del runs["runs"][0]["results"][1]  # as if it had been interrupted
    other = {**runs["runs"][0], "machine": {**here, "processor": "another"}}
    runs["runs"].insert(0, other)
    file.write_text(json.dumps(runs))
    run("--shape", *SHAPE, *SHORT, "--json", file)
    (again, second), (machine, kept) = stored(file)
    assert (again, machine, kept) == (here, other["machine"], other["results"])
    assert second[0] == first[0]
    assert second[1]["case"] == first[1]["case"]
    run("--shape", *SHAPE, *SHORT, "--json", file, "--rounds", "8")  # other settings: begin again
    (_, third), (machine, _) = stored(file)
    assert [entry["rows"][0]["rounds"] >= 8 for entry in third] == [True, True]
    assert machine == other["machine"]


def test_fresh_begins_again(tmp_path):
    file, settings = tmp_path / "speed.json", {"seconds": 1}
    case = cases.Case("shapes", (6, 5), NAMES)
    results.Store(file, "cpu", settings, fresh=False).add(case, [{"name": "first"}])
    assert results.Store(file, "cpu", settings, fresh=False).rows(case) == [{"name": "first"}]
    assert results.Store(file, "cpu", settings, fresh=True).rows(case) is None
    assert results.Store(file, "cpu", {"seconds": 2}, fresh=False).rows(case) is None


def test_the_machine_is_described():
    found = results.machine("cpu")
    assert found["capability"] == torch.backends.cpu.get_cpu_capability()
    assert found["threads"] == torch.get_num_threads()
    assert found["mkl_cbwr"] == os.environ.get("MKL_CBWR")
    assert found["processor"]


def test_busy_loops_end_with_the_measurement():
    with busy.busy(2) as loops:
        assert [loop.poll() for loop in loops] == [None, None]
    assert [loop.poll() for loop in loops] == [0, 0]


PARENT = """
import os, sys
sys.path.append(sys.argv[1])
import busy
context = busy.busy(1)
print(context.__enter__()[0].pid, flush=True)
os._exit(1)  # as if killed: nothing is closed or waited for
"""


@pytest.mark.skipif(not PROC.exists(), reason="needs /proc")
def test_busy_loops_end_with_their_parent():
    command = [sys.executable, "-c", PARENT, ROOT / "benchmarks"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    process = PROC / done.stdout.strip() / "stat"
    end = time.monotonic() + 30
    while process.exists() and process.read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < end
        time.sleep(0.05)


def test_one_thread_is_a_setting_of_its_case():
    before = torch.get_num_threads()
    with measuring.threads(1):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


def test_synchronization_is_an_error_during_the_check(monkeypatch):
    modes = []
    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", modes.append)
    case = cases.Case("shapes", (6, 5), ["chunked"])
    measuring.check_synchronization(case, "cpu")
    assert modes == ["error", "default"]


def test_a_gpu_is_measured_in_bfloat16_with_the_compiler():
    planned = cases.unique(cases.full_plan("cuda"))
    assert {case.dtype for case in planned} == {"bfloat16"}
    assert {case.busy for case in planned} == {0}
    assert len({json.dumps(case) for case in planned}) == len(planned)
    variants = [case for case in planned if case.series == "variants"]
    assert variants
    assert all({*cases.COMPILED} < {*case.names} for case in variants)


def test_the_quick_selection_prints_each_table():
    planned = cases.quick_plan()
    assert [case.dtype for case in planned].count("bfloat16") == 3
    assert all(len(case.names) > 1 for case in planned)
