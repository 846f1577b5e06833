"""The picture of the graph that `backward()` walks."""

from collections import defaultdict
from collections.abc import Hashable
from itertools import chain, pairwise
from statistics import fmean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import matplotlib.axes
    import networkx  # type: ignore[import-untyped]  # noqa: ICN001  # the name that Sphinx looks up


_NODES, _EDGES = 100, 200  # more could not be read

_COLORS = {"function": "C0", "leaf": "C2", "saved": "C1"}

# In points: the font, a letter and a line of it; around a label, between boxes, between rows.
_FONT, _LETTER, _LINE = 9.0, 5.42, 11.5

_PAD, _GAP, _DROP = 5.0, 12.0, 24.0

_SWEEPS = 4  # down the rows and up again: the order settles after a few


def draw_graph(graph: "networkx.DiGraph") -> "matplotlib.axes.Axes":
    r"""Draw the graph of :func:`backward_graph`, from the output down to the leaves.

    .. math:: (f, g) \in E \implies \text{row}(f) < \text{row}(g)

    Each arrow points downwards: from a function to those that take its gradients, and from a saved
    tensor to the function that reads it. A saved tensor that is no longer there has a dashed frame.
    "×2" stands beside an arrow that two gradients take.

    Args:
        graph: small enough to be read, as the example shows. It may be a part of what was
            collected, ``graph.subgraph(nodes)``.

    Returns:
        The axes of a new figure, which is just as large as the picture, in the style
        ``autograd_notes.figures`` whatever `rcParams` say.

    Raises:
        ImportError: if matplotlib is not installed: ``pip install autograd-notes[plot]``.
        TypeError: if `graph` is not a :class:`networkx.DiGraph`.
        ValueError: if `graph` is empty, or too large to be read, or has nodes without the
            attributes that :func:`backward_graph` gives them.

    Example:
        >>> import torch
        >>> from autograd_notes import backward_graph, draw_graph
        >>> x = torch.tensor([[1.0], [5.0]], requires_grad=True)
        >>> axes = draw_graph(backward_graph(x.exp().sum(), names={"x": x}))
        >>> [text.get_text().split("\n")[0] for text in axes.texts]
        ['SumBackward0', 'ExpBackward0', 'saved result', 'AccumulateGrad']
        >>> draw_graph(backward_graph(sum(x for _ in range(100))))
        Traceback (most recent call last):
            ...
        ValueError: graph: expected 1 to 100 nodes and up to 200 edges, got 101 and 199

    Agrees with the edges of `graph`.
    """
    try:
        import matplotlib.pyplot as plt  # noqa: PLC0415  # an extra: the graph can do without
    except ImportError as error:
        raise ImportError(
            "draw_graph needs matplotlib: pip install autograd-notes[plot]"
        ) from error
    _check_drawable(graph)
    with plt.style.context("autograd_notes.figures", after_reset=True):
        return _drawn(graph)


def _drawn(graph: "networkx.DiGraph") -> "matplotlib.axes.Axes":
    import matplotlib.pyplot as plt  # noqa: PLC0415  # as above
    from matplotlib.colors import to_rgba  # noqa: PLC0415
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch  # noqa: PLC0415
    from matplotlib.path import Path  # noqa: PLC0415

    row = _rows(graph)
    paths = _paths(graph, row)
    lines = {node: label.split("\n") for node, label in graph.nodes(data="label")}
    height = _LINE * max(map(len, lines.values())) + 2 * _PAD
    width = dict.fromkeys(row, 0.0)
    for node, texts in lines.items():
        width[node] = _LETTER * max(map(len, texts)) + 2 * _PAD
    x = _columns(row, paths, width)
    top = {place: _PAD + r * (height + _DROP) for place, r in row.items()}
    right = max(x[place] + width[place] / 2 for place in x) + _PAD
    bottom = max(top.values()) + height + _PAD

    _, axes = plt.subplots(figsize=(right / 72, bottom / 72))
    axes.set(position=(0, 0, 1, 1), xlim=(0, right), ylim=(bottom, 0))
    axes.set_axis_off()
    for node, data in graph.nodes(data=True):
        color = _COLORS[data["kind"]]
        box = FancyBboxPatch(
            (x[node] - width[node] / 2, top[node]),
            width[node],
            height,
            boxstyle="round,pad=0,rounding_size=4",
            facecolor=to_rgba(color, 0.2),
            edgecolor=color,
            linestyle="-" if data["state"] == "kept" else "--",
        )
        axes.add_patch(box)
        text = axes.text(x[node], top[node] + height / 2, data["label"], ha="center", va="center")
        text.set(size=_FONT, family="monospace")
        text.set_parse_math(False)  # pragma: no mutate: None is as false
    for head in graph:
        arriving = sorted(graph.in_edges(head), key=lambda edge: x[paths[edge][-2]])
        for number, edge in enumerate(arriving, start=1):
            end = x[head] + width[head] * (number / (len(arriving) + 1) - 0.5)
            sides = [(x[p], top[p] + side) for p in paths[edge] for side in (0.0, height)]
            points = _curve([*sides[1:-2], (end, top[head])])
            path = Path(points, [Path.MOVETO, *[Path.CURVE4] * (len(points) - 1)])
            arrow = FancyArrowPatch(path=path, arrowstyle="-|>", mutation_scale=8, color="k")
            axes.add_patch(arrow)
            count = graph.edges[edge].get("count", 1)
            if count > 1:
                axes.text(end + _PAD, top[head] - _PAD, f"×{count}", size=_FONT)
    return axes


def _check_drawable(graph: "networkx.DiGraph") -> None:
    from networkx import DiGraph  # noqa: PLC0415  # as above

    if not isinstance(graph, DiGraph):
        raise TypeError(
            f"graph: expected what backward_graph returns, a networkx.DiGraph, "
            f"got {type(graph).__name__}"
        )
    if not 0 < len(graph) <= _NODES or len(graph.edges) > _EDGES:
        raise ValueError(
            f"graph: expected 1 to {_NODES} nodes and up to {_EDGES} edges, "
            f"got {len(graph)} and {len(graph.edges)}"
        )
    for node, data in graph.nodes(data=True):
        if not data.keys() >= {"kind", "state", "label"}:
            raise ValueError(
                f"graph: expected what backward_graph returns, got node {node!r}: {data}"
            )


_Place = Hashable  # a node, or where an edge passes a row: (tail, head, row)

_Paths = dict[tuple[_Place, _Place], list[_Place]]


def _rows(graph: "networkx.DiGraph") -> dict[_Place, int]:
    """Put each function below all that hand it gradients, and its saved tensors just above it."""
    from networkx import topological_generations  # noqa: PLC0415  # as above

    generations = enumerate(topological_generations(graph))
    rows: dict[_Place, float] = {node: depth for depth, nodes in generations for node in nodes}
    for node, function in graph.edges:
        if graph.nodes[node]["kind"] == "saved":
            rows[node] = rows[function] - 0.5
    used = sorted(set(rows.values()))
    return {node: used.index(rows[node]) for node in graph}


def _paths(graph: "networkx.DiGraph", row: dict[_Place, int]) -> _Paths:
    """Return the places that each edge goes through, and put those between its ends into `row`."""
    paths: _Paths = {}
    for tail, head in graph.edges:
        passed: dict[_Place, int] = {(tail, head, r): r for r in range(row[tail] + 1, row[head])}
        row.update(passed)
        paths[tail, head] = [tail, *passed, head]
    return paths


def _columns(
    row: dict[_Place, int], paths: _Paths, width: dict[_Place, float]
) -> dict[_Place, float]:
    """Put each place near the middle of those that it is joined to, row by row, down and up."""
    rows = [[place for place in row if row[place] == r] for r in sorted(set(row.values()))]
    joined = defaultdict(list)
    for path in paths.values():
        for upper, lower in pairwise(path):
            joined[upper].append(lower)
            joined[lower].append(upper)
    x: dict[_Place, float] = defaultdict(float)
    for places in [*rows, *rows[::-1]] * _SWEEPS:
        wanted = {place: fmean(x[other] for other in joined[place] or [place]) for place in places}
        places.sort(key=wanted.__getitem__)
        x |= _spread({place: wanted[place] for place in places}, width)
    left = min(x[place] - width[place] / 2 for place in row) - _PAD
    return {place: x[place] - left for place in row}


def _spread(wanted: dict[_Place, float], width: dict[_Place, float]) -> dict[_Place, float]:
    """Return centres as near to the wanted ones as the widths allow (by least squares)."""
    starts: dict[_Place, float] = {}
    end = 0.0  # pragma: no mutate: all of it is shifted below
    groups: list[tuple[float, int]] = []  # of neighbours that touch: their shift, their number
    for place, centre in wanted.items():
        starts[place] = end + width[place] / 2
        end += width[place] + _GAP
        shift, count = centre - starts[place], 1
        while groups and groups[-1][0] > shift:  # pragma: no mutate: two equal shifts are one
            other, more = groups.pop()
            shift, count = (shift * count + other * more) / (count + more), count + more
        groups.append((shift, count))
    shifts = chain.from_iterable([shift] * count for shift, count in groups)
    return {place: start + next(shifts) for place, start in starts.items()}


def _curve(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Join the points by cubic Bézier curves that leave and arrive vertically."""
    curve = points[:1]
    for (x0, y0), (x1, y1) in pairwise(points):
        middle = (y0 + y1) / 2
        curve += [(x0, middle), (x1, middle), (x1, y1)]
    return curve
