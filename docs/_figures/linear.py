"""The figure `linear`: J^T v over the level lines of v^T y, for y = w x."""

from _figures._parts import slider
from _figures._plane import RIGHT, TOP, field, figure, keep, matrix, spread

W = [[1, 2], [3, 4]]
LINE = [
    keep("length > 0"),
    field("side", "[-1, 1, 2]"),
    spread("side"),
    # From the point of the level line that is next to zero, at a right angle to the gradient.
    field("along", "datum.level / pow(length, 2)"),
    field("across", f"datum.side * {RIGHT + TOP} / length"),
    field("a", "datum.along * gradient[0] - datum.across * gradient[1]"),
    field("b", "datum.along * gradient[1] + datum.across * gradient[0]"),
    field("end", "datum.side == 2"),
]

spec = figure(
    "The linear map: the transposed Jacobian times v is an arrow that follows v, and not x.",
    cotangent=[slider("v1", "v₁", 1, 2), slider("v2", "v₂", 1, 2)],
    computed={
        "y": f"[{', '.join(f'{row[0]} * x1 + {row[1]} * x2' for row in W)}]",
        "J": f"{W}",
        "v": "[v1, v2]",
        "gradient": f"[{', '.join(f'J[0][{j}] * v1 + J[1][{j}] * v2' for j in range(2))}]",
    },
    matrices=[
        *matrix("y", [["y[0]"], ["y[1]"]], ".1f", 36),
        *matrix("J", [[f"J[{i}][{j}]" for j in range(2)] for i in range(2)], ".0f", 136),
        *matrix("v", [["v[0]"], ["v[1]"]], ".1f", 236),
        *matrix("gradient", [["gradient[0]"], ["gradient[1]"]], ".1f", 324),
    ],
    line=LINE,
    step=10,
    shrink=3,
)
