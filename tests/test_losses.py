"""The losses against torch, their identities, their gradients, and every error."""

import math

import hypothesis.strategies as st
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from conftest import assert_agree, logits_and_target, refused, tensors
from hypothesis import given
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from autograd_notes import cross_entropy, log_softmax, nl, nll, softmax

LOSSES = (nl, nll, cross_entropy)
SHAPES = st.lists(st.integers(1, 4), max_size=3).map(tuple)


@given(st.data())
@pytest.mark.parametrize(("ours", "theirs"), [(softmax, F.softmax), (log_softmax, F.log_softmax)])
def test_softmax_pair_agrees_with_torch(ours, theirs, data):
    x = data.draw(SHAPES.flatmap(tensors))
    dim = data.draw(st.integers(-max(x.dim(), 1), max(x.dim(), 1) - 1))
    assert_agree(lambda x: ours(x, dim), lambda x: theirs(x, dim), x)


@given(logits_and_target())
def test_losses_agree_with_torch(drawn):
    x, target = drawn
    dim = 1 if x.dim() > 1 else 0
    classes = target.long()  # torch takes uint8 for some shapes only
    assert_agree(lambda x: cross_entropy(x, target), lambda x: F.cross_entropy(x, classes), x)
    assert_agree(lambda x: nll(x, target), lambda x: F.nll_loss(x, classes), x)
    p = F.softmax(x / 10, dim)
    assert_agree(lambda p: nl(p, target), lambda p: F.nll_loss(p.log(), classes), p)


@given(logits_and_target())
def test_three_roads_meet(drawn):
    x, target = drawn
    x = x.double() / 10
    dim = 1 if x.dim() > 1 else 0
    expected = cross_entropy(x, target)
    torch.testing.assert_close(nl(softmax(x, dim), target), expected)
    torch.testing.assert_close(nll(log_softmax(x, dim), target), expected)


@given(tensors((3, 4)), st.floats(-100, 100))
def test_softmax_identities(x, shift):
    x = x.double()
    p = softmax(x)
    torch.testing.assert_close(p.sum(-1), torch.ones(3, dtype=torch.float64))
    torch.testing.assert_close(softmax(x + shift), p)
    torch.testing.assert_close(log_softmax(x).exp(), p)


@given(tensors((4, 3)), st.lists(st.integers(0, 2), min_size=4, max_size=4))
def test_gradient_is_softmax_minus_onehot(x, classes):
    x, target = x.requires_grad_(), torch.tensor(classes)
    cross_entropy(x, target).backward()
    expected = (softmax(x.detach()) - F.one_hot(target, 3)) / 4
    torch.testing.assert_close(x.grad, expected)


@pytest.mark.parametrize("function", [softmax, log_softmax])
@pytest.mark.parametrize("dim", [0, -1])
def test_softmax_pair_gradcheck(function, dim):
    torch.manual_seed(0)
    x = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda x: function(x, dim), x, check_forward_ad=True)
    assert gradgradcheck(lambda x: function(x, dim), x)


@pytest.mark.parametrize("loss", LOSSES)
def test_losses_gradcheck(loss):
    torch.manual_seed(0)
    x = torch.rand(4, 3, 2, dtype=torch.float64, requires_grad=True)
    target = torch.tensor([[0, 1], [2, 2], [1, 0], [0, 2]])
    assert gradcheck(lambda x: loss(x, target), x, check_forward_ad=True)
    assert gradgradcheck(lambda x: loss(x, target), x)


@pytest.mark.parametrize("shift", [-1e4, 1e4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_large_logits_stay_finite(shift, dtype):
    x = torch.tensor([[0.0, 1.0, 2.0], [2.0, 0.0, 1.0]], dtype=dtype)
    target = torch.tensor([0, 2])
    assert_agree(
        lambda x: cross_entropy(x, target), lambda x: F.cross_entropy(x, target), x + shift
    )
    torch.testing.assert_close(cross_entropy(x + shift, target), cross_entropy(x, target))


def test_nl_has_a_gradient_beside_a_zero_probability():
    p = torch.tensor([[0.5, 0.5, 0.0]], requires_grad=True)
    nl(p, torch.tensor([0])).backward()
    assert p.grad.tolist() == [[-2.0, 0.0, 0.0]]


@pytest.mark.parametrize("loss", LOSSES)
def test_empty_batch_is_nan(loss):
    assert math.isnan(loss(torch.ones(0, 3), torch.zeros(0, dtype=torch.int64)))


def test_maximum_carries_no_gradient():
    x = torch.randn(2, 3, requires_grad=True)
    graph, names = [log_softmax(x).grad_fn], set()
    while graph:
        node = graph.pop()
        names.add(node.name())
        graph += [next_node for next_node, _ in node.next_functions if next_node]
    assert "SubBackward0" in names
    assert not any("max" in name.lower() for name in names)


X = torch.zeros(2, 3)
T = torch.zeros(2, dtype=torch.int64)


@pytest.mark.parametrize("function", [softmax, log_softmax])
@pytest.mark.parametrize(
    ("x", "dim", "error", "message"),
    [
        ([1.0], -1, TypeError, "x: expected a tensor, got list"),
        (T, -1, TypeError, "x: expected a floating-point dtype, got torch.int64"),
        (X, 2, IndexError, "dim: expected -2 to 1 for x of shape (2, 3), got 2"),
        (X, -3, IndexError, "dim: expected -2 to 1 for x of shape (2, 3), got -3"),
        (X[0, 0], 1, IndexError, "dim: expected -1 to 0 for x of shape (), got 1"),
    ],
)
def test_softmax_pair_refuses(function, x, dim, error, message):
    with refused(error, message):
        function(x, dim)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    ("input", "target", "error", "message"),
    [
        ([0.5], T, TypeError, "input: expected a tensor, got list"),
        (X.int(), T, TypeError, "input: expected a floating-point dtype, got torch.int32"),
        (X[0, 0], T[0], ValueError, "input: expected shape (C) or (N, C, ...), got ()"),
        (X, [0, 1], TypeError, "target: expected a tensor, got list"),
        (
            X,
            T.int(),
            TypeError,
            "target: expected dtype torch.int64 or torch.uint8, got torch.int32; "
            "classes must be integers: target.long()",
        ),
        (
            X,
            T[:1],
            ValueError,
            "target: expected shape (2,) for input of shape (2, 3), got (1,)",
        ),
        (
            X,
            T[:, None],
            ValueError,
            "target: expected shape (2,) for input of shape (2, 3), got (2, 1); target.reshape((2,)) has it",
        ),
        (
            X[0],
            T[:1],
            ValueError,
            "target: expected shape () for input of shape (3,), got (1,); target.reshape(()) has it",
        ),
        (
            X,
            T + 3,
            IndexError,
            "target: expected classes from 0 to 2, got 3",
        ),
        (
            X,
            T - 1,
            IndexError,
            "target: expected classes from 0 to 2, got -1",
        ),
        (
            X[0],
            T[0] + 3,
            IndexError,
            "target: expected classes from 0 to 2, got 3",
        ),
    ],
)
def test_losses_refuse(loss, input, target, error, message):
    with refused(error, message):
        loss(input, target)


@pytest.mark.parametrize("loss", [nl, nll])
def test_classes_are_integers(loss):
    message = (
        "target: expected dtype torch.int64 or torch.uint8, got torch.float32; "
        "classes must be integers: target.long()"
    )
    with refused(TypeError, message):
        loss(X, T.float())


def test_notebook_definitions_agree_where_they_are_finite():
    def notebook_softmax(x: Tensor) -> Tensor:
        return x.exp() / x.exp().sum(-1, keepdim=True)

    def notebook_nl(input: Tensor, target: Tensor) -> Tensor:
        return -input[range(len(target)), target].log().mean()

    torch.manual_seed(0)
    x, target = torch.randn(5, 3), torch.tensor([2, 0, 1, 0, 1])
    expected = notebook_nl(notebook_softmax(x), target)
    torch.testing.assert_close(nl(softmax(x), target), expected)
    torch.testing.assert_close(cross_entropy(x, target), expected)
    assert notebook_softmax(x + 100).isnan().all()
    assert notebook_nl(notebook_softmax(x), target - 1).isfinite()
    with pytest.raises(IndexError):
        nl(softmax(x), target - 1)
