"""One chunk: its memory, its accuracy, and unlikely classes."""

import math

import pytest
import torch
from test_chunked import OPTIONS, T, converted, dtypes, results
from torch.utils._python_dispatch import TorchDispatchMode

from autograd_notes import chunked, chunked_cross_entropy, cross_entropy, linear_cross_entropy
from autograd_notes.chunked import _autograd


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


class Allocations(TorchDispatchMode):
    """Collect the sizes of all new storages; views share theirs."""

    def __init__(self):
        super().__init__()
        self.known, self.sizes = {}, []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        found = function(*args, **(kwargs or {}))
        for x in found if isinstance(found, (tuple, list)) else [found]:
            if isinstance(x, torch.Tensor) and x.untyped_storage().data_ptr() not in self.known:
                # Holding the tensor keeps its address from being reused.
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
    for loss, tensors in (
        (lambda x: chunked_cross_entropy(x, T), [wide]),
        (lambda h, a: linear_cross_entropy(h, a, T), [torch.randn(2, 3), torch.randn(50, 3)]),
    ):
        sizes = allocated(loss, *tensors)
        assert 50 in sizes
        assert 100 not in sizes
    sizes = allocated(lambda h: linear_cross_entropy(h, a[:1], 0 * target), h)
    assert 30 in sizes  # of one class


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
@pytest.mark.parametrize(
    ("target", "smoothing", "count"),
    [(torch.zeros(8).long(), 0.0, 1), (torch.zeros(8).long(), 0.5, 1), (torch.eye(8, 5), 0.0, 5)],
)
def test_chunks_share_one_buffer(dtype, target, smoothing, count):
    """With probabilities, each of the 4 chunks has a tensor of products besides."""
    x, h, a = (torch.randn(size).to(dtype) for size in ((8, 5), (8, 3), (5, 3)))
    options = {"label_smoothing": smoothing, "chunk_size": 2}
    sizes = allocated(lambda x: chunked_cross_entropy(x, target, **options), x)
    assert sizes.count(10) == count
    sizes = allocated(lambda h, a: linear_cross_entropy(h, a, target, **options), h, a)
    assert sizes.count(10) == count


@pytest.fixture
def passes(monkeypatch):
    """Collect the arguments of each pass over the chunks."""
    calls, loop = [], _autograd.losses_by_chunks
    monkeypatch.setattr(_autograd, "losses_by_chunks", lambda *a: calls.append(a) or loop(*a))
    return calls


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, (1, 1)),
        ({"reduction": "none"}, (2, 2)),
        ({"inplace": True}, (2, 2)),
        ({"label_smoothing": 0.5}, (1, 2)),
        ({"target": torch.eye(6, 5)}, (1, 2)),
    ],
    ids=str,
)
def test_16_bit_gradient_waits_for_a_cotangent_it_may_not_take_later(options, expected, passes):
    options = {"target": torch.zeros(6).long(), **options}
    for dtype, count in zip((torch.bfloat16, torch.float16), expected, strict=True):
        passes.clear()
        x = torch.randn(6, 5).to(dtype)
        results(lambda x: chunked_cross_entropy(x.clone(), **options).sum(), x)
        assert len(passes) == count


@pytest.mark.parametrize(
    ("weight", "reduction"),
    [([4.0] * 3, "sum"), ([2.0**-10] * 3, "mean"), ([2.0**10, 2.0**-8, 1.0], "mean")],
)
def test_float16_gradient_neither_overflows_nor_underflows(weight, reduction, passes):
    x = torch.tensor([[-14.0, 0.0, -7.0], [0.0, -14.0, -7.0]]).half()
    weight, target = torch.tensor(weight).half(), torch.tensor([0, 1])
    found, expected = (
        results(
            lambda x, f=f: f(x, target, weight=weight.to(x.dtype), reduction=reduction),
            x.to(dtype),
            v=torch.tensor(4096.0, dtype=dtype),
        )[1]
        for f, dtype in ((chunked_cross_entropy, torch.half), (cross_entropy, torch.double))
    )
    torch.testing.assert_close(found.double(), expected, rtol=2**-11, atol=2**-24)
    assert len(passes) == 1


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize(("v", "count"), [(1.0, 1), (0.25, 1), (3.0, 2)])
def test_16_bit_gradient_is_rounded_once(dtype, v, count, passes):
    x, target = torch.randn(6, 5).to(dtype), torch.tensor([0, 1, 2, 3, 4, -100])
    _, g = results(lambda x: chunked_cross_entropy(x, target), x, v=torch.tensor(v, dtype=dtype))
    true = results(lambda x: cross_entropy(x, target), x.double(), v=torch.tensor(v).double())[1]
    assert torch.equal(g, true.to(dtype))
    assert len(passes) == count
