"""The picture of a graph."""

import builtins
import itertools

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
from test_graph import leaf, quadratic

from autograd_notes import backward_graph, draw_graph
from autograd_notes.graph_drawing import _spread


@pytest.fixture(autouse=True)
def pictures():
    """Draw without a screen, in the style of the site, and close the figures."""
    plt.switch_backend("agg")
    with plt.style.context("autograd_notes.figures"):
        yield
    plt.close("all")


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
    """Return points of an arrow's path: the original one, since the drawn one ends before its head."""
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
    """Describe the drawn boxes, arrows, texts and backgrounds, in points."""
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
    # No touching group would gain by moving: by least squares, each is centred on its mean.
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


@pytest.mark.parametrize(
    "settings",
    [
        {"figure.autolayout": True},
        {"figure.constrained_layout.use": True},
        {"font.size": 30, "patch.linewidth": 9, "text.color": "red"},
        {"axes.prop_cycle": plt.cycler(color=["k"]), "figure.facecolor": "green"},
    ],
    ids=str,
)
def test_settings_change_nothing(settings):
    x = torch.ones(2, 1, requires_grad=True)
    graph = backward_graph(x.exp().sum(), {"x": x})

    def drawn():
        axes = draw_graph(graph)
        axes.figure.canvas.draw()
        return (
            axes.get_position().bounds,
            axes.figure.get_facecolor(),
            [(t.get_window_extent().bounds, t.get_color()) for t in axes.texts],
            [(p.get_edgecolor(), p.get_linewidth()) for p in axes.patches],
        )

    with plt.rc_context(settings):
        before = dict(plt.rcParams)
        found = drawn()
        assert dict(plt.rcParams) == before
    assert found == drawn()
    assert found[0] == (0, 0, 1, 1)
