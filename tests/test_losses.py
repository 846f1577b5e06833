"""The losses: against torch, their identities, their gradients, and how they compose."""

import math
import sys

import hypothesis.strategies as st
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from conftest import ROOT, assert_agree, logits_and_target, tensors
from hypothesis import given
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from autograd_notes import (
    chunked_cross_entropy,
    cross_entropy,
    linear_cross_entropy,
    log_softmax,
    logsumexp,
    nl,
    nll,
    softmax,
)

LOSSES = (nl, nll, cross_entropy, chunked_cross_entropy)


def test_smoothing_may_be_whole_and_leaves_out_what_is_ignored():
    x, target = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([0, -100])
    for smoothing in (0.5, 1.0):
        alone = cross_entropy(x[:1], target[:1], label_smoothing=smoothing)
        assert cross_entropy(x, target, label_smoothing=smoothing) == alone
        loss = cross_entropy(x, target, label_smoothing=smoothing, reduction="none")
        assert loss.tolist() == [alone.item(), 0.0]


def test_smoothing_of_no_classes_is_a_sum_of_nothing():
    none = torch.ones(2, 0)
    loss = cross_entropy(none, none, label_smoothing=0.5, reduction="none")
    assert loss.tolist() == [0.0, 0.0]


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


@given(tensors((4, 3)), st.lists(st.integers(0, 2), min_size=4, max_size=4))
def test_gradient_is_softmax_minus_onehot(x, classes):
    x, target = x.requires_grad_(), torch.tensor(classes)
    cross_entropy(x, target).backward()
    expected = (softmax(x.detach()) - F.one_hot(target, 3)) / 4
    torch.testing.assert_close(x.grad, expected)


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


X = torch.zeros(2, 3)
T = torch.zeros(2, dtype=torch.int64)


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
    # With weights the means differ: that of class targets divides by the sum of the weights.
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


def test_one_call_enters_few_functions_of_the_package():
    folder, entered = str(ROOT / "autograd_notes"), []

    def profile(frame, event, _):
        if event == "call" and frame.f_code.co_filename.startswith(folder):
            entered.append(frame.f_code.co_qualname)

    sys.setprofile(profile)
    try:
        cross_entropy(X, T)
    finally:
        sys.setprofile(None)
    assert len(set(entered)) <= 14
    assert len(entered) <= 20


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
    # Inductor agrees as well, but needs a compiler, and some seconds for each loss.
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    assert_agree(lambda p: compiled(p, target), lambda p: loss(p, target), p)


def test_torch_has_no_gradient_beside_a_zero_probability():
    ours = torch.tensor([[0.5, 0.5, 0.0]], requires_grad=True)
    theirs = ours.detach().clone().requires_grad_()
    nl(ours, T[:1]).backward()
    F.nll_loss(theirs.log(), T[:1]).backward()
    assert ours.grad.tolist() == [[-2.0, 0.0, 0.0]]
    assert theirs.grad[0, 2].isnan()


def test_torch_overflows_float16_with_many_samples():
    x, target = torch.zeros(70_000, 3, dtype=torch.float16), torch.zeros(70_000).long()
    expected = torch.tensor(math.log(3), dtype=torch.float16)
    assert cross_entropy(x, target) == expected
    assert nll(x - 1, target) == 1
    assert F.cross_entropy(x, target).isnan()
    assert F.nll_loss(x - 1, target).isnan()


def test_impossible_class_of_some_probability_costs_infinity():
    logits, target = torch.tensor([[0.0, -math.inf]]), torch.tensor([[0.5, 0.5]])
    assert cross_entropy(logits, target) == math.inf


def test_zero_times_log_of_zero_is_zero_and_nan_in_torch():
    x, q = torch.tensor([[0.0, -math.inf]]), torch.tensor([[1.0, 0.0]])
    assert cross_entropy(x, q) == 0
    assert F.cross_entropy(x, q).isnan()


INF = math.inf
WAYS = {
    "cross_entropy": cross_entropy,
    "chunked": lambda x, t, **o: chunked_cross_entropy(x, t, chunk_size=1, **o),
    "compiled": torch.compile(chunked_cross_entropy, backend="eager"),
}


@pytest.mark.parametrize("way", ["cross_entropy", "chunked", "compiled"])
@pytest.mark.parametrize(
    ("target", "weight", "smoothing"),
    [
        (torch.tensor([0, 2]), [1.0, 0.0, 3.0], 0.5),
        (torch.tensor([1, 2]), [2.0, 0.0, 0.5], 0.0),
        (torch.tensor([1, 0]), [2.0, 0.0, 0.5], 0.25),
        (torch.tensor([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]), [2.0, 0.0, 0.5], 0.25),
        (torch.tensor([[0.25, 0.0, 0.75], [0.0, 0.0, 1.0]]), None, 0.0),
    ],
)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_zero_times_infinity_is_zero(way, target, weight, smoothing, reduction):
    """A class that can't occur and does not count may as well have a finite logit."""
    options = {"label_smoothing": smoothing, "reduction": reduction}
    options["weight"] = None if weight is None else torch.tensor(weight)
    torch.compiler.reset()
    found = []
    for low, f in ((-INF, WAYS[way]), (-80.0, F.cross_entropy)):
        x = torch.tensor([[1.0, low, 0.5], [0.0, low, 2.0]], requires_grad=True)
        y = f(x, target, **options)
        found.append((y, *torch.autograd.grad(y.sum(), x)))
    torch.testing.assert_close(*found)


@pytest.mark.parametrize("way", ["linear", "compiled"])
def test_zero_times_infinity_is_zero_in_the_linear_loss(way):
    f = linear_cross_entropy
    if way == "compiled":
        f = torch.compile(f, backend="eager")
    a = torch.tensor([[1.0, 0.0], [-INF, 0.0], [0.5, 2.0]])
    h = torch.tensor([[1.0, 0.5], [2.0, 0.25]])
    options = {"weight": torch.tensor([1.0, 0.0, 3.0]), "label_smoothing": 0.5}
    found = f(h, a, torch.tensor([0, 1]), **options)
    expected = F.cross_entropy(h @ a.nan_to_num(neginf=-80.0).t(), torch.tensor([0, 1]), **options)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("weight", [None, torch.tensor([2.0, 0.5, 1.0])])
def test_probability_of_an_impossible_class_has_an_infinite_gradient(weight):
    x = torch.tensor([[-INF, 0.0, 1.0], [2.0, -INF, -INF]])
    q = torch.tensor([[0.0, 0.5, 0.5], [1.0, 0.0, 0.0]], requires_grad=True)
    for f in (cross_entropy, chunked_cross_entropy):
        loss = f(x, q, weight=weight)
        assert loss.isfinite()
        (found,) = torch.autograd.grad(loss, q)
        (expected,) = torch.autograd.grad(F.cross_entropy(x, q, weight=weight), q)
        torch.testing.assert_close(found, expected)
        assert found.isinf().sum() == 3


def test_weight_of_zero_leaves_out_an_impossible_target():
    p = torch.tensor([[0.0, 1.0], [0.5, 0.5]], requires_grad=True)
    weight = torch.tensor([0.0, 3.0])
    t = torch.tensor([0, 1])
    for loss, x in ((nl, p), (nll, p.log())):
        assert loss(x, t, weight=weight).isclose(torch.tensor(2.0).log())
        assert loss(x, t, weight=weight, reduction="none")[0] == 0
    assert nl(p, t, weight=weight + 1) == INF
