"""The table of modes: each function of the package in each mode of autograd.

test_modes.py runs each pair, and docs/checks.md shows the table.
"""

import itertools
import warnings

import torch
import torch.nn.functional as F  # noqa: N812
from torch.autograd.graph import save_on_cpu
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils.checkpoint import checkpoint

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

T = torch.tensor([2, 0, 1])
W = torch.linspace(0.5, 2.0, 9).reshape(3, 3)


def torch_linear(x):
    with torch.autocast("cpu", enabled=False):  # ours rounds no product
        wide = torch.promote_types(x.dtype, torch.float32)
        return F.cross_entropy(x.to(wide) @ W.to(x.dtype).to(wide).t(), T)


# Functions of one matrix, each with the same result computed by torch.
FUNCTIONS = {
    "logsumexp": (lambda x: logsumexp(x, 0), lambda x: torch.logsumexp(x, 0)),
    "softmax": (lambda x: softmax(x, -1), lambda x: F.softmax(x, -1)),
    "log_softmax": (lambda x: log_softmax(x, -1), lambda x: F.log_softmax(x, -1)),
    "nl": (
        lambda x: nl(x.sigmoid(), T, reduction="none"),
        lambda x: F.nll_loss(x.sigmoid().log(), T, reduction="none"),
    ),
    "nll": (
        lambda x: nll(x, T, weight=W[0].to(x.dtype), ignore_index=1),
        lambda x: F.nll_loss(x, T, weight=W[0].to(x.dtype), ignore_index=1),
    ),
    "cross_entropy": (
        lambda x: cross_entropy(x, T, label_smoothing=0.25),
        lambda x: F.cross_entropy(x, T, label_smoothing=0.25),
    ),
    "chunked_cross_entropy": (
        lambda x: chunked_cross_entropy(x, T, chunk_size=2, reduction="none"),
        lambda x: F.cross_entropy(x, T, reduction="none"),
    ),
    "linear_cross_entropy": (
        lambda x: linear_cross_entropy(x, W.to(x.dtype), T, chunk_size=2),
        torch_linear,
    ),
    "quadratic_form": (
        lambda x: quadratic_form(x[:, :1], x),
        lambda x: torch.einsum("ia,ij,jb->ab", x[:, :1], x, x[:, :1]),
    ),
    "linear_map": (
        lambda x: linear_map(x[:, :1], x),
        lambda x: torch.einsum("ij,jk->ik", x, x[:, :1]),
    ),
}
# These are no functions of numbers: their own files test them.
NOT_NUMERIC = {"BackwardRun", "backward_graph", "draw_graph", "run_backward"}


def point():
    torch.manual_seed(0)
    return torch.randn(3, 3, dtype=torch.float64)


def gradient(function, x, **options):
    leaf = x.detach().clone().requires_grad_()
    y = function(leaf)
    v = torch.linspace(0.5, 2.0, y.numel(), dtype=y.dtype).reshape(y.shape)
    return y.detach(), torch.autograd.grad(y, leaf, v, **options)[0]


def double_backward(f):
    x = point().requires_grad_()
    (first,) = torch.autograd.grad(f(x).sum(), x, create_graph=True)
    return torch.autograd.grad((first * x.exp()).sum(), x)


def hooked(f):
    x = point().requires_grad_()
    a = x * 1
    a.register_hook(lambda g: 3 * g)
    a.retain_grad()
    f(a).sum().backward(inputs=[x])
    return x.grad, a.grad


def tied(f):
    x = point().requires_grad_()
    return torch.autograd.grad(f(x.sin() @ x).sum(), x)


def batched(f):
    x = point().requires_grad_()
    y = f(x)
    v = torch.linspace(-1, 1, 2 * y.numel(), dtype=y.dtype).reshape(2, *y.shape)
    return torch.autograd.grad(y, x, v, is_grads_batched=True)


def compiled(f):
    torch.compiler.reset()
    return gradient(torch.compile(f, fullgraph=True, backend="aot_eager"), point())


def exported(f):
    class Module(torch.nn.Module):
        def forward(self, x):
            return f(x)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.export.export(Module(), (point(),)).module()(point())


def traced(mode):
    def go(f):
        def first(x):
            leaf = x.detach().requires_grad_()
            return torch.autograd.grad(f(leaf).sum(), leaf)[0]

        found = []
        for function in (f, first):
            graph = make_fx(function, tracing_mode=mode, _allow_non_fake_inputs=True)(
                torch.ones(3, 3, dtype=torch.float64)
            )
            found.append(graph(point()))
        return found

    return go


def faked(f):
    from torch._subclasses import FakeTensorMode  # noqa: PLC0415  # private, and slow

    with FakeTensorMode(allow_non_fake_inputs=True):
        y, g = gradient(f, torch.empty(3, 3))
    return torch.zeros(y.shape), torch.zeros(g.shape), torch.empty(0, dtype=y.dtype)


def shapes(f):
    y, g = gradient(f, point().float())
    return torch.zeros(y.shape), torch.zeros(g.shape), torch.empty(0, dtype=y.dtype)


def autocast(f):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return gradient(f, point().float())


def scaled(f):
    """Use the initial scale of GradScaler: a loss of 16 bits would overflow."""
    x = (point() / 8).half().requires_grad_()
    scaler = torch.amp.GradScaler("cpu", init_scale=65536.0)
    with torch.autocast("cpu", dtype=torch.float16):
        y = f(x)
    loss = y.mean() if y.dtype == torch.float32 else y.float().mean() / 64
    scaler.scale(loss).backward()
    assert x.grad.isfinite().all()
    return x.grad


def jit_traced(f):
    return torch.jit.trace(f, point())(point() + 1)


def checkpointed(*, reentrant):
    return lambda f: gradient(
        lambda x: checkpoint(lambda x: f(x * 1), x, use_reentrant=reentrant), point()
    )


def checkpointed_grad(f):
    """A reentrant checkpoint supports plain backward only."""
    x = point().requires_grad_()
    checkpoint(f, x, use_reentrant=True).sum().backward()
    return x.grad


def on_cpu(f):
    with save_on_cpu():
        return gradient(f, point())


def inference(f):
    with torch.inference_mode():
        return f(point())


def deterministic(f):
    torch.use_deterministic_algorithms(mode=True)
    try:
        return gradient(f, point())
    finally:
        torch.use_deterministic_algorithms(mode=False)


def value(f):
    return f(point())


def first_order(f):
    return gradient(f, point())


def gradient_of_sum(f):
    x = point().requires_grad_()
    return torch.autograd.grad(f(x).sum(), x)[0]


def first_values(f):
    return [f(point()), gradient_of_sum(f)]


# The mode, and the one for the expected result of torch: by default the same.
MODES = {
    "eager": (first_order, None),
    "double backward": (double_backward, None),
    "hooks and retain_grad": (hooked, None),
    "tied": (tied, None),
    "func.grad": (lambda f: torch.func.grad(lambda x: f(x).sum())(point()), None),
    "vmap": (lambda f: torch.func.vmap(f)(torch.stack([point(), point().t()])), None),
    "jacrev": (lambda f: torch.func.jacrev(f)(point()), None),
    "jacfwd": (lambda f: torch.func.jacfwd(f)(point()), None),
    "hessian": (lambda f: torch.func.hessian(lambda x: f(x).sum())(point()), None),
    "batched gradients": (batched, None),
    "compile": (compiled, first_order),
    "export": (exported, value),
    "make_fx real": (traced("real"), first_values),
    "make_fx fake": (traced("fake"), first_values),
    "make_fx symbolic": (traced("symbolic"), first_values),
    "FakeTensor": (faked, shapes),
    "autocast": (autocast, None),
    "GradScaler": (scaled, None),
    "jit.trace": (jit_traced, lambda f: f(point() + 1)),
    "checkpoint": (checkpointed(reentrant=False), first_order),
    "reentrant checkpoint": (
        checkpointed_grad,
        gradient_of_sum,
    ),
    "save_on_cpu": (on_cpu, first_order),
    "inference_mode": (inference, value),
    "deterministic": (deterministic, first_order),
}
# In these modes the chunked losses compute all logits at once, as `cross_entropy` does.
ALL_LOGITS = {
    "double backward",
    "func.grad",
    "vmap",
    "jacrev",
    "jacfwd",
    "hessian",
    "batched gradients",
    "compile",
    "export",
    "make_fx real",
    "make_fx fake",
    "make_fx symbolic",
    "jit.trace",
}
# In these modes `inplace=True` is refused; in the others of `ALL_LOGITS`, it has no effect.
REFUSED_IN_PLACE = {
    "double backward": RuntimeError,
    "batched gradients": RuntimeError,
    "checkpoint": ValueError,
    "save_on_cpu": ValueError,
}
RUN = set(itertools.product(FUNCTIONS, MODES))
