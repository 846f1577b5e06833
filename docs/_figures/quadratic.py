"""The figure `quadratic`: J^T v over the level lines of v y, for y = x^T w x with w the swap."""

from _figures._parts import slider
from _figures._plane import RIGHT, TOP, field, figure, keep, matrix, spread

POINTS = 20
LINE = [
    # On the level line, the product of the two coordinates is
    field("product", "datum.level / (2 * v[0])"),
    keep(f"datum.product != 0 && abs(datum.product) < {RIGHT * TOP}"),  # and so v is not zero
    field("branch", "[-1, 1]"),
    spread("branch"),
    field("point", f"sequence({POINTS + 2})"),
    spread("point"),
    # from the right end of the plane to its upper end, or its mirror image
    field("a", f"pow(abs(datum.product) / {RIGHT * TOP}, datum.point / {POINTS}) * {RIGHT}"),
    field("a", "datum.branch * datum.a"),
    field("b", "datum.product / datum.a"),
    field("end", f"datum.point > {POINTS}"),
]

spec = figure(
    "The quadratic form: the transposed Jacobian times v is an arrow that follows x and v.",
    cotangent=[slider("v1", "v", 2, 2)],
    computed={
        "y": "[2 * x1 * x2]",
        "J": "[[2 * x2, 2 * x1]]",
        "v": "[v1]",
        "gradient": "[J[0][0] * v[0], J[0][1] * v[0]]",
    },
    matrices=[
        *matrix("y", [["y[0]"]], ".2f", 36),
        *matrix("J", [["J[0][0]", "J[0][1]"]], ".1f", 136),
        *matrix("v", [["v[0]"]], ".1f", 236),
        *matrix("gradient", [["gradient[0]"], ["gradient[1]"]], ".2f", 324),
    ],
    line=LINE,
    step=20,
    shrink=5,
)
