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

from autograd_notes import (
    chunked_cross_entropy,
    cross_entropy,
    log_softmax,
    logsumexp,
    nl,
    nll,
    softmax,
)

LOSSES = (nl, nll, cross_entropy, chunked_cross_entropy)
FROM_LOGITS = (cross_entropy, chunked_cross_entropy)
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


@pytest.mark.parametrize("loss", LOSSES)
def test_ignored_sample_loses_zero_and_not_minus_zero(loss):
    lost = loss(torch.tensor([[0.5, 0.5]]), torch.tensor([-100]), reduction="none")
    assert math.copysign(1, lost.item()) == 1


def test_ignored_sample_has_no_gradient_where_its_probability_is_zero():
    p = torch.tensor([[0.0, 1.0], [0.5, 0.5]], requires_grad=True)
    nl(p, torch.tensor([-100, 0])).backward()
    assert p.grad.tolist() == [[0.0, 0.0], [-2.0, 0.0]]


def test_small_rest_beside_a_leading_logit_keeps_its_digits():
    rest = torch.tensor(math.exp(-20))
    x = torch.tensor([0.0, -20.0])
    torch.testing.assert_close(-log_softmax(x)[0], rest, rtol=1e-6, atol=0)
    torch.testing.assert_close(logsumexp(x), rest, rtol=1e-6, atol=0)


def test_smoothing_may_be_whole_and_leaves_out_what_is_ignored():
    x, target = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([0, -100])
    for smoothing in (0.5, 1.0):
        alone = cross_entropy(x[:1], target[:1], label_smoothing=smoothing)
        assert cross_entropy(x, target, label_smoothing=smoothing) == alone
        loss = cross_entropy(x, target, label_smoothing=smoothing, reduction="none")
        assert loss.tolist() == [alone.item(), 0.0]


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
    forward = loss is not chunked_cross_entropy
    assert gradcheck(lambda x: loss(x, target), x, check_forward_ad=forward)
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


@pytest.mark.parametrize("function", [softmax, log_softmax, logsumexp])
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
        (X + 0j, T, TypeError, "input: expected a floating-point dtype, got torch.complex64"),
        (X, [0, 1], TypeError, "target: expected a tensor, got list"),
        (
            X,
            T.bool(),
            TypeError,
            "target: expected dtype torch.int64 or torch.uint8, got torch.bool; "
            "classes must be integers: target.long()",
        ),
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
            T[None],
            ValueError,
            "target: expected shape (2,) for input of shape (2, 3), got (1, 2); target.reshape((2,)) has it",
        ),
        (
            X[..., None].expand(2, 3, 4),
            T,
            ValueError,
            "target: expected shape (2, 4) for input of shape (2, 3, 4), got (2,)",
        ),
        (
            X[:, None].expand(2, 4, 3),
            T[:, None].expand(2, 4),
            ValueError,
            "target: expected shape (2, 3) for input of shape (2, 4, 3), got (2, 4); the classes are dim 1: input.movedim(-1, 1)",
        ),
        (X, T.to("meta"), ValueError, "target: expected the device of input, cpu, got meta"),
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


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"weight": [1.0] * 3}, TypeError, "weight: expected a tensor, got list"),
        (
            {"weight": torch.ones(3).double()},
            TypeError,
            "weight: expected the dtype of input, torch.float32, got torch.float64",
        ),
        (
            {"weight": torch.ones(2)},
            ValueError,
            "weight: expected shape (3,) for input of shape (2, 3), got (2,)",
        ),
        (
            {"weight": torch.ones(3, device="meta")},
            ValueError,
            "weight: expected the device of input, cpu, got meta",
        ),
        (
            {"reduction": "average"},
            ValueError,
            "reduction: expected 'mean', 'sum' or 'none', got 'average'",
        ),
        (
            {"reduction": None},
            ValueError,
            "reduction: expected 'mean', 'sum' or 'none', got None",
        ),
    ],
)
def test_losses_refuse_options(loss, options, error, message):
    with refused(error, message):
        loss(X, T, **options)


@pytest.mark.parametrize("loss", FROM_LOGITS)
@pytest.mark.parametrize(
    ("target", "options", "error", "message"),
    [
        (
            torch.eye(3)[:2].long(),
            {},
            ValueError,
            "target: expected shape (2,) for input of shape (2, 3), got (2, 3); class probabilities must be floating point: target.float(); classes are target.argmax(1)",
        ),
        (
            X[:1],
            {},
            ValueError,
            "target: expected class probabilities of the shape of input, (2, 3), got (1, 3); classes must be integers: target.long()",
        ),
        (
            T.float(),
            {},
            ValueError,
            "target: expected class probabilities of the shape of input, (2, 3), got (2,); classes must be integers: target.long()",
        ),
        (X.to("meta"), {}, ValueError, "target: expected the device of input, cpu, got meta"),
        (
            T,
            {"label_smoothing": -0.1},
            ValueError,
            "label_smoothing: expected 0 to 1, got -0.1",
        ),
        (T, {"label_smoothing": 1.5}, ValueError, "label_smoothing: expected 0 to 1, got 1.5"),
        (T, {"label_smoothing": math.nan}, ValueError, "label_smoothing: expected 0 to 1, got nan"),
        (T, {"label_smoothing": "a"}, TypeError, "label_smoothing: expected a number, got str"),
        (T, {"label_smoothing": True}, TypeError, "label_smoothing: expected a number, got bool"),
        (
            X,
            {"ignore_index": -1},
            ValueError,
            "ignore_index: expected none with class probabilities, got -1",
        ),
    ],
)
def test_cross_entropy_refuses(loss, target, options, error, message):
    with refused(error, message):
        loss(X, target, **options)


def test_classes_are_in_range_unless_ignored():
    with refused(IndexError, "target: expected classes from 0 to 2, got -100"):
        nll(X, T - 100, ignore_index=-1)
    assert nll(X, T + 3, ignore_index=3, reduction="sum") == 0


@st.composite
def weighted_batches(draw):
    """Draw float64 logits, int64 classes, and positive weights."""
    x, target = draw(logits_and_target())
    n_classes = x.shape[class_dim(x)]
    weights = st.lists(st.floats(0.125, 8), min_size=n_classes, max_size=n_classes)
    return x.double() / 3, target.long(), torch.tensor(draw(weights), dtype=torch.float64)


def class_dim(x):
    return 1 if x.dim() > 1 else 0


def one_hot(target, x):
    return F.one_hot(target, x.shape[class_dim(x)]).movedim(-1, class_dim(x)).to(x)


@given(weighted_batches(), st.floats(-100, 100))
def test_each_sample_may_be_shifted(drawn, shift):
    x, target, weight = drawn
    shifts = shift * torch.arange(1.0, target.numel() + 1).reshape(target.shape)
    shifted = x + shifts.unsqueeze(class_dim(x))
    expected = cross_entropy(x, target, weight=weight)
    torch.testing.assert_close(cross_entropy(shifted, target, weight=weight), expected)


@given(weighted_batches(), st.floats(0, 1))
def test_classes_are_certain_probabilities(drawn, smoothing):
    x, target, weight = drawn
    q = one_hot(target, x)
    smooth = (1 - smoothing) * q + smoothing / x.shape[class_dim(x)]
    # With weights the means differ: only that over classes divides by the sum of the weights.
    for options in (
        {"weight": weight, "reduction": "none"},
        {"weight": weight, "reduction": "sum"},
        {},
    ):
        hard = cross_entropy(x, target, **options)
        torch.testing.assert_close(cross_entropy(x, q, **options), hard)
        smoothed = cross_entropy(x, target, label_smoothing=smoothing, **options)
        torch.testing.assert_close(cross_entropy(x, smooth, **options), smoothed)
        same = cross_entropy(x, q, label_smoothing=smoothing, **options)
        torch.testing.assert_close(same, smoothed)


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
def test_layout_of_memory_does_not_matter(loss):
    torch.manual_seed(0)
    target = torch.tensor([[0, 2], [1, 1], [2, 0], [0, 0]])
    whole = torch.rand(4, 3, 2, dtype=torch.float64)
    strided = torch.rand(2, 4, 6, dtype=torch.float64).permute(1, 2, 0)[:, ::2]
    expanded = torch.rand(1, 3, 1, dtype=torch.float64).expand(4, 3, 2)
    for x in (whole, strided, expanded):
        for classes in (target, target.t().contiguous().t(), target[:, :1].expand(4, 2)):
            assert_agree(
                lambda x, t=classes: loss(x, t),
                lambda x, t=classes: loss(x.contiguous(), t.contiguous()),
                x,
            )
            assert loss(x, classes) == loss(x.contiguous(), classes.contiguous())


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_shapes_and_dtypes_without_values(loss, dtype):
    x, target = X.to("meta", dtype), T.to("meta")
    for reduction, shape in (("none", (2,)), ("sum", ()), ("mean", ())):
        y = loss(x, target, weight=x[0], reduction=reduction)
        assert (y.device.type, y.dtype, y.shape) == ("meta", dtype, shape)
    y = cross_entropy(x, x, weight=x[0], label_smoothing=0.1)
    assert (y.device.type, y.dtype, y.shape) == ("meta", dtype, ())
    for function, shape in ((softmax, (2, 3)), (log_softmax, (2, 3)), (logsumexp, (2,))):
        y = function(x)
        assert (y.device.type, y.dtype, y.shape) == ("meta", dtype, shape)


@pytest.mark.parametrize("loss", LOSSES)
def test_function_transforms_agree_with_a_loop(loss):
    torch.manual_seed(0)
    p, target = torch.rand(5, 3, dtype=torch.float64), torch.tensor([0, 2, 1, 1, -100])

    def per_sample(p, target):
        return loss(p, target, reduction="sum")

    leaf = p.clone().requires_grad_()
    looped = [per_sample(row, c) for row, c in zip(leaf, target, strict=True)]
    rows = [torch.autograd.grad(y, leaf, retain_graph=True)[0] for y in looped]
    vmap, grad, jacrev = torch.func.vmap, torch.func.grad, torch.func.jacrev
    torch.testing.assert_close(vmap(per_sample)(p, target), torch.stack(looped).detach())
    torch.testing.assert_close(vmap(grad(per_sample))(p, target), sum(rows))
    torch.testing.assert_close(grad(per_sample)(p, target), sum(rows))
    jacobian = jacrev(lambda p: loss(p, target, reduction="none"))(p)
    torch.testing.assert_close(jacobian, torch.stack(rows))


@pytest.mark.parametrize("loss", LOSSES)
def test_compiled_in_one_graph_agrees(loss):
    torch.manual_seed(0)
    p, target = torch.rand(5, 3), torch.tensor([0, 2, 1, 1, -100])
    # Inductor agrees as well, and takes a compiler and some seconds for each loss.
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    assert_agree(lambda p: compiled(p, target), lambda p: loss(p, target), p)


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


def test_torch_has_no_gradient_beside_a_zero_probability():
    ours = torch.tensor([[0.5, 0.5, 0.0]], requires_grad=True)
    theirs = ours.detach().clone().requires_grad_()
    nl(ours, T[:1]).backward()
    F.nll_loss(theirs.log(), T[:1]).backward()
    assert ours.grad.tolist() == [[-2.0, 0.0, 0.0]]
    assert theirs.grad[0, 2].isnan()


def test_torch_overflows_float16_with_many_classes():
    x = torch.zeros(70_000, dtype=torch.float16)
    expected = torch.full_like(x, -math.log(70_000))
    torch.testing.assert_close(log_softmax(x), expected, rtol=0, atol=0)
    assert F.log_softmax(x, -1).isneginf().all()


def test_torch_overflows_float16_with_many_samples():
    x, target = torch.zeros(70_000, 3, dtype=torch.float16), torch.zeros(70_000).long()
    expected = torch.tensor(math.log(3), dtype=torch.float16)
    assert cross_entropy(x, target) == expected
    assert nll(x - 1, target) == 1
    assert F.cross_entropy(x, target).isnan()
    assert F.nll_loss(x - 1, target).isnan()


@pytest.mark.parametrize("smoothing", [-0.1, math.nan])
def test_torch_takes_any_smoothing_that_is_not_above_one(smoothing):
    assert F.cross_entropy(X, T, label_smoothing=smoothing) == F.cross_entropy(X, T)
    with refused(ValueError, f"label_smoothing: expected 0 to 1, got {smoothing}"):
        cross_entropy(X, T, label_smoothing=smoothing)


def test_torch_passes_over_a_negative_ignore_index_with_probabilities():
    q = softmax(X)
    assert F.cross_entropy(X, q, ignore_index=-1) == F.cross_entropy(X, q)
    with refused(ValueError, "ignore_index: expected none with class probabilities, got -1"):
        cross_entropy(X, q, ignore_index=-1)


def test_torch_refuses_a_batch_of_one_class_only_backward():
    x = X[0].clone().requires_grad_()
    message = (
        "target: expected shape () for input of shape (3,), got (1,); target.reshape(()) has it"
    )
    with refused(ValueError, message):
        cross_entropy(x, T[:1])
    if torch.__version__ >= "2.13":  # torch 2.6 refuses forward, too
        assert F.cross_entropy(x, T[:1]).isfinite()
    with pytest.raises(RuntimeError, match="size mismatch"):
        F.cross_entropy(x, T[:1]).backward()


def test_impossible_class_of_some_probability_costs_infinity():
    logits, target = torch.tensor([[0.0, -math.inf]]), torch.tensor([[0.5, 0.5]])
    assert cross_entropy(logits, target) == math.inf


def test_zero_times_log_of_zero_is_zero_and_nan_in_torch():
    x, q = torch.tensor([[0.0, -math.inf]]), torch.tensor([[1.0, 0.0]])
    assert cross_entropy(x, q) == 0
    assert F.cross_entropy(x, q).isnan()
