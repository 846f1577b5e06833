"""The graph of backward against what PyTorch walks, and its picture as it is drawn."""

import builtins
import gc
import itertools
import sys
import weakref

import hypothesis.strategies as st
import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
import pytest
import torch
from conftest import refused
from hypothesis import given
from matplotlib.colors import to_hex
from matplotlib.path import Path

from autograd_notes import backward_graph, draw_graph
from autograd_notes.graph import _spread

W = torch.tensor([[0.0, 1.0], [1.0, 0.0]])


@pytest.fixture(autouse=True)
def pictures():
    """Draw without a screen, in the style of the site, and throw the figures away."""
    plt.switch_backend("agg")
    with plt.style.context("autograd_notes.figures"):
        yield
    plt.close("all")


def leaf(*shape, dtype=torch.float32):
    return torch.ones(shape, dtype=dtype, requires_grad=True)


def quadratic():
    """Return the graph of the quadratic form, with its tensors."""
    x = torch.tensor([[1.0], [5.0]], requires_grad=True)
    a = x.t() @ W
    y = a @ x
    return y, {"x": x, "w": W, "a": a, "y": y}


def labels(graph):
    return {node: label.replace("\n", " | ") for node, label in graph.nodes(data="label")}


def states(graph):
    return {node: state for node, state in graph.nodes(data="state") if state != "kept"}


QUADRATIC = {
    0: "MmBackward0 | y (1, 1)",
    (0, "mat2"): "saved mat2 | x (2, 1)",
    (0, "self"): "saved self | a (1, 2)",
    1: "MmBackward0 | a (1, 2)",
    2: "AccumulateGrad | x (2, 1)",
    (1, "mat2"): "saved mat2 | w (2, 2)",
    3: "TBackward0 | (1, 2)",
}


def test_quadratic_form():
    graph = backward_graph(*quadratic())
    assert labels(graph) == QUADRATIC
    assert set(graph.edges(data="count")) == {
        (0, 1, 1),
        (0, 2, 1),
        (1, 3, 1),
        (3, 2, 1),
        ((0, "mat2"), 0, None),
        ((0, "self"), 0, None),
        ((1, "mat2"), 1, None),
    }
    assert graph.nodes[0] == {
        "kind": "function",
        "name": "MmBackward0",
        "tensor": "y",
        "shape": (1, 1),
        "dtype": torch.float32,
        "state": "kept",
        "label": "MmBackward0\ny (1, 1)",
    }
    assert graph.nodes[2] == {
        "kind": "leaf",
        "name": "AccumulateGrad",
        "tensor": "x",
        "shape": (2, 1),
        "dtype": torch.float32,
        "state": "kept",
        "label": "AccumulateGrad\nx (2, 1)",
    }
    assert graph.nodes[1, "mat2"] == {
        "kind": "saved",
        "name": "mat2",
        "tensor": "w",
        "shape": (2, 2),
        "dtype": torch.float32,
        "state": "kept",
        "label": "saved mat2\nw (2, 2)",
    }


def test_names_may_be_left_out():
    assert labels(backward_graph(leaf(2).sum())) == {
        0: "SumBackward0 | ()",
        1: "AccumulateGrad | (2,)",
    }


def test_the_last_of_two_names_is_taken():
    x = leaf(2)
    graph = backward_graph(x.sum(), {"old": x, "new": x})
    assert graph.nodes[1]["tensor"] == "new"


def test_a_copy_is_not_recognised():
    x = leaf(2)
    other = x.detach().clone().requires_grad_()
    graph = backward_graph(x.exp(), {"other": other, "view": x.view(2)})
    assert [tensor for _, tensor in graph.nodes(data="tensor")] == [None, None, None]
    graph = backward_graph(x * torch.ones(2), {"ones": torch.ones(2)})
    assert graph.nodes[0, "other"]["tensor"] is None


def test_a_leaf_is_a_graph_of_one_node():
    x = leaf(3)
    assert labels(backward_graph(x, {"x": x})) == {0: "AccumulateGrad | x (3,)"}


def test_dtypes():
    graph = backward_graph(leaf(2, dtype=torch.float64).to(torch.float16)[torch.tensor([1, 0])])
    assert dict(graph.nodes(data="dtype")) == {
        0: torch.float16,
        (0, "indices[0]"): torch.int64,
        1: torch.float16,
        2: torch.float64,
    }


def test_after_backward_what_was_saved_is_freed():
    y, names = quadratic()
    y.backward()
    graph = backward_graph(y, names)
    assert states(graph) == dict.fromkeys([(0, "mat2"), (0, "self"), (1, "mat2")], "freed")
    assert graph.nodes[0, "mat2"] == {
        "kind": "saved",
        "name": "mat2",
        "tensor": None,
        "shape": None,
        "dtype": None,
        "state": "freed",
        "label": "saved mat2\nfreed",
    }


def test_retain_graph_keeps_what_was_saved():
    y, names = quadratic()
    y.backward(retain_graph=True)
    assert labels(backward_graph(y, names)) == QUADRATIC


def test_a_saved_tensor_changed_in_place_is_marked():
    x = leaf(2)
    y = x.exp()
    z = y * x
    with torch.no_grad():
        y.add_(1)
    graph = backward_graph(z)
    assert states(graph) == {(0, "self"): "changed in place", (1, "result"): "changed in place"}
    assert graph.nodes[1, "result"]["label"] == "saved result\nchanged in place"


def test_other_errors_of_an_unpack_hook_are_passed_on():
    def unpack(_):
        raise RuntimeError("lost")

    with torch.autograd.graph.saved_tensors_hooks(lambda x: x, unpack):
        y = leaf(2).exp()
    with refused(RuntimeError, "lost"):
        backward_graph(y)


def test_two_gradients_may_go_one_way():
    x = leaf(2)
    assert list(backward_graph(x + x).edges(data="count")) == [(0, 1, 2)]


def test_inputs_without_grad_are_not_walked():
    graph = backward_graph(torch.ones(2) * leaf(2))
    assert list(graph.edges) == [(0, 1), ((0, "self"), 0)]


def test_several_outputs():
    x = leaf(3, 2)
    a, b, _ = x.unbind()
    graph = backward_graph(a * b, {"a": a, "b": b})
    assert labels(graph)[1] == "UnbindBackward0 | a, b (3 outputs)"
    assert graph.nodes[1]["shape"] is None
    assert graph.nodes[1]["dtype"] is None
    assert labels(graph)[0, "other"] == "saved other | b (2,)"
    assert labels(backward_graph(a))[0] == "UnbindBackward0 | (3 outputs)"


def test_views_and_changes_in_place():
    x = leaf(2, 2)
    y = x * 2
    y[0].mul_(3)
    names = [name for _, name in backward_graph(y, {"x": x}).nodes(data="name")]
    assert names[0] == "CopySlices"
    assert names.count("AccumulateGrad") == 1


def test_hooks_change_nothing():
    y, names = quadratic()
    names["a"].register_hook(lambda grad: grad * 2)
    names["a"].retain_grad()
    names["x"].register_post_accumulate_grad_hook(lambda _: None)
    assert labels(backward_graph(y, names)) == QUADRATIC


class Scaled(torch.autograd.Function):
    """Save a tensor, none, and another; keep a number."""

    @staticmethod
    def forward(ctx, x, scale):
        ctx.save_for_backward(x, None, scale)
        ctx.number = 3
        return x * scale

    @staticmethod
    def backward(ctx, grad):
        _, _, scale = ctx.saved_tensors
        return grad * scale, None


def test_a_custom_function():
    x, scale = leaf(2), torch.tensor(3.0)
    y = Scaled.apply(x, scale)
    names = {"x": x, "scale": scale}
    assert labels(backward_graph(y, names)) == {
        0: "ScaledBackward | (2,)",
        (0, "tensors[0]"): "saved tensors[0] | x (2,)",
        (0, "tensors[2]"): "saved tensors[2] | scale ()",
        1: "AccumulateGrad | x (2,)",
    }
    y.sum().backward()
    assert states(backward_graph(y)) == {(0, "tensors"): "freed"}


def test_a_graph_of_the_backward_itself():
    x = leaf(2)
    (grad,) = torch.autograd.grad(x.exp().sum(), x, create_graph=True)
    graph = backward_graph(grad, {"x": x, "grad": grad})
    assert labels(graph)[0] == "MulBackward0 | grad (2,)"
    assert "ExpBackward0 | (2,)" in labels(graph).values()
    assert "AccumulateGrad | x (2,)" in labels(graph).values()


def test_the_graph_keeps_no_tensor():
    y, names = quadratic()
    graph = backward_graph(y, {**names, "y": y})
    x = weakref.ref(names["x"])  # which the functions hold
    del names
    gc.collect()
    assert x() is not None
    del y
    gc.collect()
    assert x() is None
    assert len(graph) == 7


def test_walks_of_10_000_functions_are_short():
    x = leaf(2)
    chain = x
    for _ in range(10_000):
        chain = chain.sin()
    fan = torch.stack([x.sin() for _ in range(10_000)])
    deep, wide = backward_graph(chain), backward_graph(fan)
    assert len(deep) == 20_001  # each sine saves its input
    assert nx.dag_longest_path_length(deep, weight=None) == 10_001
    assert len(wide) == 20_002
    assert wide.out_degree(0) == wide.in_degree(10_001) == 10_000


def calls_of_walk(y):
    """Count the Python and C calls of one walk: its cost, the same on every machine."""
    calls = itertools.count()
    sys.setprofile(lambda *_: next(calls))
    try:
        backward_graph(y)
    finally:
        sys.setprofile(None)
    return next(calls)


def test_a_walk_costs_as_much_again_for_each_function():
    x, deep, wide = leaf(2), [], []
    for n in (100, 1000):
        chain = x
        for _ in range(n):
            chain = chain.sin()
        deep.append(calls_of_walk(chain))
        wide.append(calls_of_walk(torch.stack([x.sin() for _ in range(n)])))
    for few, many in (deep, wide):
        assert many < 11 * few


def walked(function, found):
    """Collect functions and edges the way one would first think of."""
    for taker, _ in function.next_functions:
        if taker is not None:
            found.append((function.name(), taker.name()))
            walked(taker, found)
    return found


@st.composite
def made(draw):
    """Draw a tensor that a few operations have made of two leaves."""
    operations = [torch.add, torch.mul, torch.sub, lambda a, b: a.exp() * b, lambda a, _: a]
    tensors = [leaf(2), leaf(2)]
    for _ in range(draw(st.integers(1, 6))):
        operation = draw(st.sampled_from(operations))
        a, b = (tensors[draw(st.integers(0, len(tensors) - 1))] for _ in range(2))
        tensors.append(operation(a, b))
    return tensors[-1]


@given(made())
def test_every_function_is_found_once_and_every_way_counted(tensor):
    graph = backward_graph(tensor)
    ways = nx.DiGraph()
    ways.add_weighted_edges_from((a, b, n) for a, b, n in graph.edges(data="count") if n)
    times = {0: 1}  # how often the walk above comes to each
    for node in nx.topological_sort(ways) if len(ways) else []:
        times.setdefault(node, 0)
        for _, taker, count in ways.out_edges(node, data="weight"):
            times[taker] = times.get(taker, 0) + times[node] * count
    edges = [
        (graph.nodes[a]["name"], graph.nodes[b]["name"])
        for a, b, count in ways.edges(data="weight")
        for _ in range(times[a] * count)
    ]
    root = torch.autograd.graph.get_gradient_edge(tensor).node
    plain = [tuple(name.removeprefix("torch::autograd::") for name in e) for e in walked(root, [])]
    assert sorted(edges) == sorted(plain)
    assert nx.is_directed_acyclic_graph(graph)


MADE = "it was made of nothing that requires grad, or under torch.no_grad(), or it was detached"


def under(context):
    with context():
        return leaf(2) * 2


@pytest.mark.parametrize(
    ("tensor", "error", "message"),
    [
        ([1.0], TypeError, "tensor: expected a tensor, got list"),
        (torch.ones(2), ValueError, MADE),
        (torch.ones(2, dtype=torch.complex64), ValueError, MADE),
        (leaf(2).exp().detach(), ValueError, MADE),
        (under(torch.no_grad), ValueError, MADE),
        (under(torch.inference_mode), ValueError, "it was made under torch.inference_mode()"),
        (leaf(2).argmax(), ValueError, "nothing of dtype torch.int64 has a gradient"),
    ],
)
def test_a_tensor_without_a_graph_is_refused(tensor, error, message):
    if error is ValueError:
        message = f"tensor: expected one that requires grad, got one without a graph: {message}"
    with refused(error, message):
        backward_graph(tensor)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "names: expected a mapping from names to tensors, got list"),
        ({"x": leaf(2), "n": 2}, "names['n']: expected a tensor, got int"),
    ],
)
def test_names_are_refused(names, message):
    with refused(TypeError, message):
        backward_graph(leaf(2).exp(), names)


def layers():
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    return backward_graph(net(torch.ones(5, 3)).sum(), dict(net.named_parameters()))


def second_order():
    x = leaf(2)
    (grad,) = torch.autograd.grad((x * x).sum() + x.exp().prod(), x, create_graph=True)
    return backward_graph(grad, {"x": x})


def freed():
    y, names = quadratic()
    y.backward()
    return backward_graph(y, names)


def lines():
    x = leaf(2)
    return backward_graph(x.exp(), {"x, which\nis $long$": x})


GRAPHS = {
    "quadratic form": lambda: backward_graph(*quadratic()),
    "freed": freed,
    "layers": layers,
    "second order": second_order,
    "leaf": lambda: backward_graph(leaf(2)),
    "long name": lines,
    "part": lambda: backward_graph(*quadratic()).subgraph([(0, "self"), (1, "mat2"), 1, 2, 3]),
}


@pytest.fixture(params=GRAPHS)
def drawn(request):
    graph = GRAPHS[request.param]()
    axes = draw_graph(graph)
    axes.figure.draw_without_rendering()
    return graph, axes


def boxes(axes):
    return [patch.get_window_extent() for patch in axes.patches if patch.get_facecolor()[3] == 0.2]


def arrows(axes):
    return [patch for patch in axes.patches if patch.get_facecolor()[3] == 1.0]


def test_labels_stand_in_their_boxes_and_the_boxes_apart(drawn):
    graph, axes = drawn
    extents = [text.get_window_extent() for text in axes.texts[: len(graph)]]
    assert [text.get_text() for text in axes.texts[: len(graph)]] == list(
        dict(graph.nodes(data="label")).values()
    )
    assert len(boxes(axes)) == len(graph)
    figure = axes.figure.bbox
    for box, extent in zip(boxes(axes), extents, strict=True):
        assert box.x0 < extent.x0 < extent.x1 < box.x1
        assert box.y0 < extent.y0 < extent.y1 < box.y1
        assert figure.x0 < box.x0 < box.x1 < figure.x1
        assert figure.y0 < box.y0 < box.y1 < figure.y1
    for one, other in itertools.combinations(boxes(axes), 2):
        assert not one.overlaps(other)


def points(arrow):
    """Return what an arrow goes through, as it was given; what it draws ends beside its head."""
    path = arrow._path_original  # noqa: SLF001
    return Path(path.to_polygons(closed_only=False)[0]).interpolated(5).vertices


def test_arrows_go_down_from_box_to_box_and_through_none(drawn):
    graph, axes = drawn
    scale = axes.transData.inverted()
    box = {n: scale.transform_bbox(b) for n, b in zip(graph, boxes(axes), strict=True)}
    assert len(arrows(axes)) == len(graph.edges)
    found = set()
    for arrow in arrows(axes):
        line = points(arrow)
        (tail,) = (node for node in graph if near(line[0], box[node], box[node].y0))
        (head,) = (node for node in graph if near(line[-1], box[node], box[node].y1))
        found.add((tail, head))
        assert all(upper[1] <= lower[1] for upper, lower in itertools.pairwise(line))
        for node in graph:
            inside = box[node].x0 < line[:, 0], line[:, 0] < box[node].x1
            inside += box[node].y1 + 0.1 < line[:, 1], line[:, 1] < box[node].y0 - 0.1
            assert not np.logical_and.reduce(inside).any(), (node, tail, head)
    assert found == set(graph.edges)


def near(point, box, edge):
    return box.x0 < point[0] < box.x1 and abs(point[1] - edge) < 0.1


def test_arrows_of_the_quadratic_form_do_not_cross():
    axes = draw_graph(backward_graph(*quadratic()))
    for one, other in itertools.combinations(arrows(axes), 2):
        lines = [Path(points(arrow)[1:]) for arrow in (one, other)]  # they may start together
        assert not lines[0].intersects_path(lines[1], filled=False)


def test_the_quadratic_form_fits_a_phone():
    width, height = draw_graph(backward_graph(*quadratic())).figure.get_size_inches()
    assert width < height
    assert width < 3


def described(axes):
    """Write down what is drawn, in points: boxes, arrows, texts, and what they stand on."""
    for patch in axes.patches:
        if patch.get_facecolor()[3] < 1:
            style, color = patch.get_boxstyle(), to_hex(patch.get_facecolor(), keep_alpha=True)
            bounds = [round(float(number), 1) for number in patch.get_bbox().bounds]
            yield f"{bounds} {color} in {to_hex(patch.get_edgecolor())}, {style.rounding_size} {style.pad}"
        else:
            path = patch._path_original  # noqa: SLF001
            color = {to_hex(patch.get_edgecolor()), to_hex(patch.get_facecolor())}
            style, size = type(patch.get_arrowstyle()).__name__, patch.get_mutation_scale()
            yield f"{path.vertices.round(1).tolist()} {path.codes} {color} {style} {size}"
    for text in axes.texts:
        font = text.get_fontfamily(), text.get_fontsize(), text.get_ha(), text.get_va()
        x, y = text.get_position()
        yield f"{text.get_text()!r} {x:.1f} {y:.1f} {font} {text.get_parse_math()}"
    inches = [round(float(72 * size), 1) for size in axes.figure.get_size_inches()]
    limits = [round(float(limit), 1) for limit in (*axes.get_xlim(), *axes.get_ylim())]
    yield f"{inches} {limits} {[*map(float, axes.get_position().bounds)]} {axes.axison}"


DRAWN = [
    "[60.5, 5.0, 75.0, 33.0] #2f7fd133 in #2f7fd1, 4.0 0.0",
    "[21.6, 119.0, 75.0, 33.0] #2f7fd133 in #2f7fd1, 4.0 0.0",
    "[38.1, 233.0, 85.9, 33.0] #2e9e5b33 in #2e9e5b, 4.0 0.0",
    "[5.0, 62.0, 75.0, 33.0] #d9622b33 in #d9622b, 4.0 0.0",
    "[19.8, 176.0, 75.0, 33.0] #2f7fd133 in #2f7fd1, 4.0 0.0",
    "[[42.5, 95.0], [42.5, 107.0], [46.6, 107.0], [46.6, 119.0]] [1 4 4 4] {'#000000'} CurveFilledB 8",
    "[[98.0, 38.0], [98.0, 50.0], [92.0, 50.0], [92.0, 62.0], [92.0, 78.5], [92.0, 78.5], [92.0, 95.0], [92.0, 107.0], [71.6, 107.0], [71.6, 119.0]] [1 4 4 4 4 4 4 4 4 4] {'#000000'} CurveFilledB 8",
    "[[57.3, 209.0], [57.3, 221.0], [66.7, 221.0], [66.7, 233.0]] [1 4 4 4] {'#000000'} CurveFilledB 8",
    "[[98.0, 38.0], [98.0, 50.0], [104.0, 50.0], [104.0, 62.0], [104.0, 78.5], [104.0, 78.5], [104.0, 95.0], [104.0, 107.0], [108.6, 107.0], [108.6, 119.0], [108.6, 135.5], [108.6, 135.5], [108.6, 152.0], [108.6, 164.0], [106.8, 164.0], [106.8, 176.0], [106.8, 192.5], [106.8, 192.5], [106.8, 209.0], [106.8, 221.0], [95.4, 221.0], [95.4, 233.0]] [1 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4] {'#000000'} CurveFilledB 8",
    "[[59.1, 152.0], [59.1, 164.0], [57.3, 164.0], [57.3, 176.0]] [1 4 4 4] {'#000000'} CurveFilledB 8",
    "'AddBackward0\\n(2,)' 98.0 21.5 (['monospace'], 9.0, 'center', 'center') False",
    "'ExpBackward0\\n(2,)' 59.1 135.5 (['monospace'], 9.0, 'center', 'center') False",
    "'AccumulateGrad\\nx (2,)' 81.1 249.5 (['monospace'], 9.0, 'center', 'center') False",
    "'saved result\\n(2,)' 42.5 78.5 (['monospace'], 9.0, 'center', 'center') False",
    "'AddBackward0\\n(2,)' 57.3 192.5 (['monospace'], 9.0, 'center', 'center') False",
    "'×2' 71.7 228.0 (['sans-serif'], 9.0, 'left', 'baseline') True",
    "[140.6, 271.0] [0.0, 140.6, 271.0, 0.0] [0.0, 0.0, 1.0, 1.0] False",
]


def test_where_everything_stands_and_how_it_looks():
    x = leaf(2)
    axes = draw_graph(backward_graph((x + x).exp() + x, {"x": x}))
    assert list(described(axes)) == DRAWN


def test_no_more_than_three_attributes_are_needed():
    graph = nx.DiGraph()
    graph.add_node("a", kind="leaf", state="kept", label="A")
    assert [text.get_text() for text in draw_graph(graph).texts] == ["A"]


def test_a_dashed_frame_marks_what_is_freed():
    graph = freed()
    frames = [patch.get_linestyle() for patch in draw_graph(graph).patches[: len(graph)]]
    assert frames == ["-" if graph.nodes[n]["state"] == "kept" else "--" for n in graph]
    assert frames.count("--") == 3


def test_two_gradients_are_marked():
    x = leaf(2)
    assert [text.get_text() for text in draw_graph(backward_graph(x + x)).texts][2:] == ["×2"]


@given(st.lists(st.tuples(st.floats(-50, 50), st.floats(1, 20)), max_size=8))
def test_boxes_are_spread_as_little_as_can_be(places):
    wanted = {i: centre for i, (centre, _) in enumerate(places)}
    width = {i: width for i, (_, width) in enumerate(places)}
    found = _spread(wanted, width)
    assert list(found) == list(wanted)
    blanks = [found[i] - found[i - 1] - (width[i] + width[i - 1]) / 2 - 12 for i in list(found)[1:]]
    assert all(blank > -1e-9 for blank in blanks)
    # No group that touches would gain by moving: by least squares, each stands at its mean.
    apart = [i for i, blank in enumerate(blanks, start=1) if blank > 1e-9]
    for start, end in itertools.pairwise([0, *apart, len(found)]):
        group = range(start, end)
        assert sum(found[i] for i in group) == pytest.approx(
            sum(wanted[i] for i in group), abs=1e-9
        )


@pytest.mark.parametrize(
    ("wanted", "width", "expected"),
    [
        ([], [], []),
        ([7], [2], [7]),
        ([0, 50], [2, 4], [0, 50]),
        ([0, 0, 50], [2, 4, 2], [-7.5, 7.5, 50]),
        ([9, 0, 0], [2, 2, 2], [-11, 3, 17]),
        ([5, 0, 100, 90], [2, 2, 8, 8], [-4.5, 9.5, 85, 105]),
    ],
)
def test_boxes_that_would_overlap_share_the_way(wanted, width, expected):
    found = _spread(dict(enumerate(wanted)), dict(enumerate(width)))
    assert list(found.values()) == expected


@pytest.mark.parametrize(
    ("graph", "error", "message"),
    [
        (
            leaf(2),
            TypeError,
            "graph: expected what backward_graph returns, a networkx.DiGraph, got Tensor",
        ),
        (
            nx.DiGraph(),
            ValueError,
            "graph: expected 1 to 100 nodes and up to 200 edges, got 0 and 0",
        ),
        (
            nx.path_graph(101, nx.DiGraph),
            ValueError,
            "graph: expected 1 to 100 nodes and up to 200 edges, got 101 and 100",
        ),
        (
            nx.gnm_random_graph(100, 201, seed=0, directed=True),
            ValueError,
            "graph: expected 1 to 100 nodes and up to 200 edges, got 100 and 201",
        ),
        (
            nx.path_graph(100, nx.DiGraph),
            ValueError,
            "graph: expected what backward_graph returns, got node 0: {}",
        ),
        (
            nx.gnm_random_graph(100, 200, seed=0, directed=True),
            ValueError,
            "graph: expected what backward_graph returns, got node 0: {}",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(graph, error, message):
    with refused(error, message):
        draw_graph(graph)


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch):
    original = builtins.__import__

    def without(name, *args):
        if name.startswith("matplotlib"):
            raise ModuleNotFoundError(f"No module named {name!r}")
        return original(name, *args)

    graph = backward_graph(leaf(2))
    monkeypatch.setattr(builtins, "__import__", without)
    with refused(ImportError, "draw_graph needs matplotlib: pip install autograd-notes[plot]"):
        draw_graph(graph)
