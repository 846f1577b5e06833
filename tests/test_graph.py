"""The graph of backward, against the functions that PyTorch walks."""

import gc
import itertools
import sys
import weakref

import hypothesis.strategies as st
import networkx as nx
import pytest
import torch
from conftest import refused
from hypothesis import given
from torch.utils.checkpoint import checkpoint

from autograd_notes import backward_graph

W = torch.tensor([[0.0, 1.0], [1.0, 0.0]])


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


def test_walks_of_10_000_functions_are_whole():
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
    """Collect functions and edges by plain recursion."""
    for taker, _ in function.next_functions:
        if taker is not None:
            found.append((function.name(), taker.name()))
            walked(taker, found)
    return found


@st.composite
def made(draw):
    """Draw a tensor computed from two leaves by a few operations."""
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
    times = {0: 1}  # the number of visits of the walk above
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


tells_hooks = pytest.mark.skipif(
    not hasattr(torch._C._autograd.SavedTensor, "unpack_hook"),  # noqa: SLF001
    reason="this torch does not tell whether a saved tensor has hooks",
)


class Product(torch.autograd.Function):
    """It saves three tensors, and None."""

    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, None, b, a + b)
        return a * b

    @staticmethod
    def backward(_, v):
        return v, v


@tells_hooks
def test_looking_at_a_checkpoint_runs_nothing():
    norm, x = torch.nn.BatchNorm1d(2), leaf(3, 2)

    def block(x):
        y = norm(x)
        return Product.apply(y, y.exp())[torch.tensor([0, 2])]

    y = checkpoint(block, x, use_reentrant=False).sum()
    graph = backward_graph(y, {"x": x})
    assert norm.num_batches_tracked == 1
    assert set(states(graph).values()) == {"recomputed"}
    saved = {name for _, name in graph.nodes(data="name") if str(name).startswith("tensors")}
    assert {"tensors[0]", "tensors[2]", "tensors[3]"} <= saved
    assert "saved indices[0] | recomputed" in labels(graph).values()
    y.backward()
    assert norm.num_batches_tracked == 2


def test_other_hooks_are_called():
    x = leaf(2)
    with torch.autograd.graph.save_on_cpu():
        y = x.exp()
    graph = backward_graph(y, {"x": x})
    assert graph.nodes[0, "result"]["shape"] == (2,)
    assert not states(graph)


@pytest.mark.parametrize("layout", ["to_sparse", "to_sparse_csr"])
@pytest.mark.filterwarnings("ignore:Sparse:UserWarning")
def test_sparse_leaf(layout):
    s = getattr(torch.eye(2), layout)().requires_grad_()
    graph = backward_graph(torch.mm(s, torch.ones(2, 3)), {"s": s})
    assert "AccumulateGrad | s (2, 2)" in labels(graph).values()
    assert labels(backward_graph(s)) == {0: "AccumulateGrad | (2, 2)"}


@pytest.mark.parametrize("layout", [torch.strided, torch.jagged])
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
def test_nested_tensors(layout):
    rows = [torch.ones(3), torch.ones(1)]
    n = torch.nested.nested_tensor(rows, requires_grad=True, layout=layout)
    graph = backward_graph(torch.nested.to_padded_tensor(n.sin(), 0.0), {"n": n})
    assert "AccumulateGrad | n nested" in labels(graph).values()
    assert "saved self | n nested" in labels(graph).values()
    found = graph.nodes[max(node for node in graph if isinstance(node, int))]
    assert (found["shape"], found["dtype"]) == (None, torch.float32)


def test_inside_inference_mode():
    y, names = quadratic()
    with torch.inference_mode():
        assert labels(backward_graph(y, names)) == QUADRATIC


def test_names_are_text():
    x = leaf(2)
    with refused(TypeError, "names: expected strings as keys, got 1"):
        backward_graph(x.sum(), {"x": x, 1: x})
