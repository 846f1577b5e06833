"""PyTorch's own test samples for its losses, run through the package.

The samples are a private part of PyTorch, so they are those of the version that is pinned.
"""

import functools

import pytest
import torch
from torch import Tensor
from torch.testing._internal.common_methods_invocations import op_db
from torch.testing._internal.common_modules import module_db

from autograd_notes import (
    chunked_cross_entropy,
    cross_entropy,
    linear_cross_entropy,
    log_softmax,
    logsumexp,
    nll,
    softmax,
)


def by_two(input, target, **options):
    return chunked_cross_entropy(input, target, **options, chunk_size=2)


def in_place(input, target, **options):
    return chunked_cross_entropy(input.clone(), target, **options, chunk_size=1, inplace=True)


def linear_by_two(input, linear_weight, target, **options):
    return linear_cross_entropy(input, linear_weight, target, **options, chunk_size=2)


OURS = {
    "softmax": [softmax],
    "log_softmax": [log_softmax],
    "logsumexp": [logsumexp],
    "nn.functional.nll_loss": [nll],
    "nn.functional.cross_entropy": [cross_entropy, by_two, in_place],
    "nn.functional.linear_cross_entropy": [linear_by_two],
    "NLLLoss": [nll],
    "CrossEntropyLoss": [cross_entropy, by_two],
}
CHUNKED = (by_two, in_place, linear_by_two)
# torch's own chunked variants have options of their own.
OPS = [
    (op, ours)
    for op in op_db
    if "chunked" not in op.variant_test_name
    for ours in OURS.get(op.name, [])
]
MODULES = [(info, ours) for info in module_db for ours in OURS.get(info.module_cls.__name__, [])]
FLOATS = [torch.float64, torch.float32, torch.bfloat16, torch.float16]
INTEGERS = [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.bool]

floats = pytest.mark.parametrize("dtype", FLOATS, ids=str)
integers = pytest.mark.parametrize("dtype", INTEGERS, ids=str)
modules = pytest.mark.parametrize(
    ("info", "ours"), MODULES, ids=lambda x: getattr(getattr(x, "module_cls", x), "__name__", None)
)


def ops(*names):
    chosen = [(op, ours) for op, ours in OPS if not names or op.formatted_name in names]
    names = [f"{op.formatted_name}-{ours.__name__}" for op, ours in chosen]
    return pytest.mark.parametrize(("op", "ours"), chosen, ids=names)


def op_samples(op, dtype):
    torch.manual_seed(0)
    differentiable = dtype.is_floating_point
    for sample in op.reference_inputs("cpu", dtype, requires_grad=differentiable):
        yield op.op, (sample.input, *sample.args), sample.kwargs


def module_samples(info, make, dtype):
    """Yield the module as a function of the same arguments and options as ours."""
    torch.manual_seed(0)
    for made in make(info, "cpu", dtype, requires_grad=True, training=True):
        sample = getattr(made, "module_error_input", made)
        assert not sample.constructor_input.args
        assert not sample.forward_input.kwargs

        def module(*args, **options):
            return info.module_cls(**options)(*args)

        yield module, sample.forward_input.args, sample.constructor_input.kwargs


def fresh(value, dtype):
    """Return a leaf of its own, converted to `dtype` if there is one."""
    if isinstance(value, torch.dtype):
        return dtype or value
    if isinstance(value, Tensor) and value.is_floating_point():
        return value.detach().to(dtype or value.dtype).requires_grad_(value.requires_grad)
    return value


def gradients(y, leaves, **options):
    """Pull back a cotangent that every dtype can represent."""
    if not y.requires_grad:
        return [torch.zeros_like(leaf) for leaf in leaves]
    generator = torch.Generator().manual_seed(0)
    v = torch.randn(y.shape, generator=generator, dtype=torch.bfloat16).to(y.dtype)
    return torch.autograd.grad(y, leaves, v, materialize_grads=True, **options)


def value_and_gradients(function, args, options, *, twice, dtype=None):
    """Return the value, the gradients, and with `twice` the gradients of each gradient."""
    args = [fresh(arg, dtype) for arg in args]
    y = function(*args, **{name: fresh(option, dtype) for name, option in options.items()})
    leaves = [x for x in args if isinstance(x, Tensor) and x.requires_grad]
    if not leaves:
        return [y]
    first = gradients(y, leaves, create_graph=twice)
    again = first if twice else []
    second = [h for g in again for h in gradients(g, leaves, retain_graph=True)]
    return [x.detach() for x in [y, *first, *second]]


def assert_as_good(ours, theirs, truth):
    """Expect torch's result or, where the two differ, one that is no farther from the exact one."""
    assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
    finite = theirs.isfinite()
    not_finite = [x.masked_fill(finite, 0) for x in (ours, theirs)]
    torch.testing.assert_close(*not_finite, equal_nan=True)
    try:
        torch.testing.assert_close(ours, theirs, equal_nan=True)
    except AssertionError:
        true = truth()
        our_error, their_error = ((x.double() - true)[finite].abs().max() for x in (ours, theirs))
        assert our_error <= their_error


def without_graph(samples):
    """Yield the samples with detached targets."""
    for theirs, args, options in samples:
        yield theirs, (*args[:-1], args[-1].detach()), options


def assert_samples_agree(ours, samples, dtype):
    # In place, the logits are overwritten: there is no second derivative.
    twice, count = dtype in (torch.float32, torch.float64) and ours is not in_place, 0
    if ours in CHUNKED:
        samples = without_graph(samples)
    for theirs, args, options in samples:
        count += 1
        found = functools.partial(value_and_gradients, args=args, options=options, twice=twice)
        for index, pair in enumerate(zip(found(ours), found(theirs), strict=True)):
            assert_as_good(*pair, lambda: found(theirs, dtype=torch.float64)[index])  # noqa: B023
    assert count > 0
    print(f"{count} samples")  # noqa: T201  # `pytest -rP` shows it


@floats
@ops()
def test_op_samples_agree(op, ours, dtype):
    assert_samples_agree(ours, op_samples(op, dtype), dtype)


@integers
@ops("softmax_with_dtype", "log_softmax_with_dtype")
def test_integer_samples_that_are_converted_agree(op, ours, dtype):
    assert_samples_agree(ours, op_samples(op, dtype), dtype)


@floats
@modules
def test_module_samples_agree(info, ours, dtype):
    samples = module_samples(info, info.module_inputs_func, dtype)
    assert_samples_agree(ours, samples, dtype)


@integers
@ops("logsumexp")
def test_integer_samples_are_refused(op, ours, dtype):
    samples = [call for call in op_samples(op, dtype) if call[1][0].dtype == dtype]
    assert samples
    for _, args, options in samples:
        with pytest.raises(TypeError, match="expected a floating-point dtype"):
            ours(*args, **options)


@modules
def test_error_samples_are_refused(info, ours):
    if info.module_error_inputs_func is None:
        pytest.skip("this torch has no such samples")
    samples = list(module_samples(info, info.module_error_inputs_func, torch.float32))
    assert samples
    for theirs, args, options in samples:
        for function in (theirs, ours):
            with pytest.raises((TypeError, ValueError, IndexError, RuntimeError)):
                function(*args, **options)
