"""The worked examples of backward against torch, the notebook's numbers, and every error."""

import copy

import hypothesis.strategies as st
import pytest
import torch
from conftest import assert_agree, refused, tensors
from hypothesis import given
from torch.autograd import gradcheck, gradgradcheck
from torch.utils.checkpoint import checkpoint

from autograd_notes import linear_map, quadratic_form, run_backward

X = torch.tensor([[1.0], [5.0]])
SWAP = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
W = torch.tensor([[1.0, 2.0], [3.0, 4.0]])


@given(st.data())
def test_examples_agree_with_einsum(data):
    n, m = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4))
    # Integers, so that no sum rounds, in any order.
    x = data.draw(tensors((n, 1))).round()
    square, wide = (data.draw(tensors(shape)).to(x).round() for shape in ((n, n), (m, n)))
    assert_agree(
        lambda x: quadratic_form(x, square),
        lambda x: torch.einsum("ia,ij,jb->ab", x, square, x),
        x,
    )
    assert_agree(lambda x: linear_map(x, wide), lambda x: torch.einsum("ij,jk->ik", wide, x), x)


def test_examples_gradcheck():
    torch.manual_seed(0)
    x = torch.randn(3, 1, dtype=torch.float64, requires_grad=True)
    square = torch.randn(3, 3, dtype=torch.float64, requires_grad=True)
    wide = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    assert gradcheck(quadratic_form, (x, square))
    assert gradgradcheck(quadratic_form, (x, square))
    assert gradcheck(linear_map, (x, wide))
    assert gradgradcheck(linear_map, (x, wide))


@pytest.mark.parametrize(
    ("v", "grad"), [([[2.0]], [[20.0], [4.0]]), ([[1.0]], [[10.0], [2.0]]), (None, [[10.0], [2.0]])]
)
def test_quadratic_form_of_the_notebook(v, grad):
    run = run_backward(lambda x: quadratic_form(x, SWAP), X, None if v is None else torch.tensor(v))
    assert run.y.tolist() == [[10.0]]
    assert run.jacobian.tolist() == [[10.0, 2.0]]
    assert run.v.tolist() == (v or [[1.0]])
    assert run.grad.tolist() == grad
    assert run.vjp.tolist() == grad


@given(tensors((2, 1)))
def test_linear_map_of_the_notebook_whatever_x(x):
    run = run_backward(lambda x: linear_map(x, W.to(x)), x, torch.ones(2, 1).to(x))
    assert run.grad.tolist() == [[4.0], [6.0]]
    assert run.jacobian.tolist() == W.tolist()


@given(tensors((2, 3), scale=3), tensors((3, 2), scale=3))
def test_grad_is_the_vjp_of_the_jacobian(x, v):
    run = run_backward(lambda x: (x.t() @ x).sin()[:, :2], x.double(), v.double())
    assert run.jacobian.shape == (6, 6)
    assert run.grad.shape == x.shape
    torch.testing.assert_close(run.grad, run.vjp)


def test_run_backward_changes_nothing_outside():
    x = X.clone().requires_grad_()
    w = W.clone().requires_grad_()
    run = run_backward(lambda x: linear_map(x, w), x, X)
    assert x.grad is None
    assert w.grad is None
    assert not run.jacobian.requires_grad
    assert run.grad.tolist() == [[16.0], [22.0]]


@pytest.mark.parametrize(
    ("x", "w", "error", "message"),
    [
        ([1.0], SWAP, TypeError, "x: expected a tensor, got list"),
        (X[:, 0], SWAP, ValueError, "x: expected a column of shape (n, 1), got (2,)"),
        (X.t(), SWAP, ValueError, "x: expected a column of shape (n, 1), got (1, 2)"),
        (X, [[1.0]], TypeError, "w: expected a tensor, got list"),
        (X, SWAP[0], ValueError, "w: expected shape (2, 2) for x of shape (2, 1), got (2,)"),
        (X, SWAP[:1], ValueError, "w: expected shape (2, 2) for x of shape (2, 1), got (1, 2)"),
        (X, SWAP[:, :1], ValueError, "w: expected shape (2, 2) for x of shape (2, 1), got (2, 1)"),
        (
            X,
            SWAP.double(),
            TypeError,
            "w: expected the dtype of x, torch.float32, got torch.float64",
        ),
    ],
)
def test_quadratic_form_refuses(x, w, error, message):
    with refused(error, message):
        quadratic_form(x, w)


@pytest.mark.parametrize(
    ("x", "w", "error", "message"),
    [
        (X[:, 0], W, ValueError, "x: expected a column of shape (n, 1), got (2,)"),
        (X, W[0], ValueError, "w: expected shape (m, 2) for x of shape (2, 1), got (2,)"),
        (X, W[:, :1], ValueError, "w: expected shape (m, 2) for x of shape (2, 1), got (2, 1)"),
    ],
)
def test_linear_map_refuses(x, w, error, message):
    with refused(error, message):
        linear_map(x, w)


@pytest.mark.parametrize(
    ("function", "x", "v", "error", "message"),
    [
        (torch.neg, [1.0], None, TypeError, "x: expected a tensor, got list"),
        (
            torch.neg,
            X.int(),
            None,
            TypeError,
            "x: expected a floating-point dtype, got torch.int32",
        ),
        (
            torch.Tensor.tolist,
            X,
            None,
            TypeError,
            "the result of function: expected a tensor, got list",
        ),
        (
            torch.argmax,
            X,
            None,
            TypeError,
            "the result of function: expected a floating-point dtype, got torch.int64",
        ),
        (
            torch.neg,
            X,
            None,
            ValueError,
            "v: expected a tensor shaped like the output, (2, 1), got none "
            "(only an output of one element can do without)",
        ),
        (torch.neg, X, [1.0, 1.0], TypeError, "v: expected a tensor, got list"),
        (
            torch.neg,
            X,
            torch.ones(2),
            ValueError,
            "v: expected the shape of the output, (2, 1), got (2,)",
        ),
        (
            torch.neg,
            X,
            X.double(),
            TypeError,
            "v: expected the dtype of the output, torch.float32, got torch.float64",
        ),
        (
            lambda x: x.detach(),
            X,
            X,
            ValueError,
            "function: expected a result that depends on x, got one without a graph",
        ),
        (
            lambda _: W.clone().requires_grad_() @ X,
            X,
            X,
            ValueError,
            "function: expected a result that depends on x, got one that does not",
        ),
    ],
)
def test_run_backward_refuses(function, x, v, error, message):
    with refused(error, message):
        run_backward(function, x, v)


class Cube(torch.autograd.Function):
    """A function in the old style, which torch.func refuses."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, v):
        return 3 * ctx.saved_tensors[0] ** 2 * v


def checkpointed(x):
    return checkpoint(lambda x: x.sin().exp(), x, use_reentrant=False)


@pytest.mark.parametrize(
    "function", [torch.nn.BatchNorm1d(2).double(), checkpointed, Cube.apply, torch.nn.Dropout(0.5)]
)
def test_functions_that_torch_func_refuses(function):
    torch.manual_seed(0)
    x, v = torch.randn(5, 2).double(), torch.randn(5, 2).double()
    run = run_backward(function, x, v)
    torch.testing.assert_close(run.vjp, run.grad)
    if not isinstance(function, torch.nn.Dropout):
        expected = torch.autograd.functional.jacobian(function, x).reshape(10, 10)
        torch.testing.assert_close(run.jacobian, expected)


def test_function_is_called_once_and_a_checkpoint_once_more_each_time():
    norm, calls = torch.nn.BatchNorm1d(2), []
    run_backward(norm, torch.randn(3, 2), torch.ones(3, 2))
    assert norm.num_batches_tracked == 1

    def counted(x):
        calls.append(1)
        return x.exp()

    run_backward(lambda x: checkpoint(counted, x, use_reentrant=False), X, X)
    assert len(calls) == 1 + 2 + 1


@pytest.mark.parametrize("dtypes", [("float32", "float64"), ("float64", "bfloat16")])
def test_vjp_has_the_dtype_of_the_gradient(dtypes):
    of_x, of_y = (getattr(torch, name) for name in dtypes)
    run = run_backward(lambda x: x.to(of_y).square(), X.to(of_x), X.to(of_y))
    assert (run.vjp.dtype, run.jacobian.dtype, run.v.dtype) == (of_x, of_x, of_y)
    assert run.vjp.tolist() == run.grad.tolist() == [[2.0], [50.0]]


def test_an_empty_output_has_an_empty_jacobian():
    run = run_backward(lambda x: x[:0], X, X[:0])
    assert run.jacobian.shape == (0, 2)
    assert run.grad.tolist() == run.vjp.tolist() == [[0.0], [0.0]]


def test_a_run_can_be_copied():
    run = run_backward(torch.exp, X, X)
    copied = copy.deepcopy(run)
    torch.testing.assert_close(tuple(copied), tuple(x.detach() for x in run))
    assert copied.grad.data_ptr() != run.grad.data_ptr()
    assert torch.equal(copied.vjp, run.vjp)


def test_a_copy_shares_memory_with_what_is_copied_beside_it():
    v = torch.ones(1, 1)
    run, copied = copy.deepcopy([run_backward(lambda x: quadratic_form(x, SWAP), X, v), v])
    assert run.v.data_ptr() == copied.data_ptr() != v.data_ptr()


def test_the_graph_of_the_output_is_freed():
    run = run_backward(lambda x: quadratic_form(x, SWAP), X)
    with pytest.raises(RuntimeError, match="second time"):
        run.y.backward()


def test_a_run_on_another_device_stays_there():
    run = run_backward(torch.exp, X.to("meta"), X.to("meta"))
    assert all(x.is_meta for x in run)
    assert run.jacobian.shape == (2, 2)


@pytest.mark.parametrize("off", [torch.no_grad, torch.inference_mode])
def test_run_backward_refuses_no_grad(off):
    message = "function: no result has a graph under torch.no_grad() or torch.inference_mode()"
    with off(), refused(ValueError, message):
        run_backward(torch.exp, X, X)
