"""The figure `errors`: the error of the loss on each road, by dtype and size of the logits.

The errors are measured while the page is built: the largest among a thousand samples, relative to
the loss in float64 where that is above one.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  # the usual name
from _figures._parts import ORANGE, choice, formulas, mark, slider
from torch import Tensor

from autograd_notes import cross_entropy

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
LOWEST, HIGHEST, PER_DECADE = -1, 3, 8  # the sizes of the logits, as powers of ten

# In pixels, and as powers of ten: the plot, below a line of text for each road.
LEFT, RIGHT, ROW, ABOVE, HEIGHT = 44, 350, 18, 102, 200
LEAST, MOST = -8, 0


def simple_softmax(x: Tensor) -> Tensor:
    """Compute softmax as the page does."""
    return x.exp() / x.exp().sum(-1, keepdim=True)


def simple_log_softmax(x: Tensor) -> Tensor:
    """Compute log_softmax as the page does."""
    return x - x.exp().sum(-1, keepdim=True).log()


Road = Callable[[Tensor, Tensor], Tensor]
ROADS: dict[str, Road] = {
    "softmax, nl": lambda x, t: -simple_softmax(x).gather(1, t[:, None]).log()[:, 0],
    "log_softmax, nll": lambda x, t: -simple_log_softmax(x).gather(1, t[:, None])[:, 0],
    "cross_entropy of the package": lambda x, t: cross_entropy(x, t, reduction="none"),
    "F.cross_entropy": lambda x, t: F.cross_entropy(x, t, reduction="none"),
}


def measured() -> dict[tuple[str, str], list[float]]:
    """Return the largest errors of each dtype and road, for growing sizes."""
    source = torch.Generator().manual_seed(0)
    x = torch.randn(1000, 10, dtype=torch.float64, generator=source)
    target = torch.randint(10, (1000,), generator=source)
    errors: dict[tuple[str, str], list[float]] = {(d, r): [] for d in DTYPES for r in ROADS}
    for power in range(LOWEST * PER_DECADE, HIGHEST * PER_DECADE + 1):
        for name, dtype in DTYPES.items():
            logits = (x * 10 ** (power / PER_DECADE)).to(dtype)
            truth = F.cross_entropy(logits.double(), target, reduction="none")
            for road, loss in ROADS.items():
                error = (loss(logits, target) - truth).abs() / truth.clamp(min=1)
                errors[name, road].append(error.max().item())
    return errors


def series(dtype: str, road: str, errors: list[float]) -> dict[str, Any]:
    """Return a row of data: errors as numbers or as text, and the last one before the text."""
    finite = [math.isfinite(error) for error in errors]
    return {
        "dtype": dtype,
        "road": road,
        "error": [
            float(f"{e:.7g}") if ok else str(e) for e, ok in zip(errors, finite, strict=True)
        ],
        "end": finite.index(False) - 1 if not all(finite) else len(errors),
    }


def place(power: str, error: str) -> dict[str, Any]:
    """Return a place in the plot: two powers of ten."""
    return {"x": {"scale": "right", "signal": power}, "y": {"scale": "up", "signal": error}}


POINT = place("datum.power", "log(datum.error) / LN10")


def power_of_ten(power: int) -> str:
    """Return a power of ten as a text."""
    return f"10{str(power).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


def axes() -> list[dict[str, Any]]:
    """Return a line and a number for each power of ten, and the names of the axes."""
    thin = {"stroke": "currentColor", "opacity": 0.15}
    small = {"fontSize": 10, "baseline": "middle"}
    bottom = ABOVE + HEIGHT
    grid, found = [], []
    for power in range(LOWEST, HIGHEST + 1):
        x = {"scale": "right", "value": power}
        grid.append(mark("rule", x=x, y=ABOVE, y2=bottom, **thin))
        number = power_of_ten(power)
        found.append(mark("text", x=x, y=bottom + 12, text=number, align="center", **small))
    for power in range(LEAST, MOST + 1, 2):
        y = {"scale": "up", "value": power}
        grid.append(mark("rule", x=LEFT, x2=RIGHT, y=y, **thin))
        number = power_of_ten(power)
        found.append(mark("text", x=LEFT - 6, y=y, text=number, align="right", **small))
    middle = (LEFT + RIGHT) / 2
    return [
        {**mark("group", name="grid"), "marks": grid},
        *found,
        mark("text", x=middle, y=bottom + 32, text="size of the logits", align="center"),
        mark("text", x=4, y=ABOVE - 10, text="largest error"),
    ]


def written(row: int, road: str) -> dict[str, Any]:
    """Return the line of text of a road: its error at the size, or inf or nan."""
    found = f"data('series')[indexof(dtypes, dtype) * {len(ROADS)} + {row}].error[index]"
    text = f"'{road}: ' + (isNumber({found}) ? format({found}, '.1e') : {found})"
    return mark(
        "text",
        x=4,
        y=14 + ROW * row,
        text={"signal": text},
        description={"signal": text},
        fontWeight={"signal": f"road == '{road}' ? 'bold' : 'normal'"},
    )


def lines(chosen: str, **settings: Any) -> dict[str, Any]:
    """Return a line for each road, with a gap where the loss is not finite."""
    return {
        "type": "group",
        "from": {"facet": {"name": "one", "data": chosen, "groupby": "road"}},
        "marks": [
            mark("line", "one", **POINT, defined={"signal": "isNumber(datum.error)"}, **settings)
        ],
    }


def chosen(test: str) -> list[dict[str, str]]:
    """Return a transform that keeps rows."""
    return [{"type": "filter", "expr": f"datum.dtype == dtype && ({test})"}]


SERIES = [series(dtype, road, errors) for (dtype, road), errors in measured().items()]

spec: dict[str, Any] = {
    "$schema": "https://vega.github.io/schema/vega/v6.json",
    "description": "The largest error of the loss on each road, against the size of the logits.",
    "width": 360,
    "height": ABOVE + HEIGHT + 38,
    "autosize": "none",
    "signals": [
        choice("dtype", "dtype", list(DTYPES), "float16"),
        choice("road", "road", list(ROADS), "softmax, nl"),
        slider("power", "log₁₀ of the size", 1, HIGHEST, step=1 / PER_DECADE, start=LOWEST),
        *formulas(
            {
                "dtypes": f"{list(DTYPES)}",
                "index": f"round((power - {LOWEST}) * {PER_DECADE})",
            }
        ),
    ],
    "data": [
        {"name": "series", "values": SERIES},
        {
            "name": "points",
            "source": "series",
            "transform": [
                {"type": "flatten", "fields": ["error"], "index": "at"},
                {
                    "type": "formula",
                    "as": "power",
                    "expr": f"{LOWEST} + datum.at / {PER_DECADE}",
                },
            ],
        },
        {"name": "others", "source": "points", "transform": chosen("datum.road != road")},
        {"name": "chosen", "source": "points", "transform": chosen("datum.road == road")},
        {"name": "ends", "source": "points", "transform": chosen("datum.at == datum.end")},
        {
            "name": "here",
            "source": "chosen",
            "transform": [{"type": "filter", "expr": "datum.at == index && isNumber(datum.error)"}],
        },
    ],
    "scales": [
        {"name": "right", "domain": [LOWEST, HIGHEST], "range": [LEFT, RIGHT]},
        {"name": "up", "domain": [LEAST, MOST], "range": [ABOVE + HEIGHT, ABOVE]},
    ],
    "marks": [
        *(written(row, road) for row, road in enumerate(ROADS)),
        *axes(),
        mark(
            "rule",
            x={"scale": "right", "signal": "power"},
            y=ABOVE,
            y2=ABOVE + HEIGHT,
            stroke="currentColor",
        ),
        lines("others", stroke="currentColor", strokeWidth=1.2, opacity=0.6),
        lines("chosen", stroke=ORANGE, strokeWidth=3),
        mark(
            "symbol",
            "ends",
            **POINT,
            shape="M-.5,-.5L.5,.5M-.5,.5L.5,-.5",
            size=120,
            stroke={"signal": f"datum.road == road ? '{ORANGE}' : 'currentColor'"},
            strokeWidth=2,
        ),
        mark(
            "symbol",
            "here",
            **POINT,
            fill=ORANGE,
            size=70,
        ),
    ],
}
