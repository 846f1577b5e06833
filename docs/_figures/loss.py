"""The figure `loss`: three logits and a target; softmax, the gradient and the loss that follow.

`spec` is a Vega specification: https://vega.github.io/vega/docs/specification/
"""

from typing import Any

from _figures._parts import BLUE, MINUS, ORANGE, formulas, mark, slider

CLASSES = range(3)
LOGITS = (1.5, -0.3, -2.2)  # nearly the first sample of the pages
TARGET = 2

# In pixels. The unit is equally long in all three columns, so that the eye can subtract.
FIRST_ROW, ROW, BAR, ONE = 80, 44, 14, 62


def buttons() -> dict[str, Any]:
    """Return the signal of the target, with its radio buttons."""
    bind = {"input": "radio", "options": list(CLASSES), "name": "target"}
    return {"name": "target", "value": TARGET, "bind": bind}


def each(formula: str) -> str:
    """Return a list: the formula for each class, which it calls `#`."""
    return f"[{', '.join(formula.replace('#', str(c)) for c in CLASSES)}]"


# All that the figure computes.
FORMULAS = {
    "maximum": "max(x0, x1, x2)",
    "unnormalized": each("exp(x# - maximum)"),
    "total": "unnormalized[0] + unnormalized[1] + unnormalized[2]",
    "softmax": each("unnormalized[#] / total"),
    "onehot": each("target == # ? 1 : 0"),
    "gradient": each("softmax[#] - onehot[#]"),
    "loss": f"maximum + log(total) - {each('x#')}[target]",
}


def row(offset: float = 0) -> dict[str, Any]:
    """Return a height in the row of a class, from the middle of its bar."""
    return {"scale": "row", "field": "class", "offset": offset}


def column(name: str, title: str, digits: str, zero: float, low: int) -> list[dict[str, Any]]:
    """Return a title, and for each class a number above a bar, which may go from `low` to one."""
    value, left = f"{name}[datum.class]", zero + low * ONE
    bar = {"yc": row(), "height": BAR}
    number = f"format({value}, '{digits}')"
    return [
        mark(
            "text", x=(left + zero + ONE) / 2, y=44, text=title, align="center", fontWeight="bold"
        ),
        mark(
            "rect", data="classes", x=left, x2=zero + ONE, **bar, fill="currentColor", opacity=0.08
        ),
        mark(
            "rect",
            data="classes",
            x=zero,
            x2={"signal": f"{zero} + {ONE} * {value}"},
            **bar,
            fill={"signal": f"{value} < 0 ? '{ORANGE}' : '{BLUE}'"},
            description={"signal": f"'{name} of class ' + datum.class + ': ' + {number}"},
        ),
        mark("rule", data="classes", x=zero, y=row(-10), y2=row(10), stroke="currentColor"),
        mark(
            "text",
            data="classes",
            x=(left + zero + ONE) / 2,
            y=row(-13),
            text={"signal": number},
            align="center",
        ),
    ]


LOSS = {"signal": f"'loss = {MINUS}log softmax[' + target + '] = ' + format(loss, '.4f')"}

spec: dict[str, Any] = {
    "$schema": "https://vega.github.io/schema/vega/v6.json",
    "description": "Softmax, minus onehot, is the gradient: bars that follow the controls.",
    "width": 360,
    "height": FIRST_ROW + 2 * ROW + 14,
    "autosize": "none",
    "signals": [
        *(slider(f"x{c}", f"logit of class {c}", LOGITS[c], 5) for c in CLASSES),
        buttons(),
        *formulas(FORMULAS),
    ],
    "data": [{"name": "classes", "values": [{"class": c} for c in CLASSES]}],
    "scales": [
        {
            "name": "row",
            "type": "ordinal",
            "domain": list(CLASSES),
            "range": [FIRST_ROW + ROW * c for c in CLASSES],
        }
    ],
    "marks": [
        mark("text", x=0, y=18, text=LOSS, description=LOSS, fontSize=14),
        mark(
            "text",
            data="classes",
            x=0,
            y=row(4),
            text={"signal": "'class ' + datum.class"},
            fontWeight={"signal": "datum.class == target ? 'bold' : 'normal'"},
        ),
        *column("softmax", "softmax", ".4f", zero=58, low=0),
        *column("onehot", f"{MINUS} onehot", ".0f", zero=148, low=0),
        *column("gradient", "= gradient", "+.4f", zero=296, low=-1),
    ],
}
