"""The error of a floating-point number, in units in the last place."""

import math

import torch
from mpmath import mp, mpf

mp.dps = 50  # far more digits than any dtype has


def error(value: float, true: mpf, dtype: torch.dtype) -> float:
    """Return the distance to the exact value in ulp: 0 if both are the same infinity, or both NaN."""
    if mp.isnan(true) or mp.isinf(true):
        return 0.0 if value == true or (math.isnan(value) and mp.isnan(true)) else math.inf
    if math.isnan(value):
        return math.inf
    info = torch.finfo(dtype)
    if math.isinf(value):  # in place of the first number too large for the dtype
        value = math.copysign(2.0, value) * mp.ldexp(1, math.frexp(info.max)[1] - 1)
    # The exponents of the dtype end where it has no smaller normal numbers, and no larger ones.
    smallest, largest = (math.frexp(end)[1] for end in (info.tiny, info.max))
    exponent = min(max(mp.frexp(true)[1], smallest), largest) if true else smallest
    return float(abs(value - true) / mp.ldexp(info.eps, exponent - 1))
