"""The chunked losses, against cross_entropy."""

import itertools
import math

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch.autograd import gradcheck, gradgradcheck

import autograd_notes.chunked
from autograd_notes import chunked_cross_entropy, cross_entropy, linear_cross_entropy

FEW = autograd_notes.chunked._FEW_LOGITS  # noqa: SLF001  # the fixture by_chunks sets it to 0
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
    """Return the value and the gradients, for a cotangent of distinct elements."""
    leaves = [x.clone().requires_grad_() for x in inputs]
    y = function(*leaves)
    v = torch.linspace(0.5, 2.0, y.numel()).reshape(y.shape).to(y.dtype) if v is None else v
    return y.detach(), *torch.autograd.grad(y, leaves, v)


@pytest.mark.parametrize(
    ("samples", "options", "chunked"),
    [
        (128, {}, False),
        (129, {}, True),
        (128, {"chunk_size": 128}, True),
        (128, {"inplace": True}, True),
    ],
)
def test_few_logits_are_left_to_the_plain_one(samples, options, chunked, monkeypatch):
    monkeypatch.setattr(autograd_notes.chunked, "_FEW_LOGITS", FEW)
    x, target = torch.randn(samples, 128, requires_grad=True) * 1, torch.arange(samples) % 128
    name = type(chunked_cross_entropy(x, target, **options).grad_fn).__name__
    assert ("Chunked" in name) == chunked


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


def test_gradient_of_what_is_ignored_is_zero():
    x = torch.randn(3, 4, requires_grad=True)
    target = torch.full((3,), -100)
    for smoothing in (0.0, 0.5):
        loss = chunked_cross_entropy(x, target, label_smoothing=smoothing)
        assert loss.isnan()
        assert not torch.autograd.grad(loss, x)[0].any()


T = torch.tensor([0, 1])


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


def test_linear_loss_of_a_batch_of_one_keeps_its_dimension():
    h, a, b, target = hidden_and_matrix(torch.float64, ())
    found = linear_cross_entropy(h[:1], a, target[:1], linear_bias=b, reduction="none")
    expected = two_steps(h[:1], a, b, target[:1], reduction="none")
    torch.testing.assert_close(found, expected)


def test_empty_batch_is_nan():
    a = torch.ones(3, 2)
    assert linear_cross_entropy(torch.ones(0, 2), a, T[:0]).isnan()
    assert linear_cross_entropy(torch.ones(2, 0), a[:, :0], T) == torch.tensor(3.0).log()
