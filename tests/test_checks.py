"""Every error message of the losses, and the arguments that torch accepts instead."""

import math

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from conftest import refused
from test_losses import LOSSES

from autograd_notes import (
    chunked_cross_entropy,
    cross_entropy,
    log_softmax,
    logsumexp,
    nl,
    nll,
    softmax,
)

FROM_LOGITS = (cross_entropy, chunked_cross_entropy)
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
