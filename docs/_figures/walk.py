"""The figure `walk`: the steps of y.backward(v) for y = x^T w x, with a gradient on each arrow.

Functions, saved tensors and gradients are those of autograd. `stills` has a picture of each step
before the last, which `spec` shows at first.
"""

from typing import Any

import torch
from _figures._parts import BLUE, GREEN, ORANGE, formulas, mark, slider
from torch import Tensor

from autograd_notes import backward_graph

STEPS = 4
ROWS = ("y", "a", "xt", "x")  # each function by its tensor, in the order of the walk
RULES = {
    "y": ["da = v xᵀ", "dx = aᵀ v"],
    "a": ["dxt = da wᵀ"],
    "xt": ["dx_too = dxtᵀ"],
    "x": ["x.grad =", "dx + dx_too"],
}

# In pixels: the width of the graph, and with the formulas beside it; then the height of a box and
# of the space below it, the widths of boxes, and where the arrows are.
GRAPH, WHOLE = 182, 320
TOP, BOX, GAP = 36, 38, 42
WIDE, NARROW = 174, 126
CHAIN, DIRECT = 24, 138


def recorded() -> dict[str, Tensor]:
    """Return the tensors of the page by their names."""
    x = torch.tensor([[1.0], [5.0]], requires_grad=True)
    w = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    xt = x.t()
    a = xt @ w
    return {"x": x, "w": w, "xt": xt, "a": a, "y": a @ x}


def labels(named: dict[str, Tensor]) -> dict[str, tuple[str, str]]:
    """Return the name of each function, and the tensors that it saved, by its own tensor."""
    graph = backward_graph(named["y"], named)
    found = {}
    for node, data in graph.nodes(data=True):
        if data["kind"] != "saved":
            read = [graph.nodes[tail] for tail, _ in graph.in_edges(node)]
            saved = [one["tensor"] for one in read if one["kind"] == "saved"]
            found[data["tensor"]] = data["name"], " and ".join(saved)
    return found


def walked(named: dict[str, Tensor]) -> dict[str, list[float]]:
    """Return the gradient on each arrow for v = 1, and their sum."""
    x, y, a, xt = (named[name] for name in ("x", "y", "a", "xt"))
    da, dx = y.grad_fn(torch.ones_like(y))
    dxt, _ = a.grad_fn(da)
    dx_too = xt.grad_fn(dxt)
    (total,) = torch.autograd.grad(y, x)
    gradients = {"da": da, "dx": dx, "dxt": dxt, "dx_too": dx_too, "total": total}
    return {name: gradient.flatten().tolist() for name, gradient in gradients.items()}


NAMED = recorded()
LABELS = labels(NAMED)
# Each function is linear: its results grow with v.
GRADIENTS = {name: f"[{a} * v1, {b} * v1]" for name, (a, b) in walked(NAMED).items()}


def top(row: int) -> int:
    """Return the upper edge of a box."""
    return TOP + row * (BOX + GAP)


def since(step: int, text: str, before: str = "''") -> dict[str, str]:
    """Return an expression that has another value before a step."""
    return {"signal": f"step >= {step} ? {text} : {before}"}


def row_vector(name: str) -> str:
    """Return an expression for a gradient in one line."""
    numbers = " + ', ' + ".join(f"format({name}[{i}], '.1~f')" for i in range(2))
    return f"'[' + {numbers} + ']'"


def column_vector(name: str, step: int, x: float, y: float) -> list[dict[str, Any]]:
    """Return a gradient in brackets, around the given middle."""
    brackets = "".join(f"M{side * 14},-15H{side * 18}V15H{side * 14}" for side in (-1, 1))
    said = since(step, f"'{name} = ' + {row_vector(name)} + 'ᵀ'")
    return [
        mark(
            "path",
            x=x,
            y=y,
            path=since(step, f"'{brackets}'"),
            stroke="currentColor",
            description=said,
        ),
        *(
            mark(
                "text",
                x=x,
                y=y + 14 * i - 3,
                text=since(step, f"format({name}[{i}], '.1~f')"),
                align="center",
                fontSize=11,
            )
            for i in range(2)
        ),
    ]


def arrow(x: float, start: float, end: float, step: int) -> list[dict[str, Any]]:
    """Return an arrow down, which is bold from the step on in which a gradient takes it."""
    color = since(step, f"'{ORANGE}'", "'currentColor'")
    return [
        mark("rule", x=x, y=start, y2=end - 6, stroke=color, strokeWidth=since(step, "3", "1")),
        mark("path", x=x, y=end, path="M0,0L-5,-9H5Z", fill=color),
    ]


def line(x: float, y: float, text: Any, step: int | None = None) -> dict[str, Any]:
    """Return a line of text, which is bold in its step."""
    weight = {"signal": f"step == {step} ? 'bold' : 'normal'"} if step else "normal"
    return mark("text", x=x, y=y, text=text, fontSize=11, fontWeight=weight)


def box(row: int, tensor: str) -> list[dict[str, Any]]:
    """Return a function: its name, and what became of the tensors that it saved."""
    name, saved = LABELS[tensor]
    step = row + 1
    if tensor == "x":
        waiting = "(step < 1 ? 0 : step < 3 ? 1 : 2) + ' of 2 gradients'"
        state = since(step, f"'x.grad = ' + {row_vector('total')} + 'ᵀ'", waiting)
    elif saved:
        state = since(step, f"'{saved} freed'", f"'saved {saved}'")
    else:
        state = {"signal": "'nothing saved'"}
    width = WIDE if tensor in {"x", "y"} else NARROW
    outline = {"x": 4, "y": top(row), "width": width, "height": BOX, "cornerRadius": 4}
    color = GREEN if tensor == "x" else BLUE
    said = {"signal": f"'{name} of {tensor}, ' + ({state['signal']})"}
    now = {"signal": f"step == {step} ? 3 : 1"}
    return [
        mark("rect", **outline, fill=color, opacity=0.2),
        mark("rect", **outline, stroke=color, strokeWidth=now, description=said),
        line(10, top(row) + 15, f"{name} of {tensor}"),
        line(10, top(row) + 31, state),
    ]


def rules() -> list[dict[str, Any]]:
    """Return the formulas beside the graph, each from its step on."""
    return [
        line(GRAPH + 14, top(row) + 15 + 16 * i, since(row + 1, f"'{text}'"), row + 1)
        for row, tensor in enumerate(ROWS)
        for i, text in enumerate(RULES[tensor])
    ]


def figure(step: int, width: int) -> dict[str, Any]:
    """Return the specification, with the given step at first, and formulas if there is space."""
    shown = {
        name: since(s, f"'{name} = ' + {row_vector(name)}") for s, name in ((1, "da"), (2, "dxt"))
    }
    return {
        "$schema": "https://vega.github.io/schema/vega/v6.json",
        "description": f"The walk of backward, step {step} of {STEPS}.",
        "width": width,
        "height": top(len(ROWS)) - GAP + 3,
        "autosize": "none",
        "signals": [
            slider("step", "step", step, STEPS, step=1, start=0),
            slider("v1", "v", 2, 2),
            *formulas(GRADIENTS),
        ],
        "marks": [
            *arrow(CHAIN, 2, top(0), 0),
            line(CHAIN + 12, 20, {"signal": "'v = [' + format(v1, '.1~f') + ']'"}),
            line(DIRECT, 20, {"signal": "'step ' + step"}),
            *(part for row, tensor in enumerate(ROWS) for part in box(row, tensor)),
            *(
                part
                for row in range(3)
                for part in arrow(CHAIN, top(row) + BOX, top(row + 1), row + 1)
            ),
            *arrow(DIRECT, top(0) + BOX, top(3), 1),
            line(CHAIN + 12, top(1) - GAP / 2 + 4, shown["da"], 1),
            line(CHAIN + 12, top(2) - GAP / 2 + 4, shown["dxt"], 2),
            line(CHAIN + 12, top(3) - GAP / 2 + 4, since(3, "'dx_too ='"), 3),
            *column_vector("dx_too", 3, CHAIN + 86, top(3) - GAP / 2),
            line(DIRECT + 10, top(1) - GAP / 2 + 4, since(1, "'dx ='"), 1),
            *column_vector("dx", 1, DIRECT + 24, top(1) + BOX / 2),
            *(rules() if width > GRAPH else []),
        ],
    }


spec = {**figure(STEPS, WHOLE), "description": "The walk of backward, step by step."}
stills = [figure(step, GRAPH) for step in range(STEPS)]
