"""The gradients by chunks: in place, double backward, torch.func, and autocast."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from conftest import refused
from test_chunked import T, hidden_and_matrix, results, samples, two_steps
from torch.autograd import forward_ad, gradcheck, gradgradcheck

from autograd_notes import chunked_cross_entropy, cross_entropy, linear_cross_entropy
from autograd_notes.chunked import _autograd


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_graph_may_be_used_again(dtype, reduction):
    for x, target in samples(dtype):
        leaf = x.requires_grad_()
        y = chunked_cross_entropy(leaf, target, reduction=reduction)
        v = torch.full_like(y, 3.0)
        again = [torch.autograd.grad(y, leaf, s * v, retain_graph=True)[0] for s in (1, 1, 2)]
        torch.testing.assert_close(again[0], again[1])
        torch.testing.assert_close(again[0] * 2, again[2])


@pytest.mark.parametrize("v", [-1.0, 1.0, 2.0])
def test_gradient_is_multiplied_by_the_cotangent(v):
    *hab, target = hidden_and_matrix(torch.float64, ())
    v = torch.tensor(v, dtype=torch.float64)
    x = torch.arange(30.0, dtype=torch.float64).sin().reshape(6, 5)
    for function, tensors in (
        (lambda x: chunked_cross_entropy(x, target), [x]),
        (lambda h, a, b: linear_cross_entropy(h, a, target, linear_bias=b), hab),
    ):
        one = results(function, *tensors, v=torch.ones_like(v))
        many = results(function, *tensors, v=v)
        torch.testing.assert_close(many[1:], tuple(v * g for g in one[1:]))


def test_cotangent_may_be_absent():
    class Drop(torch.autograd.Function):
        @staticmethod
        def forward(_, y):
            return y.clone()

        @staticmethod
        def backward(*_):
            return None

    h, a = torch.randn(2, 3, requires_grad=True), torch.randn(4, 3, requires_grad=True)
    for loss in (chunked_cross_entropy(h, T), linear_cross_entropy(h, a, T)):
        found = torch.autograd.grad(Drop.apply(loss), h, allow_unused=True)
        assert found == (None,)


def test_changed_logits_are_noticed():
    leaf = torch.randn(2, 3, requires_grad=True)
    logits = leaf.clone()
    loss = chunked_cross_entropy(logits, T)
    logits.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        torch.autograd.grad(loss, leaf)


@pytest.mark.parametrize("name", ["weight", "target"])
def test_other_gradients_are_those_of_the_plain_one(name):
    x = torch.randn(2, 3, dtype=torch.float64)
    others = {"weight": torch.rand(3).double(), "target": torch.rand(2, 3).double()}

    def result(f):
        return results(lambda x, other: f(x, **(others | {name: other})), x, others[name])

    torch.testing.assert_close(result(chunked_cross_entropy), result(cross_entropy))
    a = torch.randn(3, 3, dtype=torch.float64)
    linear = results(
        lambda x, other: linear_cross_entropy(x, a, **(others | {name: other})), x, others[name]
    )
    plain = results(
        lambda x, other: cross_entropy(x @ a.t(), **(others | {name: other})), x, others[name]
    )
    torch.testing.assert_close(linear, plain)


def overwritten(dtype=torch.float32):
    leaf = torch.tensor([[2.0, 0.0, 1.0], [0.0, 0.0, 3.0]], dtype=dtype, requires_grad=True)
    logits = leaf.clone()
    return leaf, logits, chunked_cross_entropy(logits, T, inplace=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_gradient_takes_the_place_of_the_logits(dtype):
    leaf, logits, loss = overwritten(dtype)
    (gradient,) = torch.autograd.grad(loss, leaf)
    assert gradient.data_ptr() == logits.data_ptr()
    torch.testing.assert_close(
        logits.detach(), (F.softmax(leaf, 1) - F.one_hot(T, 3)).to(dtype) / 2
    )


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_overwritten_16_bit_logits_take_any_cotangent(dtype):
    leaf, _, loss = overwritten(dtype)
    (gradient,) = torch.autograd.grad(loss, leaf, torch.tensor(3.0, dtype=dtype))
    expected = 1.5 * (F.softmax(leaf.float(), 1) - F.one_hot(T, 3))
    torch.testing.assert_close(gradient, expected.to(dtype))


def test_nothing_is_overwritten_where_no_gradient_is_needed():
    x = torch.randn(2, 3)
    before = x.clone()
    chunked_cross_entropy(x, T, inplace=True)
    with torch.no_grad():
        chunked_cross_entropy(x.requires_grad_(), T, inplace=True)
    assert torch.equal(x, before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_overwritten_logits_give_their_gradient_once(dtype):
    why = "inplace: the logits were overwritten by their gradient, and "
    leaf, logits, loss = overwritten(dtype)
    for y in (loss + logits.sum(), logits.sum()):
        with refused(RuntimeError, why + "were used again after that"):
            y.backward(retain_graph=True)
    with refused(RuntimeError, why + "can't be differentiated twice"):
        torch.autograd.grad(loss, leaf, create_graph=True)
    torch.autograd.grad(loss, leaf, retain_graph=True)
    with refused(RuntimeError, why + "gave their gradient already"):
        torch.autograd.grad(loss, leaf)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("keep", ["exp", "sigmoid", "tanh", "relu", "softmax"])
def test_logits_that_their_maker_has_saved_are_noticed(keep, dtype):
    leaf = torch.randn(2, 3, dtype=dtype, requires_grad=True)
    logits = torch.softmax(leaf, 1) if keep == "softmax" else getattr(leaf, keep)()
    loss = chunked_cross_entropy(logits, T, inplace=True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_logits_that_another_loss_has_saved_are_noticed():
    leaf = torch.randn(2, 3, requires_grad=True)
    logits = leaf.clone()
    other = (logits * torch.ones(2, 3, requires_grad=True)).sum()
    loss = chunked_cross_entropy(logits, T, inplace=True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        (loss + other).backward()


def test_overwritten_logits_that_were_changed_are_noticed():
    leaf, logits, loss = overwritten()
    with torch.no_grad():
        logits.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        torch.autograd.grad(loss, leaf)


def test_forward_mode_is_refused():
    with forward_ad.dual_level():
        x = forward_ad.make_dual(torch.zeros(2, 3), torch.ones(2, 3))
        with pytest.raises(NotImplementedError, match="must implement the jvp function"):
            chunked_cross_entropy(x, T)


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_linear_gradcheck_and_use_again(reduction):
    h, a, b, target = (
        x.requires_grad_(x.is_floating_point()) for x in hidden_and_matrix(torch.float64, ())
    )

    def loss(h, a, b):
        return linear_cross_entropy(h, a, target, linear_bias=b, reduction=reduction, chunk_size=4)

    assert gradcheck(loss, (h, a, b))
    assert gradgradcheck(loss, (h, a, b))
    y = loss(h, a, b)
    again = [
        torch.autograd.grad(y, (h, a, b), s * torch.ones_like(y), retain_graph=True)
        for s in (3, 3, 6)
    ]
    torch.testing.assert_close(again[0], again[1])
    torch.testing.assert_close([2 * g for g in again[0]], list(again[2]))


@pytest.mark.parametrize(("reduction", "passes"), [("mean", 1), ("sum", 1), ("none", 2)])
def test_linear_computes_the_logits_once_if_it_can(reduction, passes, monkeypatch):
    *hab, target = hidden_and_matrix(torch.float32, ())
    calls, loop = [], _autograd.linear_loss
    monkeypatch.setattr(_autograd, "linear_loss", lambda *a: calls.append(a) or loop(*a))
    results(
        lambda h, a, b: linear_cross_entropy(h, a, target, linear_bias=b, reduction=reduction), *hab
    )
    assert len(calls) == passes


@pytest.mark.parametrize("rest", [(), (2,)])
def test_linear_second_derivatives_agree_with_two_steps(rest):
    *hab, target = hidden_and_matrix(torch.float64, rest)

    def second(function):
        leaves = [x.clone().requires_grad_() for x in hab]
        first = torch.autograd.grad(function(*leaves), leaves, create_graph=True)
        v = [torch.linspace(0.5, 2.0, g.numel(), dtype=g.dtype).reshape(g.shape) for g in first]
        return torch.autograd.grad(first, leaves, v)

    ours = second(lambda h, a, b: linear_cross_entropy(h, a, target, linear_bias=b))
    torch.testing.assert_close(ours, second(lambda *hab: two_steps(*hab, target)))


@pytest.mark.parametrize("asked", range(3))
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_linear_computes_the_gradients_that_are_asked_for(asked, reduction):
    *hab, target = hidden_and_matrix(torch.float64, ())

    def loss(function, x):
        three = [*hab[:asked], x, *hab[asked + 1 :]]
        return function(*three, target, reduction=reduction)

    def ours(h, a, b, target, **options):
        return linear_cross_entropy(h, a, target, linear_bias=b, **options)

    for found, true in zip(
        *(results(lambda x, f=f: loss(f, x), hab[asked]) for f in (ours, two_steps)), strict=True
    ):
        torch.testing.assert_close(found, true)
    assert gradgradcheck(lambda x: loss(ours, x), hab[asked].clone().requires_grad_())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_autocast_rounds_no_gradient_and_no_loss(dtype):
    h, a, b, target = hidden_and_matrix(dtype, ())
    for reduction in ("mean", "none"):

        def loss(h, a, b, reduction=reduction):
            return linear_cross_entropy(h, a, target, linear_bias=b, reduction=reduction)

        expected = results(loss, h, a, b)
        with torch.autocast("cpu"):
            y, *gradients = results(loss, h, a, b)
        assert y.dtype == torch.float32
        torch.testing.assert_close(y.to(dtype), expected[0], rtol=0, atol=0)
        if reduction == "mean":
            torch.testing.assert_close(gradients, list(expected[1:]), rtol=0, atol=0)
        else:  # a cotangent of 32 bits is not rounded
            torch.testing.assert_close(gradients, list(expected[1:]))


def linear_of_five(x, target, **options):
    return linear_cross_entropy(x, torch.eye(5, dtype=x.dtype), target, **options)


@pytest.mark.parametrize("function", [chunked_cross_entropy, linear_of_five])
@pytest.mark.parametrize("create_graph", [False, True])
def test_cotangent_of_32_bits_is_not_rounded(function, create_graph):
    x, target = torch.arange(30.0).sin().reshape(6, 5).bfloat16(), torch.tensor([0, 1, 2, 3, 4, 0])
    v = 1 + 2**-8.5  # 1 in bfloat16
    leaf = x.clone().requires_grad_()
    with torch.autocast("cpu"):
        loss = function(leaf, target, reduction="sum")
    (found,) = torch.autograd.grad(loss, leaf, torch.tensor(v), create_graph=create_graph)
    expected = v * (F.softmax(x.double(), 1) - F.one_hot(target, 5))
    torch.testing.assert_close(found.double(), expected, rtol=1.01 * 2**-8, atol=0)


@pytest.mark.parametrize("autocast", [False, True])
def test_linear_fallback_has_the_dtype_of_the_loss_by_chunks(autocast):
    h, a, _, target = hidden_and_matrix(torch.bfloat16, ())
    with torch.autocast("cpu", enabled=autocast):
        found, fallback = (
            linear_cross_entropy(
                h, a, target, weight=torch.ones(5, dtype=h.dtype, requires_grad=needed)
            )
            for needed in (False, True)
        )
    assert found.dtype == (torch.float32 if autocast else torch.bfloat16)
    torch.testing.assert_close(fallback.detach(), found, rtol=2**-7, atol=0)


def test_linear_function_transforms_agree():
    hidden, a, b, targets = hidden_and_matrix(torch.float64, ())
    for h, target in ((hidden, targets), (hidden[0], targets[0])):
        grad = torch.func.grad(lambda a: linear_cross_entropy(h, a, target, linear_bias=b))  # noqa: B023
        plain = torch.func.grad(lambda a: two_steps(h, a, b, target))  # noqa: B023
        torch.testing.assert_close(grad(a), plain(a))


@pytest.mark.parametrize(
    "dtypes", [(torch.float32, torch.bfloat16), (torch.bfloat16, torch.float32)], ids=str
)
def test_autocast_mixes_dtypes_in_second_derivatives(dtypes):
    h, a, _, target = hidden_and_matrix(torch.bfloat16, ())
    found = []
    for of_h, of_a in (dtypes, (torch.float32, torch.float32)):
        leaves = [x.to(d).requires_grad_() for x, d in ((h, of_h), (a, of_a))]
        with torch.autocast("cpu", enabled=of_h != of_a):
            loss = linear_cross_entropy(*leaves, target)
            first = torch.autograd.grad(loss, leaves, create_graph=True)
        second = torch.autograd.grad(sum(g.float().square().sum() for g in first), leaves)
        found.append([x.detach().float() for x in (loss, *first, *second)])
    torch.testing.assert_close(*found, rtol=2e-2, atol=1e-2)


def test_linear_compiled_in_one_graph_agrees():
    h, a, _, target = hidden_and_matrix(torch.float32, ())
    compiled = torch.compile(linear_cross_entropy, fullgraph=True, backend="aot_eager")
    for f in (compiled, linear_cross_entropy):
        torch.testing.assert_close(f(h, a, target), cross_entropy(h @ a.t(), target))
    assert compiled(*[x.to("meta") for x in (h, a, target)]).is_meta
