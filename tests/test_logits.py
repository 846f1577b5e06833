"""Softmax, log_softmax and logsumexp: against torch, their identities, and their gradients."""

import math

import hypothesis.strategies as st
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from conftest import assert_agree, refused, tensors
from hypothesis import given
from torch.autograd import gradcheck, gradgradcheck

from autograd_notes import (
    log_softmax,
    logsumexp,
    softmax,
)

SHAPES = st.lists(st.integers(1, 4), max_size=3).map(tuple)


@given(st.data())
@pytest.mark.parametrize(("ours", "theirs"), [(softmax, F.softmax), (log_softmax, F.log_softmax)])
def test_softmax_pair_agrees_with_torch(ours, theirs, data):
    x = data.draw(SHAPES.flatmap(tensors))
    dim = data.draw(st.integers(-max(x.dim(), 1), max(x.dim(), 1) - 1))
    assert_agree(lambda x: ours(x, dim), lambda x: theirs(x, dim), x)


@given(st.data())
def test_logsumexp_agrees_with_torch(data):
    x = data.draw(SHAPES.filter(len).flatmap(tensors))
    dims = tuple(data.draw(st.sets(st.integers(0, x.dim() - 1), min_size=1)))
    dim, keepdim = data.draw(st.sampled_from([dims, dims[0]])), data.draw(st.booleans())
    assert_agree(
        lambda x: logsumexp(x, dim, keepdim), lambda x: torch.logsumexp(x, dim, keepdim), x
    )


def test_logsumexp_is_over_the_last_dimension_unless_told():
    x = torch.tensor([[1000.0, 1000.0, 1000.0], [0.0, 0.0, 0.0]])
    torch.testing.assert_close(logsumexp(x), torch.tensor([1000.0, 0.0]) + math.log(3))
    assert logsumexp(x, keepdim=True).shape == (2, 1)
    assert logsumexp(x, (0, 1), keepdim=True).shape == (1, 1)


def test_logsumexp_of_infinite_logits_is_infinite():
    x = torch.tensor([[-math.inf, -math.inf], [math.inf, 0.0], [0.0, -math.inf]])
    assert logsumexp(x).tolist() == [-math.inf, math.inf, 0.0]


@pytest.mark.parametrize("function", [softmax, log_softmax])
def test_softmax_pair_converts_before_anything_else(function):
    x = torch.tensor([[0, 1, 2]])
    converted = function(x, -1, torch.float64)
    assert converted.dtype == torch.float64
    torch.testing.assert_close(converted, function(x.double()))
    with refused(TypeError, "x: expected a floating-point dtype, got torch.int32"):
        function(x.float(), dtype=torch.int32)
    with refused(TypeError, "x: expected a tensor, got list"):
        function([1.0], dtype=torch.float32)


def test_no_classes_are_no_probabilities():
    x = torch.zeros(2, 0, requires_grad=True)
    for function in (softmax, log_softmax):
        assert function(x).shape == (2, 0)
    assert logsumexp(x).tolist() == [-math.inf, -math.inf]
    assert softmax(torch.zeros(0, 2)).shape == (0, 2)


def test_small_rest_beside_a_leading_logit_keeps_its_digits():
    rest = torch.tensor(math.exp(-20))
    x = torch.tensor([0.0, -20.0])
    torch.testing.assert_close(-log_softmax(x)[0], rest, rtol=1e-6, atol=0)
    torch.testing.assert_close(logsumexp(x), rest, rtol=1e-6, atol=0)


@pytest.mark.parametrize("function", [softmax, log_softmax])
def test_each_row_has_a_maximum_of_its_own(function):
    x = torch.tensor([[0.0, 1.0], [1000.0, 1001.0]])
    torch.testing.assert_close(function(x), function(x[:1]).expand(2, 2))


@given(tensors((3, 4)), st.floats(-100, 100))
def test_softmax_identities(x, shift):
    x = x.double()
    p = softmax(x)
    torch.testing.assert_close(p.sum(-1), torch.ones(3, dtype=torch.float64))
    torch.testing.assert_close(softmax(x + shift), p)
    torch.testing.assert_close(log_softmax(x).exp(), p)


@pytest.mark.parametrize("function", [softmax, log_softmax])
@pytest.mark.parametrize("dim", [0, -1])
def test_softmax_pair_gradcheck(function, dim):
    torch.manual_seed(0)
    x = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda x: function(x, dim), x, check_forward_ad=True)
    assert gradgradcheck(lambda x: function(x, dim), x)


def test_maximum_carries_no_gradient():
    x = torch.randn(2, 3, requires_grad=True)
    graph, names = [log_softmax(x).grad_fn], set()
    while graph:
        node = graph.pop()
        names.add(node.name())
        graph += [next_node for next_node, _ in node.next_functions if next_node]
    assert "SubBackward0" in names
    assert not any("max" in name.lower() for name in names)


def test_torch_overflows_float16_with_many_classes():
    x = torch.zeros(70_000, dtype=torch.float16)
    expected = torch.full_like(x, -math.log(70_000))
    torch.testing.assert_close(log_softmax(x), expected, rtol=0, atol=0)
    assert F.log_softmax(x, -1).isneginf().all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("function", [softmax, log_softmax, logsumexp])
def test_16_bit_logits_are_rounded_once(function, dtype):
    x = torch.arange(2000.0).sin().to(dtype).reshape(2, 1000)
    assert torch.equal(function(x), function(x.double()).to(dtype))
