"""Rounding noise: move each result that had to be rounded by -1, 0 or +1 ulp, pseudo-randomly.

Another processor, thread count or maths library rounds a result the other way, or adds the terms of
a sum in another order. `RoundingNoise(seed)` simulates such machines: a digit that stays the same
does not depend on them. As on a machine, the same operation with the same result is rounded in the
same way each time: the noise is a hash of seed, operation and result.

A result is moved only if it had to be rounded:

- float16, bfloat16 and float32: the same operation on float64 copies gives a different number.
- float64: the operation gives different numbers when the processor rounds up and when it rounds
  down, which an exact result does not. MKL sets the rounding mode for some functions itself. These
  are judged by their input: the exponential of a rational number is irrational, but for that of 0.

So selections, copies, sums of small integers and `[[10.]]` keep their value. Zeros (also those that
underflowed), infinities and NaN stay; nothing becomes zero or infinite. Conversions between dtypes
stay too: IEEE 754 leaves no choice there. Samples such as those of `randn` are always moved, as
they come out of logarithms and cosines.

The noise cannot reach:

- Python's own floats, `math`, NumPy and mpmath, and the processes that a program starts;
- the roundings inside a kernel, such as the terms of one sum: only its result is moved;
- tensors other than plain, dense, real ones: subclasses (DTensor, FakeTensor), sparse, quantized
  and complex tensors, and wrappers of `torch.func` (the tensors inside them are reached);
- operations outside ATen's own, dropout, and operations that fail in float64;
- threads other than the one that entered it, and compiled code;
- float64 results of threads that do not take over the rounding mode: set OMP_NUM_THREADS to 1.
  Up and down may also agree by chance in an operation of many roundings, such as softmax.
"""

import ctypes
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from zlib import crc32

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

WIDER = dict.fromkeys((torch.float16, torch.bfloat16, torch.float32), torch.float64)
BITS = {
    torch.float16: torch.int16,
    torch.bfloat16: torch.int16,
    torch.float32: torch.int32,
    torch.float64: torch.int64,
}
# Conversions, results without a value yet, and one that differs with the range of the dtype.
LEFT = {"_to_copy", "copy_", "resize_", "set_", "nan_to_num", "nan_to_num_"}
EMPTY = ("empty", "new_empty")
# Random numbers that are computed by logarithms and the like; others are exact.
SAMPLES = {"randn", "randn_like", "normal", "normal_", "exponential_", "log_normal_", "cauchy_"}
# The inputs with exact results, of the float64 functions that MKL computes in its own mode.
POINTS = {
    **dict.fromkeys(("exp", "sin", "cos", "tan", "asin", "atan", "tanh"), 0.0),
    **dict.fromkeys(("erf", "erfc", "erfinv"), 0.0),
    **dict.fromkeys(("log", "acos"), 1.0),
}
UP, DOWN = (
    (0x400000, 0x800000) if platform.machine() in ("aarch64", "arm64") else (0x800, 0x400)
)  # FE_UPWARD and FE_DOWNWARD of the C library


@contextmanager
def rounding(mode: int) -> Iterator[None]:
    """Set the rounding mode of this thread, by the C library's `fesetround`."""
    library = ctypes.CDLL(None)
    before = library.fegetround()
    library.fesetround(mode)
    try:
        yield
    finally:
        library.fesetround(before)


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    """Set torch's default dtype: that of operations on integers, such as a division."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def plain(leaf: Any) -> bool:
    """Whether a tensor has its own dense storage, and is no subclass or wrapper."""
    return (
        type(leaf) in (Tensor, torch.nn.Parameter)
        and leaf.layout == torch.strided
        and not (leaf.is_nested or leaf.is_quantized or leaf.is_meta)
        and not (leaf._is_zerotensor() or leaf.is_neg())  # no storage, or one of other numbers
        and not torch._C._functorch.is_functorch_wrapped_tensor(leaf)
    )


def reached(operation: Any, leaves: list[Any]) -> bool:
    """Whether the noise can judge the results of an operation."""
    if not isinstance(operation, torch._ops.OpOverload) or operation.namespace != "aten":
        return False
    name = operation.overloadpacket.__name__
    seeded = torch.Tag.nondeterministic_seeded in operation.tags and name not in SAMPLES
    return not (operation.is_view or seeded or name in LEFT or name.startswith(EMPTY)) and all(
        map(plain, (leaf for leaf in leaves if isinstance(leaf, Tensor)))
    )


def results(operation: Any, args: Any, kwargs: Any, returned: Any) -> list[Tensor]:
    """Return the tensors that an operation made or changed, in the order of its schema."""
    changed = []
    for at, argument in enumerate(operation._schema.arguments):
        if argument.is_write:
            changed += tree_leaves(args[at] if at < len(args) else kwargs.get(argument.name))
    found = {id(leaf): leaf for leaf in [*changed, *tree_leaves(returned)]}
    return [leaf for leaf in found.values() if isinstance(leaf, Tensor)]


def again(operation: Any, args: Any, kwargs: Any, convert: Callable[[Any], Any]) -> list[Tensor]:
    """Repeat an operation with converted copies of its arguments, and return its results."""
    args, kwargs = tree_map(convert, (args, kwargs))
    return results(operation, args, kwargs, operation(*args, **kwargs))


def copy(leaf: Any) -> Any:
    """Return an argument; a tensor is copied."""
    return leaf.clone() if isinstance(leaf, Tensor) else leaf


def widened(dtype: torch.dtype) -> Callable[[Any], Any]:
    """Return the conversion of arguments to float64, for an operation with results of `dtype`."""

    def convert(leaf: Any) -> Any:
        if isinstance(leaf, Tensor):
            return leaf.to(WIDER.get(leaf.dtype, leaf.dtype), copy=True)
        if isinstance(leaf, float):  # a kernel rounds a number of Python first
            return torch.tensor(leaf, dtype=dtype).item()
        return WIDER.get(leaf, leaf) if isinstance(leaf, torch.dtype) else leaf

    return convert


def writes(operation: Any) -> bool:
    """Whether an operation changes one of its arguments."""
    return any(argument.is_write for argument in operation._schema.arguments)


def is_exact(operation: Any, args: Any, kwargs: Any, at: int, result: Tensor) -> Tensor | None:
    """Return a mask of the exact numbers of a result; None if that is unknown."""
    if result.dtype not in BITS or not plain(result):
        return None
    if operation.overloadpacket.__name__ in SAMPLES:
        return torch.zeros_like(result, dtype=torch.bool)
    try:
        if result.dtype == torch.float64:
            return exact_float64(operation, args, kwargs, at, result)
        with default_dtype(torch.float64):
            wide = again(operation, args, kwargs, widened(result.dtype))[at]
    except (RuntimeError, TypeError, ValueError):  # float64 is not supported here
        return None
    known = wide.dtype == torch.float64 and wide.shape == result.shape
    return wide == result.double() if known else None


def exact_float64(operation: Any, args: Any, kwargs: Any, at: int, result: Tensor) -> Tensor:
    """Return a mask of the exact numbers of a float64 result."""
    name = operation.overloadpacket.__name__.removeprefix("_foreach_").removesuffix("_")
    if name in POINTS:
        inputs = args[0] if isinstance(args[0], (list, tuple)) else [args[0]]
        return inputs[at] == POINTS[name]
    if name in ("log2", "log10"):
        return result == result.round()
    if name == "sqrt" or (name == "pow" and args[1] == 0.5):
        operation, args, kwargs, at, result = (
            torch.ops.aten.mul.Tensor,
            (result, result),
            {},
            0,
            args[0],
        )
    exact = torch.ones_like(result, dtype=torch.bool)
    for mode in (UP, DOWN):
        with rounding(mode):
            directed = again(operation, args, kwargs, copy)[at]
        exact &= directed == result
    return exact


class RoundingNoise(TorchDispatchMode):
    """Move each rounded result by -1, 0 or +1 ulp; `moved` counts the moved numbers.

    The module's docstring has the rules, and lists the results that are out of reach.

    Args:
        seed: The seed of the noise. The program's random numbers are those of the same program
            without noise, up to the ulp.

    Raises:
        RuntimeError: The C library cannot set the rounding mode, which float64 needs.

    Example:
        >>> import torch
        >>> with RoundingNoise(seed=0):
        ...     exact, rounded = torch.ones(3) / 4, torch.ones(3) / 3
        >>> exact == torch.ones(3) / 4
        tensor([True, True, True])
        >>> rounded == torch.ones(3) / 3
        tensor([ True,  True, False])
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.seed = seed
        self.generator = torch.Generator()
        self.moved = 0
        one = torch.ones(1, dtype=torch.float64)
        if exact_float64(torch.ops.aten.div.Scalar, (one, 3), {}, 0, one / 3):
            raise RuntimeError("float64: expected 1 / 3 to differ if rounded up or down")

    def __torch_dispatch__(
        self, operation: Any, _types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Compute an operation, and move its results."""
        kwargs = kwargs or {}
        if not reached(operation, tree_leaves((args, kwargs))):
            return operation(*args, **kwargs)
        with torch.no_grad():
            before = tree_map(copy, (args, kwargs)) if writes(operation) else (args, kwargs)
        returned = operation(*args, **kwargs)
        with torch.no_grad():
            for at, tensor in enumerate(results(operation, args, kwargs, returned)):
                exact = is_exact(operation, *before, at, tensor)
                if exact is not None:
                    self.move(tensor.detach(), exact, operation.overloadpacket.__name__)
        return returned

    def move(self, tensor: Tensor, exact: Tensor, name: str) -> None:
        """Move the numbers of an operation's result in place, all but the exact ones."""
        bits = tensor.view(BITS[tensor.dtype])  # bits + 1 is one ulp away from zero
        self.generator.manual_seed(crc32(f"{self.seed} {name}".encode() + bits.numpy().tobytes()))
        noise = torch.randint(-1, 2, tensor.shape, generator=self.generator, dtype=bits.dtype)
        moved = (bits + noise).view(tensor.dtype)
        stays = exact | (noise == 0)
        for number in (tensor, moved):
            stays |= ~number.isfinite() | (number == 0)
        self.moved += int((~stays).sum())
        tensor.copy_(moved.where(~stays, tensor))
