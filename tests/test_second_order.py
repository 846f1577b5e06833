"""First and second derivatives of inputs that are tied, hooked, or retain their gradient."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torch.autograd.graph import register_multi_grad_hook

from autograd_notes import (
    chunked_cross_entropy,
    cross_entropy,
    linear_cross_entropy,
    linear_map,
    log_softmax,
    logsumexp,
    nl,
    nll,
    quadratic_form,
    softmax,
)

T = torch.tensor([3, 1, 0, 2])
Q = torch.tensor([[0.5, 0.25, 0.25, 0.0]] * 4, dtype=torch.float64)
# Functions of two square matrices, each with the same result computed by torch.
PAIRS = {
    "softmax": (lambda a, b: softmax(a @ b), lambda a, b: F.softmax(a @ b, -1)),
    "log_softmax": (lambda a, b: log_softmax(a @ b, 0), lambda a, b: F.log_softmax(a @ b, 0)),
    "logsumexp": (lambda a, b: logsumexp(a @ b), lambda a, b: torch.logsumexp(a @ b, -1)),
    "nl": (
        lambda a, b: nl((a @ b).sigmoid(), T, reduction="sum"),
        lambda a, b: F.nll_loss((a @ b).sigmoid().log(), T, reduction="sum"),
    ),
    "nll": (lambda a, b: nll((a @ b).sin(), T), lambda a, b: F.nll_loss((a @ b).sin(), T)),
    "cross_entropy": (
        lambda a, b: cross_entropy(a @ b, T, label_smoothing=0.25),
        lambda a, b: F.cross_entropy(a @ b, T, label_smoothing=0.25),
    ),
    "chunked_cross_entropy": (
        lambda a, b: chunked_cross_entropy(a @ b, T, ignore_index=1, chunk_size=3),
        lambda a, b: F.cross_entropy(a @ b, T, ignore_index=1),
    ),
    "chunked_cross_entropy of an input": (
        lambda a, b: chunked_cross_entropy(a, T, label_smoothing=0.5) * b.square().sum(),
        lambda a, b: F.cross_entropy(a, T, label_smoothing=0.5) * b.square().sum(),
    ),
    "chunked_cross_entropy of probabilities": (
        lambda a, b: chunked_cross_entropy(a @ b, Q, reduction="none"),
        lambda a, b: F.cross_entropy(a @ b, Q, reduction="none"),
    ),
    "linear_cross_entropy": (
        lambda a, b: linear_cross_entropy(a, b, T, linear_bias=a[0], chunk_size=3),
        lambda a, b: F.cross_entropy(F.linear(a, b, a[0]), T),
    ),
    "linear_cross_entropy, no reduction": (
        lambda a, b: linear_cross_entropy(a, b, T, reduction="none"),
        lambda a, b: F.cross_entropy(F.linear(a, b), T, reduction="none"),
    ),
    "quadratic_form": (
        lambda a, b: quadratic_form(a[:, :1], b),
        lambda a, b: torch.einsum("ik,ij,jk->k", a[:, :1], b, a[:, :1]).reshape(1, 1),
    ),
    "linear_map": (
        lambda a, b: linear_map(a[:, :1], b),
        lambda a, b: torch.mv(b, a[:, 0])[:, None],
    ),
}
each_pair = pytest.mark.parametrize(("ours", "theirs"), PAIRS.values(), ids=PAIRS)


def apart(x: Tensor) -> tuple[Tensor, Tensor]:
    return x * 1.0, x.t() * 1.0


def tied(x: Tensor) -> tuple[Tensor, Tensor]:
    """Derive one input from the other, as tied embedding and head weights do."""
    return x[T].tanh(), x


def the_same(x: Tensor) -> tuple[Tensor, Tensor]:
    return x, x


def from_a_network(x: Tensor) -> tuple[Tensor, Tensor]:
    a = x.sin()
    return a, (a @ a).cos()


def recorded(function, make, *, create_graph: bool) -> list[Tensor | int]:
    """Return values, gradients, and the records of hooks, of first and of second order."""
    torch.manual_seed(0)
    x = torch.randn(4, 4, dtype=torch.float64, requires_grad=True)
    inputs, seen = make(x), []
    for i, a in enumerate(dict.fromkeys(inputs)):
        a.register_hook(lambda g, i=i: g.flip(0) * (i + 2.0))
        if not a.is_leaf:
            a.retain_grad()
    count = register_multi_grad_hook(list(inputs), lambda found: seen.append(len(found)))
    y = function(*inputs)
    v = torch.linspace(0.5, 2.0, y.numel(), dtype=y.dtype).reshape(y.shape)
    y.backward(v, create_graph=create_graph, inputs=[x])
    first = x.grad.clone()
    results = [y.detach(), first.detach(), *(a.grad.clone() for a in inputs if a.retains_grad)]
    if create_graph:  # a penalty on the gradient, and a Hessian-vector product
        for loss in ((first * x.detach()).sum(), first.square().sum()):
            x.grad = None
            loss.backward(inputs=[x], retain_graph=True)
            results.append(x.grad)
    count.remove()
    return [r.detach() for r in results] + [torch.tensor(seen)]


@each_pair
@pytest.mark.parametrize("make", [apart, tied, the_same, from_a_network])
@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.filterwarnings("ignore:Using backward.. with create_graph=True")
def test_tied_and_hooked_inputs_agree(ours, theirs, make, create_graph):
    found = recorded(ours, make, create_graph=create_graph)
    expected = recorded(theirs, make, create_graph=create_graph)
    torch.testing.assert_close(found, expected)


@each_pair
def test_hessians_agree(ours, theirs):
    torch.manual_seed(1)
    x = torch.randn(4, 4, dtype=torch.float64)
    for vectorize in (False, True):
        hessians = [
            torch.autograd.functional.hessian(
                lambda x, f=f: f(x, x.sin()).square().sum(), x, vectorize=vectorize
            )
            for f in (ours, theirs)
        ]
        torch.testing.assert_close(*hessians)


@each_pair
def test_batched_gradients_agree(ours, theirs):
    torch.manual_seed(2)
    x = torch.randn(4, 4, dtype=torch.float64, requires_grad=True)
    found = []
    for f in (ours, theirs):
        y = f(*tied(x))
        v = torch.linspace(-1.0, 2.0, 3 * y.numel(), dtype=y.dtype).reshape(3, *y.shape)
        first = torch.autograd.grad(y, x, v, is_grads_batched=True, retain_graph=True)
        alone = [torch.autograd.grad(y, x, one, retain_graph=True)[0] for one in v]
        torch.testing.assert_close(first[0], torch.stack(alone))
        again = torch.autograd.grad(y, x, v, is_grads_batched=True, create_graph=True)
        found.append((first, torch.autograd.grad(again[0].square().sum(), x)))
    torch.testing.assert_close(*found)


def test_overwritten_logits_take_one_cotangent_at_a_time():
    leaf = torch.randn(4, 4, requires_grad=True)
    loss = chunked_cross_entropy(leaf * 1, T, inplace=True, reduction="none")
    with pytest.raises(RuntimeError, match="and can't take several cotangents at once"):
        torch.autograd.grad(loss, leaf, torch.eye(4), is_grads_batched=True)
