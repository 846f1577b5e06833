"""Weights, ignored samples, reductions, and the dtypes of a target."""

import math

import hypothesis.strategies as st
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from conftest import assert_agree
from hypothesis import given
from test_losses import LOSSES, class_dim, weighted_batches

from autograd_notes import cross_entropy, nl, softmax
from autograd_notes._checks import class_target


@pytest.mark.parametrize("loss", LOSSES)
def test_ignored_sample_loses_zero_and_not_minus_zero(loss):
    lost = loss(torch.tensor([[0.5, 0.5]]), torch.tensor([-100]), reduction="none")
    assert math.copysign(1, lost.item()) == 1


def test_ignored_sample_has_no_gradient_where_its_probability_is_zero():
    p = torch.tensor([[0.0, 1.0], [0.5, 0.5]], requires_grad=True)
    nl(p, torch.tensor([-100, 0])).backward()
    assert p.grad.tolist() == [[0.0, 0.0], [-2.0, 0.0]]


@pytest.mark.filterwarnings("ignore:Anomaly Detection has been enabled")
def test_ignored_sample_has_no_nan_on_the_way_to_its_gradient():
    p = torch.tensor([[0.0, 1.0], [0.5, 0.5]], requires_grad=True)
    with torch.autograd.detect_anomaly(check_nan=True):
        nl(p, torch.tensor([-100, 0])).backward()
    assert p.grad.tolist() == [[0.0, 0.0], [-2.0, 0.0]]


@pytest.mark.parametrize("loss", LOSSES)
def test_certain_class_loses_zero_and_not_minus_zero(loss):
    x = torch.tensor([[0.0], [1.0]])[int(loss is nl)]
    lost = loss(x, torch.tensor(0), reduction="none")
    assert (lost.item(), math.copysign(1, lost.item())) == (0.0, 1)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("weight", [None, torch.tensor([2.0, 1.0])])
def test_nan_of_an_ignored_sample_counts_for_nothing(loss, weight):
    x = torch.tensor([[math.nan, math.nan], [0.25, 0.75]])
    target = torch.tensor([-100, 1])
    for reduction in ("mean", "sum"):
        alone = loss(x[1:], target[1:], weight=weight, reduction=reduction)
        assert loss(x, target, weight=weight, reduction=reduction) == alone


@pytest.mark.parametrize("loss", LOSSES)
def test_ignored_sample_of_one_class_loses_zero(loss):
    assert loss(torch.ones(2, 1), torch.tensor([-100, -100]), reduction="sum") == 0


@pytest.mark.parametrize("loss", LOSSES)
def test_16_bit_weights_are_summed_in_32_bits(loss):
    x, target = torch.tensor([[0.25, 0.75]] * 3).half(), torch.tensor([0, 1, 1])
    weight = torch.tensor([40_000.0, 50_000.0]).half()
    expected = loss(x.float(), target, weight=weight.float()).half()
    torch.testing.assert_close(loss(x, target, weight=weight), expected)


def test_16_bit_weights_are_not_rounded_again_by_smoothing():
    x, target = torch.tensor([[0.25, 0.75]] * 3).bfloat16(), torch.tensor([0, 1, 1])
    weight = torch.tensor([1.0, 1.0078125]).bfloat16()
    with torch.autocast("cpu"):
        found = cross_entropy(x, target, weight=weight, label_smoothing=0.3)
    wide = F.cross_entropy(x.float(), target, weight=weight.float(), label_smoothing=0.3)
    torch.testing.assert_close(found, wide)


def test_no_mask_where_nothing_is_ignored():
    target = torch.tensor([0, 2])
    assert class_target(target, -100, 3)[1] is None
    index, ignored = class_target(target, 2, 3)
    assert (index.tolist(), ignored.tolist()) == ([0, 0], [False, True])


@pytest.mark.parametrize("loss", LOSSES)
def test_empty_batch_is_nan(loss):
    assert math.isnan(loss(torch.ones(0, 3), torch.zeros(0, dtype=torch.int64)))


@pytest.mark.parametrize("loss", LOSSES)
@given(drawn=weighted_batches(), factor=st.floats(0.125, 8))
def test_reductions_and_weights_belong_together(loss, drawn, factor):
    x, target, weight = drawn
    p = softmax(x, class_dim(x))
    each, total, mean = (
        loss(p, target, weight=weight, reduction=r) for r in ("none", "sum", "mean")
    )
    torch.testing.assert_close(each.sum(), total)
    torch.testing.assert_close(mean, total / weight[target].sum())
    unweighted = loss(p, target, reduction="none")
    torch.testing.assert_close(each, unweighted * weight[target])
    torch.testing.assert_close(loss(p, target, weight=weight * factor), mean)
    scaled = loss(p, target, weight=weight * factor, reduction="sum")
    torch.testing.assert_close(scaled, total * factor)


@pytest.mark.parametrize("loss", LOSSES)
@given(drawn=weighted_batches(), index=st.integers(-200, 5), data=st.data())
def test_ignored_samples_count_as_if_they_were_left_out(loss, drawn, index, data):
    x, target, weight = drawn
    p = softmax(x, class_dim(x)).movedim(class_dim(x), -1).reshape(-1, len(weight))
    size = target.numel()
    ignored = torch.tensor(data.draw(st.lists(st.booleans(), min_size=size, max_size=size)))
    target = target.flatten().masked_fill(ignored, index)
    kept = target != index
    for reduction in ("sum", "mean"):
        options = {"weight": weight, "reduction": reduction}
        expected = loss(p[kept], target[kept], **options)
        found = loss(p, target, ignore_index=index, **options)
        torch.testing.assert_close(found, expected, equal_nan=True)
    each = loss(p, target, ignore_index=index, reduction="none")
    assert not each[~kept].any()


@pytest.mark.parametrize("loss", LOSSES)
@given(drawn=weighted_batches())
def test_further_dimensions_are_further_samples(loss, drawn):
    x, target, weight = drawn
    p = softmax(x, class_dim(x))
    flat = p.movedim(class_dim(p), -1).reshape(-1, len(weight))
    each = loss(p, target, weight=weight, reduction="none")
    expected = loss(flat, target.flatten(), weight=weight, reduction="none")
    torch.testing.assert_close(each, expected.reshape(target.shape))
    mean = loss(flat, target.flatten(), weight=weight)
    torch.testing.assert_close(loss(p, target, weight=weight), mean)


@pytest.mark.parametrize("loss", LOSSES)
def test_uint8_is_int64(loss):
    torch.manual_seed(0)
    p, target = torch.rand(4, 200), torch.tensor([0, 3, 156, 199])
    for options in ({}, {"reduction": "none"}, {"ignore_index": 156}):
        assert_agree(
            lambda p, options=options: loss(p, target.to(torch.uint8), **options),
            lambda p, options=options: loss(p, target, **options),
            p,
        )


def test_torch_ignores_the_uint8_class_156_where_it_smooths():
    torch.manual_seed(0)
    x, target = torch.randn(1, 200), torch.tensor([156])
    byte, options = target.to(torch.uint8), {"label_smoothing": 0.1}
    assert (byte == -100).all()  # 156 is -100 modulo 256, torch's default ignore_index
    expected = F.cross_entropy(x, target, **options)
    torch.testing.assert_close(cross_entropy(x, byte, **options), expected)
    assert F.cross_entropy(x, byte, **options).isnan()  # the mean of no samples
