"""Every error message of the losses, and the arguments that torch accepts instead."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from conftest import refused
from test_losses import LOSSES

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

FROM_LOGITS = (cross_entropy, chunked_cross_entropy)
X = torch.zeros(2, 3)
T = torch.zeros(2, dtype=torch.int64)


def linear_to_three(x, target, **options):
    return linear_cross_entropy(x, torch.eye(3), target, **options)


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


@pytest.mark.parametrize(
    ("index", "kind"),
    [
        (True, "bool"),
        (2.0, "float"),
        (math.nan, "float"),
        (None, "NoneType"),
        ("1", "str"),
        (torch.tensor(1), "Tensor"),
        (np.bool_(1), np.bool_.__name__),
        (np.float32(1), "float32"),
    ],
)
@pytest.mark.parametrize("loss", [*LOSSES, chunked_cross_entropy, linear_to_three])
def test_ignore_index_is_an_integer(loss, index, kind):
    for target in (T, X) if loss in FROM_LOGITS else (T,):
        with refused(TypeError, f"ignore_index: expected an integer, got {kind}"):
            loss(X, target, ignore_index=index)


@pytest.mark.parametrize("index", [np.int64(1), np.int32(-7), np.uint8(2)])
@pytest.mark.parametrize("loss", [cross_entropy, chunked_cross_entropy, linear_to_three])
def test_numpy_numbers_are_numbers(loss, index):
    x, t = torch.randn(4, 3), torch.tensor([0, 2, 1, 2])
    for smoothing in (np.float32(0.25), np.float64(0.25), np.float16(0.25), np.int64(0)):
        found = loss(x, t, ignore_index=index, label_smoothing=smoothing)
        expected = F.cross_entropy(x, t, ignore_index=int(index), label_smoothing=float(smoothing))
        assert isinstance(found, torch.Tensor)
        torch.testing.assert_close(found, expected)
    if loss is not cross_entropy:
        torch.testing.assert_close(loss(x, t, chunk_size=np.int64(3)), F.cross_entropy(x, t))


@pytest.mark.parametrize("dims", [[0, 1], [1], (np.int64(0), -1), [-1, 0]])
def test_logsumexp_takes_lists(dims):
    x = torch.randn(2, 3)
    for keepdim in (False, True):
        expected = torch.logsumexp(x, tuple(map(int, dims)), keepdim)
        torch.testing.assert_close(logsumexp(x, dims, keepdim), expected)


@pytest.mark.parametrize(
    ("dim", "error", "message"),
    [
        ((), ValueError, "dim: expected one dimension or more, got none"),
        ([], ValueError, "dim: expected one dimension or more, got none"),
        (None, TypeError, "dim: expected an integer, got NoneType"),
        ((0, None), TypeError, "dim: expected an integer, got NoneType"),
        (1.0, TypeError, "dim: expected an integer, got float"),
        (True, TypeError, "dim: expected an integer, got bool"),
    ],
)
def test_dim_is_refused(dim, error, message):
    with refused(error, message):
        logsumexp(X, dim)
    if dim is None or isinstance(dim, float):
        for function in (softmax, log_softmax):
            with refused(error, message):
                function(X, dim)


def nested(layout):
    return torch.nested.nested_tensor([X, X[:1]], layout=layout)


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda: X.to(torch.float8_e4m3fn), "expected 16 bits or more, got torch.float8_e4m3fn"),
        (X.to_sparse, "expected a dense tensor, got one of layout torch.sparse_coo"),
        (lambda: nested(torch.jagged), "expected a dense tensor, got a nested tensor"),
        (lambda: nested(torch.strided), "expected a dense tensor, got a nested tensor"),
    ],
)
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
def test_other_layouts_and_8_bits_are_refused(make, found):
    for function in (softmax, log_softmax, logsumexp):
        with refused(TypeError, f"x: {found}"):
            function(make())
    for loss in (*LOSSES, chunked_cross_entropy, linear_to_three):
        with refused(TypeError, f"input: {found}"):
            loss(make(), T)
