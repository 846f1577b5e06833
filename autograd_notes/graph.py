"""The graph that `backward()` walks, as a networkx graph, and its picture."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Mapping
from itertools import chain, pairwise
from statistics import fmean
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd.graph import Node, get_gradient_edge

from autograd_notes.losses import _check_tensor

if TYPE_CHECKING:
    import matplotlib.axes
    import networkx  # type: ignore[import-untyped]  # noqa: ICN001  # the name that Sphinx looks up


def backward_graph(tensor: Tensor, names: Mapping[str, Tensor] | None = None) -> "networkx.DiGraph":
    r"""Collect what ``tensor.backward()`` would walk, without walking it.

    .. math:: (f, g) \in E \iff \text{the gradient that } f \text{ computes is handed to } g

    The result is a record of this moment: it holds numbers and text, and keeps no tensor alive.

    **Nodes.** The backward functions and the leaves are numbered from 0, the function of `tensor`
    itself, in the order of their distance from it. What function `n` saved under the name `slot`
    is the node `(n, slot)`. Each node has the attributes

    - `kind`: ``"function"``, ``"leaf"`` or ``"saved"``;
    - `name`: of the function, ``"AccumulateGrad"`` for a leaf, or the slot;
    - `tensor`: what `names` calls the tensor, or None. A function stands for what it made in the
      forward, and takes the gradient of;
    - `shape`, a tuple, and `dtype`: of that tensor, and so of its gradient. None for a function
      that made several, and for what is no longer there;
    - `state`: ``"kept"``, or for a saved tensor also ``"freed"`` or ``"changed in place"``;
    - `label`: two lines that say the same.

    **Edges** point where the numbers go during ``backward``: from a function to those that take
    its gradients, down to the leaves, and from a saved tensor to the function that reads it. The
    former have the attribute `count`, how many gradients go that way: two for ``x * x``.

    Args:
        tensor: one that requires grad, of any shape; a leaf makes a graph of one node.
        names: what tensors are to be called. A tensor is recognised as it is, not by its values:
            a copy or a view of it is another. Of two names for one tensor, the last is taken.

    Returns:
        The graph, as a :class:`networkx.DiGraph`.

    Raises:
        TypeError: if `tensor`, or one of `names`, is not a tensor, or `names` is not a mapping.
        ValueError: if `tensor` has no graph.

    Looking at a saved tensor calls the unpack hook that it has, if any: what that raises is passed
    on. A custom :class:`torch.autograd.Function` shows what it gave to ``save_for_backward``, not
    what it hung on `ctx`; once freed, one node ``tensors`` stands for all, were there any or not.

    Example:
        >>> import torch
        >>> from autograd_notes import backward_graph
        >>> x = torch.tensor([[1.0], [5.0]], requires_grad=True)
        >>> graph = backward_graph(x.exp().sum(), names={"x": x})
        >>> for node, label in graph.nodes(data="label"):
        ...     print(node, label.split("\n"))
        0 ['SumBackward0', '()']
        1 ['ExpBackward0', '(2, 1)']
        (1, 'result') ['saved result', '(2, 1)']
        2 ['AccumulateGrad', 'x (2, 1)']
        >>> list(graph.edges)
        [(0, 1), (1, 2), ((1, 'result'), 1)]

    Agrees with ``grad_fn`` and :attr:`torch.autograd.graph.Node.next_functions`.
    """
    _check_graph(tensor)
    known = _named({} if names is None else names)
    # torch brings networkx, but does not import it at once: nor does this package.
    from networkx import DiGraph  # noqa: PLC0415

    graph = DiGraph()
    functions = [get_gradient_edge(tensor).node]
    numbers = {functions[0]: 0}
    for function in functions:  # the list grows meanwhile: no recursion, however deep the graph
        number = numbers[function]
        graph.add_node(number, **_function(function, known))
        for slot, saved in _saved(function):
            graph.add_node((number, slot), **_saved_tensor(slot, saved, known))
            graph.add_edge((number, slot), number)
        taking = Counter(taker for taker, _ in function.next_functions if taker is not None)
        for taker, count in taking.items():
            if taker not in numbers:
                numbers[taker] = len(functions)
                functions.append(taker)
            graph.add_edge(number, numbers[taker], count=count)
    return graph


def _check_graph(tensor: Tensor) -> None:
    _check_tensor("tensor", tensor)
    if tensor.requires_grad:
        return
    if not (tensor.is_floating_point() or tensor.is_complex()):
        why = f"nothing of dtype {tensor.dtype} has a gradient"
    elif tensor.is_inference():
        why = "it was made under torch.inference_mode()"
    else:
        why = (
            "it was made of nothing that requires grad, or under torch.no_grad(), "
            "or it was detached"
        )
    raise ValueError(f"tensor: expected one that requires grad, got one without a graph: {why}")


_Key = tuple[Node, int] | int


def _key(tensor: Tensor) -> _Key:
    """Return what tells a tensor from others: a saved one may come back as another object."""
    if not tensor.requires_grad:
        return id(tensor)
    edge = get_gradient_edge(tensor)
    return edge.node, edge.output_nr


def _named(names: Mapping[str, Tensor]) -> dict[_Key, str]:
    if not isinstance(names, Mapping):
        raise TypeError(
            f"names: expected a mapping from names to tensors, got {type(names).__name__}"
        )
    for name, tensor in names.items():
        _check_tensor(f"names[{name!r}]", tensor)
    return {_key(tensor): name for name, tensor in names.items()}


def _function(function: Node, known: dict[_Key, str]) -> dict[str, Any]:
    name = function.name().removeprefix("torch::autograd::")
    made = function._input_metadata  # noqa: SLF001  # no public name tells the shapes
    names = [known[function, i] for i in range(len(made)) if (function, i) in known]
    one = made[0] if len(made) == 1 else None
    return _node(
        kind="leaf" if name == "AccumulateGrad" else "function",
        name=name,
        tensor=", ".join(names) or None,
        shape=one and tuple(one.shape),
        dtype=one and one.dtype,
        what=None if one else f"({len(made)} outputs)",
    )


def _saved_tensor(slot: str, saved: Tensor | str, known: dict[_Key, str]) -> dict[str, Any]:
    if isinstance(saved, str):
        return _node(kind="saved", name=slot, state=saved, what=saved)
    return _node(
        kind="saved",
        name=slot,
        tensor=known.get(_key(saved)),
        shape=tuple(saved.shape),
        dtype=saved.dtype,
    )


def _node(
    *,
    kind: str,
    name: str,
    tensor: str | None = None,
    shape: tuple[int, ...] | None = None,
    dtype: torch.dtype | None = None,
    state: str = "kept",
    what: str | None = None,
) -> dict[str, Any]:
    first = f"saved {name}" if kind == "saved" else name
    second = " ".join(filter(None, [tensor, what or str(shape)]))
    label = f"{first}\n{second}"
    return {
        "kind": kind,
        "name": name,
        "tensor": tensor,
        "shape": shape,
        "dtype": dtype,
        "state": state,
        "label": label,
    }


def _saved(function: Node) -> Iterator[tuple[str, Tensor | str]]:
    """Yield the name of each saved tensor, and the tensor itself, or why it can't be had."""
    for attribute in dir(type(function)):
        if not attribute.startswith(("_saved_", "saved_tensors")):
            continue
        slot = attribute.removeprefix("_saved_").removeprefix("saved_")
        try:
            value = getattr(function, attribute)
        except RuntimeError as error:
            if "already been freed" in str(error):
                yield slot, "freed"
            elif "modified by an inplace operation" in str(error):
                yield slot, "changed in place"
            else:
                raise
            continue
        if isinstance(value, Tensor):
            yield slot, value
        elif isinstance(value, tuple):
            yield from ((f"{slot}[{i}]", v) for i, v in enumerate(value) if isinstance(v, Tensor))


_NODES, _EDGES = 100, 200  # more could not be read
_COLORS = {"function": "C0", "leaf": "C2", "saved": "C1"}
# In points: the font, a letter and a line of it; around a label, between boxes, between rows.
_FONT, _LETTER, _LINE = 9.0, 5.42, 11.5
_PAD, _GAP, _DROP = 5.0, 12.0, 24.0
_SWEEPS = 4  # down the rows and up again: the order settles after a few


def draw_graph(graph: "networkx.DiGraph") -> "matplotlib.axes.Axes":
    r"""Draw what :func:`backward_graph` has collected, from the output down to the leaves.

    .. math:: (f, g) \in E \implies \text{row}(f) < \text{row}(g)

    Each arrow points downwards: from a function to those that take its gradients, and from a saved
    tensor to the function that reads it. A saved tensor that is no longer there has a dashed frame.
    "×2" stands beside an arrow that two gradients take.

    Args:
        graph: small enough to be read, as the example shows. It may be a part of what was
            collected, ``graph.subgraph(nodes)``.

    Returns:
        The axes of a new figure, which is just as large as the picture.

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
        from matplotlib.colors import to_rgba  # noqa: PLC0415
        from matplotlib.patches import FancyArrowPatch, FancyBboxPatch  # noqa: PLC0415
        from matplotlib.path import Path  # noqa: PLC0415
    except ImportError as error:
        raise ImportError(
            "draw_graph needs matplotlib: pip install autograd-notes[plot]"
        ) from error
    _check_drawable(graph)
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
    """Put each function below all that hand it gradients, and what it saved just above it."""
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
