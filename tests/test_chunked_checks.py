"""Every error message of the chunked losses alone."""

import pytest
import torch
from conftest import refused
from test_chunked import T

from autograd_notes import chunked_cross_entropy, linear_cross_entropy


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


class CompiledFunction(torch.autograd.Function):
    """A function of the name that torch.compile gives to its own."""

    @staticmethod
    def forward(_, x):
        return x.clone()

    @staticmethod
    def backward(_, v):
        return v


def an_output(leaf):
    return CompiledFunction.apply(leaf)


def an_unsafe_view(leaf):
    return torch.ops.aten._unsafe_view(an_output(leaf), (2, 3))  # noqa: SLF001


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (a_leaf, "a leaf that requires grad"),
        (a_view, "a view of another tensor"),
        (an_expanded, "a view of another tensor"),
        (a_retained, "one that retains its gradient"),
        (an_output, "the output of a compiled function"),
        (an_unsafe_view, "the output of a compiled function"),
    ],
    ids=["leaf", "view", "expanded", "retained", "output", "unsafe view"],
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
        (
            (H, A[:, None], T[:, None]),
            {"linear_bias": torch.zeros(3)},
            ValueError,
            "linear_bias: expected shape (3, 1) for linear_weight of shape (3, 1, 4), got (3,)",
        ),
        (
            (H, A.int(), T),
            {},
            TypeError,
            "linear_weight: expected a floating-point dtype, got torch.int32",
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
