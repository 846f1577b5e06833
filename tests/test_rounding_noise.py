"""The rounding noise: rounded results move by one ulp, exact ones stay, and autograd works."""

import doctest

import pytest
import rounding_noise
import torch
from rounding_noise import RoundingNoise
from torch.utils._python_dispatch import TorchDispatchMode

LOW = [torch.float16, torch.bfloat16, torch.float32]
each_dtype = pytest.mark.parametrize("dtype", [*LOW, torch.float64])


def thirds(dtype, size=60):
    return torch.arange(1, size + 1).to(dtype) / 3


def ulps(before, after):
    """Return the distance of two results of one sign, in numbers of the dtype."""
    bits = rounding_noise.BITS[before.dtype]
    return (after.view(bits).long() - before.view(bits).long()).flatten()


def foreach_in_place(x):
    copies = [x.clone()]
    torch._foreach_exp_(copies)
    return copies[0]


ROUNDED = {
    "division": lambda x: x / 7,
    "product": lambda x: x * x,
    "exp": torch.exp,
    "log": torch.log,
    "sqrt": torch.sqrt,
    "power": lambda x: x**0.5,
    "sine": lambda x: x.sin(),
    "softmax": lambda x: x.reshape(-1, 2).softmax(1),
    "log_softmax": lambda x: -x.reshape(-1, 2).log_softmax(1),
    "logsumexp": lambda x: x.reshape(-1, 2).logsumexp(1),
    "matrix product": lambda x: x.reshape(-1, 2) @ x[:4].reshape(2, 2),
    "mean": lambda x: x.reshape(-1, 2).mean(1),
    "in place": lambda x: x.clone().mul_(0.3),
    "in place, a view": lambda x: x.clone()[::2].exp_(),
    "out": lambda x: torch.exp(x, out=torch.empty_like(x)),
    "several outputs": lambda x: torch.var_mean(x.reshape(-1, 3), 1)[1],
    "lists": lambda x: torch._foreach_exp([x])[0],
    "lists in place": foreach_in_place,
    "linspace": lambda x: torch.linspace(0, 1, 71, dtype=x.dtype),
}


@each_dtype
@pytest.mark.parametrize("function", ROUNDED.values(), ids=ROUNDED)
def test_rounded_results_move_by_an_ulp(dtype, function):
    x = thirds(dtype) / 10
    before = function(x)
    with RoundingNoise(0) as noise:
        after = function(x)
    assert noise.moved
    assert set(ulps(before, after).tolist()) == {-1, 0, 1}


def test_results_of_integers_are_judged_by_their_own_dtype():
    with RoundingNoise(0):
        moved = torch.arange(1, 60) / 7
    assert set(ulps(torch.arange(1, 60) / 7, moved).tolist()) == {-1, 0, 1}


EXACT = {
    "sum of integers": lambda x: (3 * torch.ones_like(x)).cumsum(0),
    "matrix product": lambda x: torch.ones_like(x)[None] @ torch.ones_like(x)[:, None],
    "doubled": lambda x: 2 * x,
    "halved": lambda x: x / 2,
    "maximum": lambda x: x.max(0).values,
    "clamp": lambda x: x.clamp(0.1, 1.1),
    "where": lambda x: torch.where(x > 1, x, 0.1),
    "literal": lambda x: torch.full((3,), 0.1, dtype=x.dtype),
    "fill": lambda x: torch.zeros_like(x).masked_fill_(x > 1, 0.1),
    "index": lambda x: x[[0, 1]],
    "gather": lambda x: x.gather(0, torch.tensor([2, 1])),
    "sorted": lambda x: x.sort(descending=True).values,
    "concatenated": lambda x: torch.cat([x, x]),
    "copied": lambda x: torch.zeros_like(x).copy_(x),
    "converted": lambda x: x.to(torch.float16).double().float(),
    "relu, negated": lambda x: -x.relu(),
    "exp of 0": lambda x: (0 * x).exp(),
    "log of 1": lambda x: torch.ones_like(x).log(),
    "sqrt of 4": lambda x: (4 * torch.ones_like(x)).sqrt(),
    "log2 of 8": lambda x: (8 * torch.ones_like(x)).log2(),
    "softmax of 2 zeros": lambda x: torch.zeros(2, 2, dtype=x.dtype).softmax(1),
    "uniform": lambda x: torch.rand(9, dtype=x.dtype),
    "dropout": lambda x: torch.nn.functional.dropout(torch.ones_like(x)),
    "integers": lambda _: torch.arange(9) // 2,
    "nan_to_num": lambda x: (x / 0).nan_to_num(),
}


@each_dtype
@pytest.mark.parametrize("function", EXACT.values(), ids=EXACT)
def test_exact_results_stay(dtype, function):
    x = thirds(dtype)
    torch.manual_seed(0)
    before = function(x)
    for seed in range(3):
        torch.manual_seed(0)
        with RoundingNoise(seed) as noise:
            after = function(x)
        assert torch.equal(before, after)
        assert noise.moved == 0


@each_dtype
def test_zeros_infinities_and_nan_stay(dtype):
    info = torch.finfo(dtype)
    x = torch.tensor([-info.max, info.max, torch.inf, -torch.inf, torch.nan], dtype=dtype)
    tiny, largest = (torch.full((60,), n, dtype=dtype) for n in (info.smallest_normal, info.max))
    denormal = tiny * info.eps
    with RoundingNoise(0):
        torch.testing.assert_close(
            x.exp(),
            x.new_tensor([0, torch.inf, torch.inf, 0, torch.nan]),
            rtol=0,
            atol=0,
            equal_nan=True,
        )
        assert not (tiny * tiny).count_nonzero()
        assert (largest / 1.0001).isfinite().all()
        assert (denormal * 1.3).all()


@each_dtype
def test_seeds_reproduce_the_noise(dtype):
    x = thirds(dtype, 12)

    def under(seed):
        with RoundingNoise(seed):
            return x.exp().softmax(0).log()

    assert torch.equal(under(0), under(0))
    assert not torch.equal(under(0), under(1))


def test_the_random_numbers_are_those_without_noise():
    torch.manual_seed(0)
    before = torch.rand(5), torch.randn(100), torch.randint(9, (5,))
    torch.manual_seed(0)
    with RoundingNoise(0):
        after = torch.rand(5), torch.randn(100), torch.randint(9, (5,))
    assert torch.equal(before[0], after[0])
    assert torch.equal(before[2], after[2])
    assert set(ulps(before[1], after[1]).tolist()) == {-1, 0, 1}


def test_the_default_dtype_and_the_rounding_mode_are_restored():
    with RoundingNoise(0):
        torch.ones(3, dtype=torch.float64) / 3
        with pytest.raises(RuntimeError, match="must match"):
            torch.ones(2) + torch.ones(3)
    assert torch.get_default_dtype() == torch.float32
    third = torch.ones(1, dtype=torch.float64) / 3
    assert third.item() == 1 / 3
    assert 3 * third == 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_autograd_agrees_to_second_order(dtype):
    x = (thirds(dtype, 6) / 2).requires_grad_()

    def derivatives():
        y = x.exp().softmax(0)[0].log() * x.sum()
        (first,) = torch.autograd.grad(y, x, create_graph=True)
        (second,) = torch.autograd.grad(first.pow(2).sum(), x)
        return first.detach(), second

    before = derivatives()
    with RoundingNoise(0) as noise:
        after = derivatives()
    assert noise.moved
    torch.testing.assert_close(before, after, rtol=1e-4, atol=1e-4)
    assert not torch.equal(before[0], after[0])


def test_autograd_saves_the_moved_result():
    x = thirds(torch.float32).requires_grad_()
    with RoundingNoise(0):
        y = x.exp()
    assert y.requires_grad
    assert y.grad_fn.name() == "ExpBackward0"
    assert torch.equal(y.grad_fn._saved_result, y)
    y.backward(torch.ones_like(y))
    assert torch.equal(x.grad, y.detach())


def test_versions_and_views_are_those_without_noise():
    with RoundingNoise(0):
        y = torch.ones(4, requires_grad=True) / 3
        view = y[:2]
        assert (y._version, view._version) == (0, 0)
        view.mul_(0.3)
        assert (y._version, view._version) == (1, 1)
        assert view._base is y
        assert y.data_ptr() == view.data_ptr()
        z = y.exp()
        z.add_(1)
        with pytest.raises(RuntimeError, match="is at version 1; expected version 0"):
            z.sum().backward()


def test_inference_mode_and_accumulated_gradients():
    weight = torch.ones(60, requires_grad=True)
    with RoundingNoise(0) as noise:
        for _ in range(2):
            (weight / 3).sum().backward()
        with torch.inference_mode():
            x = thirds(torch.float32).clone()
            x.mul_(0.3)
    assert noise.moved
    torch.testing.assert_close(weight.grad, torch.full((60,), 2 / 3))


TRANSFORMS = {
    "grad": lambda f: torch.func.grad(lambda x: f(x).sum()),
    "vmap": torch.vmap,
    "vmap of grad": lambda f: torch.vmap(torch.func.grad(lambda x: f(x).sum())),
    "jacrev": torch.func.jacrev,
    "jacfwd": torch.func.jacfwd,
    "hessian": torch.func.hessian,
    "vjp": lambda f: lambda x: torch.func.vjp(f, x)[1](x)[0],
    "jvp": lambda f: lambda x: torch.func.jvp(f, (x,), (x,))[1],
    "functional_call": lambda f: lambda x: f(torch.func.functional_call(torch.nn.Tanh(), {}, x)),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
def test_the_transforms_of_torch_func(dtype, transform):
    x = thirds(dtype, 12).reshape(3, 4) / 5

    def function(x):
        return (x.softmax(-1).log() * 0.3).exp_()

    before = transform(function)(x)
    with RoundingNoise(0) as noise:
        after = transform(function)(x)
    assert noise.moved
    assert not torch.equal(before, after)
    torch.testing.assert_close(before, after, rtol=1e-4, atol=1e-4)


def test_other_modes_see_the_operations_of_the_program_alone():
    class Calls(TorchDispatchMode):
        seen = ()

        def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
            self.seen += (operation.overloadpacket.__name__,)
            return operation(*args, **(kwargs or {}))

    with RoundingNoise(0) as noise, Calls() as calls:
        torch.ones(60) / 3
    assert calls.seen == ("ones", "div")
    assert noise.moved


def test_tensors_out_of_reach_are_left_alone():
    dense = thirds(torch.float32, 6).reshape(2, 3)
    fake = torch._subclasses.FakeTensorMode()
    with RoundingNoise(0) as noise:
        sparse = dense.to_sparse() * 0.3
        imaginary = dense.to(torch.complex64) * 0.3j
        with fake:
            shape = (torch.empty(2, 3) * 0.3).shape
        nothing = torch.empty(2, 3, device="meta") * 0.3
    assert noise.moved == 0
    assert torch.equal(sparse.to_dense(), dense * 0.3)
    assert torch.equal(imaginary, dense * 0.3j)
    assert shape == nothing.shape == (2, 3)


def test_operations_without_float64_are_left_alone(monkeypatch):
    def refuse(*_):
        raise NotImplementedError

    monkeypatch.setattr(rounding_noise, "again", refuse)
    x = thirds(torch.float32)
    with RoundingNoise.__new__(RoundingNoise) as noise:
        assert torch.equal(x.exp(), noise and x.exp())


def test_a_library_without_rounding_modes_is_refused(monkeypatch):
    monkeypatch.setattr(rounding_noise, "UP", 0)
    monkeypatch.setattr(rounding_noise, "DOWN", 0)
    with pytest.raises(RuntimeError, match="expected 1 / 3 to differ if rounded up or down"):
        RoundingNoise(0)


def test_the_example_of_the_docstring():
    assert doctest.testmod(rounding_noise) == (0, 4)
