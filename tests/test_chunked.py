"""The losses of large logits: against the plain one, in place, by chunks, and in little memory."""

import itertools
import math

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from conftest import refused
from torch.autograd import forward_ad, gradcheck, gradgradcheck
from torch.utils._python_dispatch import TorchDispatchMode

from autograd_notes import chunked, chunked_cross_entropy, cross_entropy, linear_cross_entropy

DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]
OPTIONS = [
    {},
    {"reduction": "sum", "weight": torch.tensor([0.5, 2.0, 0.0, 1.0, 3.0])},
    {"reduction": "none", "weight": torch.tensor([0.5, 2.0, 0.0, 1.0, 3.0])},
    {"ignore_index": 2},
    {"label_smoothing": 0.25, "ignore_index": 2},
    {
        "label_smoothing": 0.25,
        "weight": torch.tensor([0.5, 2.0, 0.0, 1.0, 3.0]),
        "reduction": "none",
    },
]
SIZES = [None, 1, 3, 4, 100]

dtypes = pytest.mark.parametrize("dtype", DTYPES, ids=str)
options = pytest.mark.parametrize("options", OPTIONS, ids=str)
sizes = pytest.mark.parametrize("size", SIZES)


def converted(options, dtype):
    return {k: v.to(dtype) if k == "weight" else v for k, v in options.items()}


def samples(dtype, *, soft=False):
    """Yield logits and targets of each kind of shape."""
    generator = torch.Generator().manual_seed(0)
    for shape in [(5,), (7, 5), (2, 5, 3), (2, 5, 2, 3)]:
        x = torch.randn(shape, generator=generator).mul(3).to(dtype)
        dim = min(len(shape) - 1, 1)
        rest = (*shape[:dim], *shape[dim + 1 :])
        classes = torch.arange(math.prod(rest)).mul(3).add(1).remainder(5).reshape(rest)
        yield x, torch.rand(shape, generator=generator).to(dtype) if soft else classes


def results(function, *inputs, v=None):
    """Return the value and the gradients, for a cotangent whose elements all differ."""
    leaves = [x.clone().requires_grad_() for x in inputs]
    y = function(*leaves)
    v = torch.linspace(0.5, 2.0, y.numel()).reshape(y.shape).to(y.dtype) if v is None else v
    return y.detach(), *torch.autograd.grad(y, leaves, v)


@options
@dtypes
@pytest.mark.parametrize("inplace", [False, True])
def test_agrees_with_the_plain_one(options, dtype, inplace):
    options = converted(options, dtype)
    for size, (x, target) in itertools.product(SIZES, samples(dtype)):
        ours = results(
            lambda x, t=target, size=size: chunked_cross_entropy(
                x.clone(), t, chunk_size=size, inplace=inplace, **options
            ),
            x,
        )
        torch.testing.assert_close(
            ours, results(lambda x, t=target: cross_entropy(x, t, **options), x)
        )


@pytest.mark.parametrize(
    "options", [{}, OPTIONS[1], OPTIONS[2], {"label_smoothing": 0.25}], ids=str
)
@dtypes
@pytest.mark.parametrize("of", DTYPES, ids=str)
def test_agrees_with_the_plain_one_for_probabilities(options, dtype, of):
    options = converted(options, dtype)
    for x, q in ((x, target.to(of)) for x, target in samples(dtype, soft=True)):
        ours, plain = (
            results(lambda x, t=q, f=f, more=more: f(x, t, **options, **more), x)
            for f, more in ((chunked_cross_entropy, {"chunk_size": 2}), (cross_entropy, {}))
        )
        torch.testing.assert_close(ours, plain)


@options
def test_gradcheck(options):
    options = converted(options, torch.float64)
    *_, (x, target), _ = samples(torch.float64)

    def loss(x):
        return chunked_cross_entropy(x, target, chunk_size=4, **options)

    assert gradcheck(loss, x.requires_grad_())
    assert gradgradcheck(loss, x)


def test_gradient_is_accurate_beside_a_leading_logit():
    x = torch.tensor([[20.0, 0.0, 0.0]], requires_grad=True)
    loss = chunked_cross_entropy(x, torch.tensor([0]))
    loss.backward()
    torch.testing.assert_close(loss.item(), math.log1p(2 * math.exp(-20)), rtol=1e-6, atol=0)
    torch.testing.assert_close(x.grad[0, 0].item(), -2 / (2 + math.exp(20)), rtol=1e-6, atol=0)


def from_clone(x, target, **options):
    return chunked_cross_entropy(x.clone(), target, inplace=True, **options)


def from_unit_vectors(x, target, **options):
    return linear_cross_entropy(x, torch.eye(3, dtype=x.dtype), target, **options)


@pytest.mark.parametrize("lead", [70.0, 80.0, 90.0, 110.0, 1000.0])
@pytest.mark.parametrize("function", [chunked_cross_entropy, from_clone, from_unit_vectors])
def test_unlikely_class_costs_what_it_should(function, lead):
    x, target = torch.tensor([[0.0, -lead, 0.0], [0.0, 1.0, 2.0]]), torch.tensor([1, 2])
    ours, plain = (
        results(lambda x, f=f: f(x, target, reduction="sum"), x) for f in (function, cross_entropy)
    )
    torch.testing.assert_close(ours, plain, rtol=3e-7, atol=1e-7)
    with torch.no_grad():
        torch.testing.assert_close(function(x, target), cross_entropy(x, target), rtol=3e-7, atol=0)


def test_impossible_class_costs_infinity():
    x, target = torch.tensor([[0.0, -math.inf, 0.0]]), torch.tensor([1])
    for function in (chunked_cross_entropy, from_clone):
        y, g = results(lambda x, f=function: f(x, target), x, v=torch.tensor(1.0))
        assert y == math.inf
        assert g.tolist() == [[0.5, -1.0, 0.5]]


def test_impossible_class_of_no_probability_costs_nothing():
    x, q = torch.tensor([[0.0, -math.inf]]), torch.tensor([[1.0, 0.0]])
    assert chunked_cross_entropy(x, q) == 0


def test_gradient_of_what_is_ignored_is_zero():
    x = torch.randn(3, 4, requires_grad=True)
    target = torch.full((3,), -100)
    for smoothing in (0.0, 0.5):
        loss = chunked_cross_entropy(x, target, label_smoothing=smoothing)
        assert loss.isnan()
        assert not torch.autograd.grad(loss, x)[0].any()


@dtypes
def test_scaled_loss_keeps_small_gradients(dtype):
    x, target = torch.zeros(4096, 64, dtype=dtype), torch.zeros(4096, dtype=torch.int64)
    for inplace in (False, True):
        _, g = results(
            lambda x, i=inplace: chunked_cross_entropy(x.clone(), target, inplace=i),
            x,
            v=torch.tensor(32768.0, dtype=dtype),
        )
        expected = torch.full((4096, 63), 32768 / 4096 / 64, dtype=dtype)
        torch.testing.assert_close(g[:, 1:], expected)


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


T = torch.tensor([0, 1])


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


def test_nothing_is_overwritten_where_no_gradient_is_needed():
    x = torch.randn(2, 3)
    before = x.clone()
    chunked_cross_entropy(x, T, inplace=True)
    with torch.no_grad():
        chunked_cross_entropy(x.requires_grad_(), T, inplace=True)
    assert torch.equal(x, before)


def a_leaf(leaf):
    return leaf


def a_view(leaf):
    return leaf.clone()[:, :3]


def an_expanded(leaf):
    return leaf[:1].expand(2, 3)


def a_retained(leaf):
    logits = leaf.clone()
    logits.retain_grad()
    return logits


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (a_leaf, "a leaf that requires grad"),
        (a_view, "a view of another tensor"),
        (an_expanded, "a view of another tensor"),
        (a_retained, "one that retains its gradient"),
    ],
)
def test_inplace_refuses_logits_that_are_needed(make, found):
    logits = make(torch.zeros(2, 3, requires_grad=True))
    message = (
        f"inplace: expected logits that only this loss needs, got {found}; "
        "input.clone() may be overwritten"
    )
    with refused(ValueError, message):
        chunked_cross_entropy(logits, T, inplace=True)
    assert not logits.any()


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


class Allocations(TorchDispatchMode):
    """Collect the sizes of all tensors that are made, but not those that share memory."""

    def __init__(self):
        super().__init__()
        self.known, self.sizes = {}, []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        found = function(*args, **(kwargs or {}))
        for x in found if isinstance(found, (tuple, list)) else [found]:
            if isinstance(x, torch.Tensor) and x.untyped_storage().data_ptr() not in self.known:
                # To hold the memory is to see it once only.
                self.known[x.untyped_storage().data_ptr()] = x
                self.sizes.append(x.untyped_storage().nbytes() // x.element_size())
        return found


def allocated(function, *tensors, leaves=()):
    with Allocations() as seen:
        seen.known |= {x.untyped_storage().data_ptr(): x for x in tensors}
        y = function(*tensors)
        if leaves:
            torch.autograd.grad(y, leaves, torch.full_like(y, 2.0))
    return seen.sizes


@pytest.mark.parametrize("options", [OPTIONS[0], OPTIONS[-1]], ids=str)
@pytest.mark.parametrize("shape", [(16, 5), (2, 5, 2, 4), (1, 5, 16)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("inplace", [False, True])
def test_memory_is_that_of_the_gradient(options, shape, dtype, inplace):
    options = converted(options, dtype)
    leaf, target = torch.randn(shape).to(dtype).requires_grad_(), torch.randint(5, (16,))
    target = target.reshape(shape[0], *shape[2:])

    def loss(x):
        return chunked_cross_entropy(x, target, chunk_size=2, inplace=inplace, **options)

    sizes = allocated(loss, leaf.clone(), leaves=[leaf])
    large = [size for size in sizes if size > target.numel()]
    assert large == ([] if inplace else [leaf.numel()])
    with torch.no_grad():
        assert max(allocated(loss, leaf)) == target.numel()


def test_chunk_has_at_most_so_many_logits(monkeypatch):
    monkeypatch.setattr(chunked, "_LOGITS", 30)
    x, target = torch.randn(40, 7), torch.zeros(40, dtype=torch.int64)
    sizes = allocated(lambda x: chunked_cross_entropy(x, target), x)
    assert 28 in sizes
    assert max(sizes) == 40
    monkeypatch.setattr(chunked, "_LINEAR_LOGITS", 30)
    a, h = torch.randn(7, 2), torch.randn(40, 2)
    sizes = allocated(lambda h: linear_cross_entropy(h, a, target), h)
    assert 28 in sizes
    assert max(sizes) == 40
    wide = torch.randn(2, 50)
    torch.testing.assert_close(chunked_cross_entropy(wide, T), cross_entropy(wide, T))


def hidden_and_matrix(dtype, rest):
    generator = torch.Generator().manual_seed(0)
    h = torch.randn(6, 4, generator=generator).to(dtype)
    a = torch.randn(5, *rest, 4, generator=generator).to(dtype)
    b = torch.randn(5, *rest, generator=generator).to(dtype)
    target = torch.arange(6 * math.prod(rest)).mul(3).add(1).remainder(5).reshape(6, *rest)
    return h, a, b, target


def two_steps(h, a, b, target, **options):
    logits = F.linear(h, a.flatten(0, -2), b.flatten()).reshape(*h.shape[:-1], *a.shape[:-1])
    return cross_entropy(logits, target, **options)


@options
@sizes
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("rest", [(), (2,), (2, 3)])
def test_linear_agrees_with_two_steps(options, size, dtype, rest):
    h, a, b, target = hidden_and_matrix(dtype, rest)
    options = converted(options, dtype)
    ours = results(
        lambda h, a, b: linear_cross_entropy(
            h, a, target, linear_bias=b, chunk_size=size, **options
        ),
        h,
        a,
        b,
    )
    torch.testing.assert_close(
        ours, results(lambda *hab: two_steps(*hab, target, **options), h, a, b)
    )


@options
@pytest.mark.parametrize("soft", [False, True])
def test_linear_agrees_with_two_steps_without_a_batch(options, soft):
    h, a, b, target = hidden_and_matrix(torch.float64, ())
    options = converted(options, torch.float64)
    target = torch.rand(5).double() if soft else target[0]
    if soft:
        options.pop("ignore_index", None)
    ours = results(
        lambda h, a, b: linear_cross_entropy(h, a, target, linear_bias=b, **options), h[0], a, b
    )
    plain = results(lambda *hab: two_steps(*hab, target, **options), h[0], a, b)
    torch.testing.assert_close(ours, plain)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_linear_sums_16_bits_in_32(dtype, reduction):
    h, a, b, target = hidden_and_matrix(dtype, ())
    v = torch.ones(()) if reduction != "none" else torch.linspace(0.5, 2.0, 6).to(dtype)
    ours = results(
        lambda h, a, b: linear_cross_entropy(
            h, a, target, linear_bias=b, reduction=reduction, chunk_size=1
        ),
        h,
        a,
        b,
        v=v.to(dtype),
    )
    true = results(
        lambda *hab: two_steps(*hab, target, reduction=reduction),
        h.double(),
        a.double(),
        b.double(),
        v=v.double(),
    )
    half_an_ulp = torch.finfo(dtype).eps / 2
    for x, t in zip(ours, true, strict=True):
        assert x.dtype == dtype
        torch.testing.assert_close(x.double(), t, rtol=1.01 * half_an_ulp, atol=1e-6)


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
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_logits_never_exist(dtype, reduction):
    h, a, b = torch.randn(64, 3), torch.randn(50, 3), torch.randn(50)
    h, a, b = (x.to(dtype).requires_grad_() for x in (h, a, b))
    target = torch.randint(50, (64,))
    sizes = allocated(
        lambda h, a, b: linear_cross_entropy(
            h, a, target, linear_bias=b, reduction=reduction, chunk_size=2
        ),
        h,
        a,
        b,
        leaves=[h, a, b],
    )
    assert 100 in sizes
    assert max(sizes) == h.numel()


def test_linear_without_a_gradient_makes_none():
    h, a = torch.randn(64, 3), torch.randn(50, 3)
    target = torch.randint(50, (64,))
    sizes = allocated(lambda h, a: linear_cross_entropy(h, a, target, chunk_size=2), h, a)
    with torch.no_grad():
        h.requires_grad_()
        same = allocated(lambda h, a: linear_cross_entropy(h, a, target, chunk_size=2), h, a)
    assert max(sizes) == max(same) == 100
    assert h.numel() not in [*sizes, *same]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_autocast_has_no_effect(dtype):
    h, a, b, target = hidden_and_matrix(dtype, ())
    for reduction in ("mean", "none"):

        def loss(h, a, b, reduction=reduction):
            return linear_cross_entropy(h, a, target, linear_bias=b, reduction=reduction)

        expected = results(loss, h, a, b)
        with torch.autocast("cpu"):
            torch.testing.assert_close(results(loss, h, a, b), expected, rtol=0, atol=0)


@dtypes
def test_linear_shapes_and_dtypes_without_values(dtype):
    for reduction, shape in (("none", (6,)), ("mean", ())):
        h, a, b, target = (x.to("meta") for x in hidden_and_matrix(dtype, ()))
        y, *g = results(
            lambda h, a, b, t=target, r=reduction: linear_cross_entropy(
                h, a, t, linear_bias=b, reduction=r, chunk_size=4
            ),
            h,
            a,
            b,
            v=torch.ones(shape, dtype=dtype, device="meta"),
        )
        assert (y.device.type, y.dtype, y.shape) == ("meta", dtype, shape)
        assert [(x.dtype, x.shape) for x in g] == [(dtype, x.shape) for x in (h, a, b)]


def test_linear_function_transforms_agree():
    h, a, b, target = hidden_and_matrix(torch.float64, ())
    ours = torch.func.grad(lambda a: linear_cross_entropy(h, a, target, linear_bias=b))(a)
    plain = torch.func.grad(lambda a: two_steps(h, a, b, target))(a)
    torch.testing.assert_close(ours, plain)


def test_linear_compiled_in_one_graph_agrees():
    h, a, _, target = hidden_and_matrix(torch.float32, ())
    compiled = torch.compile(linear_cross_entropy, fullgraph=True, backend="aot_eager")
    for f in (compiled, linear_cross_entropy):
        torch.testing.assert_close(f(h, a, target), cross_entropy(h @ a.t(), target))
    assert compiled(*[x.to("meta") for x in (h, a, target)]).is_meta


def test_empty_batch_is_nan():
    a = torch.ones(3, 2)
    assert linear_cross_entropy(torch.ones(0, 2), a, T[:0]).isnan()
    assert linear_cross_entropy(torch.ones(2, 0), a[:, :0], T) == torch.tensor(3.0).log()


H, A = torch.zeros(2, 4), torch.zeros(3, 4)


@pytest.mark.parametrize(
    ("size", "error", "message"),
    [
        (0, ValueError, "chunk_size: expected 1 or more, got 0"),
        (-1, ValueError, "chunk_size: expected 1 or more, got -1"),
        (1.0, TypeError, "chunk_size: expected an integer, got float"),
        (True, TypeError, "chunk_size: expected an integer, got bool"),
    ],
)
def test_chunk_size_is_refused(size, error, message):
    with refused(error, message):
        chunked_cross_entropy(torch.zeros(2, 3), T, chunk_size=size)
    with refused(error, message):
        linear_cross_entropy(H, A, T, chunk_size=size)


@pytest.mark.parametrize(
    ("args", "options", "error", "message"),
    [
        (([0.0], A, T), {}, TypeError, "input: expected a tensor, got list"),
        (
            (H.int(), A, T),
            {},
            TypeError,
            "input: expected a floating-point dtype, got torch.int32",
        ),
        ((H[0, 0], A, T), {}, ValueError, "input: expected shape (H) or (N, H), got ()"),
        ((H[None], A, T), {}, ValueError, "input: expected shape (H) or (N, H), got (1, 2, 4)"),
        ((H, [0.0], T), {}, TypeError, "linear_weight: expected a tensor, got list"),
        (
            (H, A.double(), T),
            {},
            TypeError,
            "linear_weight: expected the dtype of input, torch.float32, got torch.float64",
        ),
        (
            (H, A.to("meta"), T),
            {},
            ValueError,
            "linear_weight: expected the device of input, cpu, got meta",
        ),
        (
            (H, A[:, :3], T),
            {},
            ValueError,
            "linear_weight: expected shape (C, 4) or (C, d1, ..., 4) for input of shape (2, 4), got (3, 3)",
        ),
        (
            (H, A[0], T),
            {},
            ValueError,
            "linear_weight: expected shape (C, 4) or (C, d1, ..., 4) for input of shape (2, 4), got (4,)",
        ),
        (
            (H[0], A[:, None], T),
            {},
            ValueError,
            "linear_weight: expected shape (C, 4) for input of shape (4,), got (3, 1, 4)",
        ),
        (
            (H, A, T),
            {"linear_bias": torch.zeros(2)},
            ValueError,
            "linear_bias: expected shape (3,) for linear_weight of shape (3, 4), got (2,)",
        ),
        ((H, A, T), {"linear_bias": 0.0}, TypeError, "linear_bias: expected a tensor, got float"),
        (
            (H, A, T),
            {"linear_bias": torch.zeros(3).half()},
            TypeError,
            "linear_bias: expected the dtype of input, torch.float32, got torch.float16",
        ),
        (
            (H, A, T[:1]),
            {},
            ValueError,
            "target: expected shape (2,) for logits of shape (2, 3), got (1,)",
        ),
        ((H, A, T + 2), {}, IndexError, "target: expected classes from 0 to 2, got 3"),
        (
            (H, A, H),
            {},
            ValueError,
            "target: expected class probabilities of the shape of logits, (2, 3), got (2, 4); classes must be integers: target.long()",
        ),
        (
            (H, A, T),
            {"weight": torch.ones(4)},
            ValueError,
            "weight: expected shape (3,) for logits of shape (2, 3), got (4,)",
        ),
        (
            (
                H,
                A[:, None].expand(3, 3, 4),
                T[:, None].expand(2, 1).repeat(1, 3)[:, :3].reshape(3, 2),
            ),
            {},
            ValueError,
            "target: expected shape (2, 3) for logits of shape (2, 3, 3), got (3, 2); target.reshape((2, 3)) has it",
        ),
        (
            (H, A[:, None].expand(3, 2, 4), torch.zeros(2, 3).long()),
            {},
            ValueError,
            "target: expected shape (2, 2) for logits of shape (2, 3, 2), got (2, 3); the classes are dim 1: logits.movedim(-1, 1)",
        ),
        (
            (H, A, T),
            {"reduction": "average"},
            ValueError,
            "reduction: expected 'mean', 'sum' or 'none', got 'average'",
        ),
        (
            (H, A, T),
            {"label_smoothing": 2},
            ValueError,
            "label_smoothing: expected 0 to 1, got 2",
        ),
    ],
)
def test_linear_refuses(args, options, error, message):
    with refused(error, message):
        linear_cross_entropy(*args, **options)
