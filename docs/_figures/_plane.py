"""The shared parts of `quadratic` and `linear`: x on a plane, the arrow J^T v, level lines."""

from typing import Any

from _figures._parts import BLUE, MINUS, ORANGE, formulas, mark, slider

START = (1.0, 5.0)  # as on the page
RIGHT, TOP, UNIT = 10.0, 9.0, 16.5  # the ends of the axes, and the pixels to a unit of both
LEFT, HEADER = 8, 92  # of the plane, in pixels
HEAD = "M0,0L-0.35,1L0.35,1Z"  # of the arrow: it points at 0, 0
GRADIENT = "J\N{MODIFIER LETTER CAPITAL T}v"


def at(first: str, second: str, end: str = "") -> dict[str, Any]:
    """Return a place on the plane, by its two coordinates."""
    return {
        f"x{end}": {"scale": "right", "signal": first},
        f"y{end}": {"scale": "up", "signal": second},
    }


def field(name: str, text: str) -> dict[str, str]:
    """Return a transform that computes a field."""
    return {"type": "formula", "as": name, "expr": text}


def spread(name: str) -> dict[str, Any]:
    """Return a transform that makes a row of each element of a list."""
    return {"type": "flatten", "fields": [name]}


def keep(text: str) -> dict[str, str]:
    """Return a transform that keeps the rows for which an expression is true."""
    return {"type": "filter", "expr": text}


def matrix(name: str, rows: list[list[str]], digits: str, middle: float) -> list[dict[str, Any]]:
    """Return a title, and below it numbers in brackets: a group of the given name."""
    title = GRADIENT if name == "gradient" else name
    numbers = [[f"format({entry}, '{digits}')" for entry in row] for row in rows]
    said = " + '; ' + ".join(" + ', ' + ".join(row) for row in numbers)
    half, bottom = 25 * len(rows[0]), 18 * len(rows)
    brackets = "".join(
        f"M{x - x / half * 4},0H{x}V{bottom}H{x - x / half * 4}" for x in (-half, half)
    )
    description = {"signal": f"'{title}: ' + {said}"}
    entries = [
        mark("text", x=50 * j - half + 25, y=18 * i + 14, text={"signal": number}, align="center")
        for i, row in enumerate(numbers)
        for j, number in enumerate(row)
    ]
    return [
        mark("text", x=middle, y=18, text=title, align="center", fontWeight="bold"),
        {
            **mark("group", name=name, x=middle, y=27),
            "marks": [
                mark("path", path=brackets, stroke="currentColor", description=description),
                *entries,
            ],
        },
    ]


def axes() -> list[dict[str, Any]]:
    """Return both axes, with labels at 5 and -5."""
    line = {"stroke": "currentColor", "opacity": 0.6}
    number = {"fontSize": 10, "baseline": "middle"}
    return [
        mark("rule", **at(f"{-RIGHT}", "0"), **at(f"{RIGHT}", "0", "2"), **line),
        mark("rule", **at("0", f"{-TOP}"), **at("0", f"{TOP}", "2"), **line),
        mark("text", **at("-5", "-0.5"), **number, text=f"{MINUS}5", align="center"),
        mark("text", **at("5", "-0.5"), **number, text="5", align="center"),
        mark("text", **at("-0.2", "-5"), **number, text=f"{MINUS}5", align="right"),
        mark("text", **at("-0.2", "5"), **number, text="5", align="right"),
    ]


def lines(data: str, **settings: Any) -> dict[str, Any]:
    """Return the level lines of some data as one mark, with a gap after each."""
    place = at("datum.a", "datum.b")
    return mark("line", data, **place, defined={"signal": "!datum.end"}, **settings)


def arrow(shrink: int) -> list[dict[str, Any]]:
    """Return x, and the gradient as an arrow from it, shortened by the factor `shrink`."""
    tip = [f"x{i + 1} + gradient[{i}] / {shrink}" for i in range(2)]
    # The line ends inside the head: its end would blunt the tip.
    stem = f"max(0, 1 / {shrink} - 0.4 / length)"
    end = [f"x{i + 1} + (length > 0 ? gradient[{i}] * {stem} : 0)" for i in range(2)]
    shown = {"signal": "length > 0 ? 1 : 0"}
    return [
        mark("rule", **at("x1", "x2"), **at(*end, "2"), stroke=ORANGE, strokeWidth=3),
        mark(
            "symbol",
            name="head",
            **at(*tip),
            shape=HEAD,
            size=576,
            angle={"signal": "atan2(gradient[0], gradient[1]) * 180 / PI"},
            fill=ORANGE,
            opacity=shown,
        ),
        mark("symbol", name="point", **at("x1", "x2"), fill="currentColor", size=50),
    ]


def figure(
    description: str,
    *,
    cotangent: list[dict[str, Any]],
    computed: dict[str, str],
    matrices: list[dict[str, Any]],
    line: list[dict[str, Any]],
    step: int,
    shrink: int,
) -> dict[str, Any]:
    """Return the specification.

    `computed` has formulas for y, J, v and the gradient; `line` turns a row with a `level` into
    rows of points `a`, `b` of its level lines; `end` is true for the last of each line.
    """
    level = " + ".join(f"v[{i}] * y[{i}]" for i in range(len(cotangent)))
    length = "sqrt(pow(gradient[0], 2) + pow(gradient[1], 2))"  # Vega's interpreter lacks hypot
    return {
        "$schema": "https://vega.github.io/schema/vega/v6.json",
        "description": description,
        "width": 360,
        "height": HEADER + 2 * TOP * UNIT + 2,
        "autosize": "none",
        "signals": [
            *(slider(f"x{i}", f"x{'₁₂'[i - 1]}", START[i - 1], 5) for i in (1, 2)),
            *cotangent,
            *formulas(computed),
            *formulas({"length": length, "level": level}),
        ],
        "data": [
            {
                "name": "levels",
                "transform": [
                    {"type": "sequence", "start": -20, "stop": 21, "as": "k"},
                    field("level", f"{step} * datum.k"),
                    *line,
                ],
            },
            {"name": "here", "values": [{}], "transform": [field("level", "level"), *line]},
        ],
        "scales": [
            {"name": "right", "domain": [-RIGHT, RIGHT], "range": [0, 2 * RIGHT * UNIT]},
            {"name": "up", "domain": [-TOP, TOP], "range": [2 * TOP * UNIT, 0]},
        ],
        "marks": [
            *matrices,
            mark("text", x=LEFT + RIGHT * UNIT, y=HEADER - 5, text="x₂", align="center"),
            mark("text", x=LEFT + 2 * RIGHT * UNIT + 4, y=HEADER + TOP * UNIT + 3, text="x₁"),
            {
                **mark(
                    "group",
                    x=LEFT,
                    y=HEADER,
                    width=2 * RIGHT * UNIT,
                    height=2 * TOP * UNIT,
                    clip=True,
                ),
                "marks": [
                    *axes(),
                    lines("levels", stroke="currentColor", strokeWidth=1, opacity=0.45),
                    lines("here", stroke=BLUE, strokeWidth=2),
                    *arrow(shrink),
                ],
            },
        ],
    }
