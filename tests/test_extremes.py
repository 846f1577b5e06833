"""The accuracy of the package for logits that are large, equal, many, or not finite."""

import json
import math
import subprocess
import sys

import pytest
import torch
from conftest import ROOT
from mpmath import mpf
from ulp import error

FUNCTIONS = ["softmax", "log_softmax", "logsumexp", "cross_entropy", "chunked_cross_entropy"]

# The tolerance, in ulp, for the last bits of exponentials and divisions, and the order of sums.
# With 16 bits, sums are computed in 32, so it is 0.
SLACK = {torch.float64: 2.0, torch.float32: 2.0, torch.bfloat16: 0.0, torch.float16: 0.0}

dtypes = pytest.mark.parametrize("dtype", SLACK, ids=str)


@pytest.fixture(scope="module")
def benchmark(tmp_path_factory):
    """Return the output of the benchmark, and its results by dtype, function and case."""
    file = tmp_path_factory.mktemp("accuracy") / "accuracy.json"
    command = [sys.executable, ROOT / "benchmarks" / "accuracy.py", "--json", file]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found = {}
    for row in json.loads(file.read_text()):
        found.setdefault((row["dtype"], row["function"]), {})[row["case"]] = row
    return done.stdout, found


@pytest.mark.parametrize("name", FUNCTIONS)
@dtypes
def test_never_less_accurate_than_torch(name, dtype, benchmark):
    found = benchmark[1][str(dtype), name]
    assert len(found) > 40
    # An error is infinite if just one of the result and the exact one is NaN or infinite.
    assert all(math.isfinite(result["ours"]) for result in found.values())
    worse = {
        case: result
        for case, result in found.items()
        if result["ours"] > result["theirs"] + SLACK[dtype]
    }
    assert not worse
    if not SLACK[dtype]:
        assert not any(result["farther"] for result in found.values())
        assert all(result["ours"] < 0.51 for result in found.values())


@pytest.mark.parametrize("name", ["log_softmax", "logsumexp"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_small_rest_beside_a_leading_logit_keeps_its_digits(name, dtype, benchmark):
    result = benchmark[1][str(dtype), name]["one logit, 0, leads by 20"]
    assert result["ours"] < 4
    assert result["theirs"] > 1e6


@dtypes
def test_error_is_half_an_ulp_at_most_for_what_is_rounded(dtype):
    info = torch.finfo(dtype)
    subnormal = info.tiny * info.eps
    for true in (1.0, 1 + info.eps / 4, 3 * subnormal, 0.4 * subnormal, info.max, 0.0):
        assert error(torch.tensor(true, dtype=torch.float64).to(dtype).item(), true, dtype) <= 0.5
    assert error(1 + info.eps, mpf(1), dtype) == 1
    assert error(4 * subnormal, mpf(3 * subnormal), dtype) == 1
    # Beyond the middle of the last step, infinity is the nearest.
    assert error(math.inf, mpf(info.max) * (1 + mpf(info.eps) * 3 / 8), dtype) < 0.5
    assert error(info.max, mpf(info.max) * (1 + mpf(info.eps) * 3 / 8), dtype) > 0.5
    assert error(math.inf, mpf(math.inf), dtype) == error(math.nan, mpf(math.nan), dtype) == 0
    for wrong in ((math.nan, mpf(1)), (-math.inf, mpf(math.inf)), (1.0, mpf(math.nan))):
        assert math.isinf(error(*wrong, dtype))


def test_table_has_a_row_for_each_function_and_dtype(benchmark):
    printed, found = benchmark
    assert set(found) == {(str(dtype), name) for dtype in SLACK for name in FUNCTIONS}
    version, empty, *table = printed.splitlines()
    assert version.startswith(f"torch {torch.__version__}, ")
    assert not empty
    assert len(table) == 2 + len(FUNCTIONS) * len(SLACK)
