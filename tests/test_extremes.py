"""How far from the truth the package is where logits are large, equal, many, or not finite."""

import math

import pytest
import torch
from accuracy import DTYPES, FUNCTIONS, error, results, table
from mpmath import mpf

# What is left to luck: the last bits of an exponential and of a division, and the order of a sum.
# With 16 bits, sums are taken in 32, and nothing is.
SLACK = {torch.float64: 2.0, torch.float32: 2.0, torch.bfloat16: 0.0, torch.float16: 0.0}

dtypes = pytest.mark.parametrize("dtype", DTYPES, ids=str)


@pytest.mark.parametrize("name", FUNCTIONS)
@dtypes
def test_never_less_accurate_than_torch(name, dtype):
    found = {case: result for (of, case), result in results(dtype).items() if of == name}
    assert len(found) > 40
    # An error is infinite where one result is nan or infinite and the true one is not.
    assert all(math.isfinite(result.ours) for result in found.values())
    worse = {
        case: result for case, result in found.items() if result.ours > result.theirs + SLACK[dtype]
    }
    assert not worse
    if not SLACK[dtype]:
        assert not any(result.farther for result in found.values())
        assert all(result.ours < 0.51 for result in found.values())


@pytest.mark.parametrize("name", ["log_softmax", "logsumexp"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_small_rest_beside_a_leading_logit_keeps_its_digits(name, dtype):
    result = results(dtype)[name, "one logit, 0, leads by 20"]
    assert result.ours < 4
    assert result.theirs > 1e6


@dtypes
def test_error_is_half_an_ulp_at_most_for_what_is_rounded(dtype):
    info = torch.finfo(dtype)
    subnormal = info.tiny * info.eps
    for true in (1.0, 1 + info.eps / 4, 3 * subnormal, 0.4 * subnormal, info.max, 0.0):
        assert error(torch.tensor(true, dtype=torch.float64).to(dtype).item(), true, dtype) <= 0.5
    assert error(1 + info.eps, mpf(1), dtype) == 1
    assert error(4 * subnormal, mpf(3 * subnormal), dtype) == 1
    # Past the middle of the last step, the nearest is infinity.
    assert error(math.inf, mpf(info.max) * (1 + mpf(info.eps) * 3 / 8), dtype) < 0.5
    assert error(info.max, mpf(info.max) * (1 + mpf(info.eps) * 3 / 8), dtype) > 0.5
    assert error(math.inf, mpf(math.inf), dtype) == error(math.nan, mpf(math.nan), dtype) == 0
    for wrong in ((math.nan, mpf(1)), (-math.inf, mpf(math.inf)), (1.0, mpf(math.nan))):
        assert math.isinf(error(*wrong, dtype))


def test_table_has_a_row_for_each_function_and_dtype():
    assert len(list(table())) == 2 + len(FUNCTIONS) * len(DTYPES)
