"""Each function of the package in each mode of autograd: correct, or refused by name."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from conftest import refused
from modes import (
    ALL_LOGITS,
    FUNCTIONS,
    MODES,
    NOT_NUMERIC,
    REFUSED_IN_PLACE,
    RUN,
    T,
    W,
    point,
)
from torch.autograd.graph import save_on_cpu
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils.checkpoint import checkpoint

import autograd_notes
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
from autograd_notes._modes import hooks_save, is_traced

no_trace_warnings = pytest.mark.filterwarnings(
    "ignore::torch.jit.TracerWarning", "ignore:.*torch.jit:DeprecationWarning"
)


def skip_if_impossible(mode):
    if mode == "export" and torch.__version__ < "2.7":
        pytest.skip("torch 2.6 exports no function of global tensors")


@no_trace_warnings
@pytest.mark.parametrize(("name", "mode"), sorted(RUN))
def test_each_function_is_right_in_each_mode(name, mode):
    skip_if_impossible(mode)
    (ours, theirs), (go, other) = FUNCTIONS[name], MODES[mode]
    # With 16 bits, ours round later than torch's.
    tolerance = {"rtol": 0.05, "atol": 1e-3} if mode in ("autocast", "GradScaler") else {}
    torch.testing.assert_close(go(ours), (other or go)(theirs), **tolerance)


def test_the_table_is_complete():
    assert set(FUNCTIONS) | NOT_NUMERIC == set(autograd_notes.__all__)
    assert len(RUN) == len(FUNCTIONS) * len(MODES)

    assert set(MODES) > ALL_LOGITS
    assert set(MODES) > set(REFUSED_IN_PLACE)


@no_trace_warnings
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["chunked_cross_entropy", "linear_cross_entropy"])
def test_chunked_losses_compute_all_logits_in_the_listed_modes(name, mode, monkeypatch):
    skip_if_impossible(mode)
    calls = []

    def counted(function):
        def call(*args, **options):
            calls.append(1)
            return function(*args, **options)

        return call

    for module in (autograd_notes.chunked, autograd_notes.chunked._autograd):  # noqa: SLF001
        monkeypatch.setattr(module, "cross_entropy", counted(cross_entropy))
    MODES[mode][0](FUNCTIONS[name][0])
    assert bool(calls) == (mode in ALL_LOGITS)


@no_trace_warnings
@pytest.mark.parametrize("mode", MODES)
def test_inplace_is_right_or_refused_in_each_mode(mode):
    skip_if_impossible(mode)
    go, other = MODES[mode]

    def ours(x):
        return chunked_cross_entropy(x * 1, T, reduction="none", inplace=True)

    if mode in REFUSED_IN_PLACE:
        with pytest.raises(REFUSED_IN_PLACE[mode], match=r"^inplace: "):
            go(ours)
        return
    tolerance = {"rtol": 0.05, "atol": 1e-3} if mode in ("autocast", "GradScaler") else {}
    expected = (other or go)(lambda x: F.cross_entropy(x * 1, T, reduction="none"))
    torch.testing.assert_close(go(ours), expected, **tolerance)


LOSSES = {
    "nl": lambda x, **o: nl(x.float().sigmoid().to(x.dtype), T, **o),
    "nll": lambda x, **o: nll(x, T, **o),
    "cross_entropy": lambda x, **o: cross_entropy(x, T, **o),
    "chunked_cross_entropy": lambda x, **o: chunked_cross_entropy(x, T, chunk_size=2, **o),
    "linear_cross_entropy": lambda x, **o: linear_cross_entropy(x, W, T, chunk_size=2, **o),
}
each_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)


@each_loss
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("weight", [None, W[0], W[0].bfloat16()], ids=str)
@pytest.mark.parametrize("create_graph", [False, True])
def test_losses_are_float32_under_autocast(loss, dtype, weight, create_graph):
    x = point().to(dtype).requires_grad_()
    with torch.autocast("cpu", dtype=dtype):
        y = loss(x, weight=weight)
    assert y.dtype == torch.float32
    (found,) = torch.autograd.grad(y, x, torch.tensor(4096.0), create_graph=create_graph)
    assert found.dtype == dtype
    wide = x.detach().float().requires_grad_()
    expected = loss(wide, weight=None if weight is None else weight.float())
    (gradient,) = torch.autograd.grad(expected, wide, torch.tensor(4096.0))
    torch.testing.assert_close(y, expected, rtol=0.005, atol=1e-6)
    torch.testing.assert_close(found.float(), gradient, rtol=0.05, atol=20.0)


def test_linear_gradients_have_the_dtypes_of_their_tensors_under_autocast():
    h, b = point().bfloat16().requires_grad_(), torch.zeros(3).bfloat16().requires_grad_()
    a = W.clone().requires_grad_()
    for target in (T, torch.eye(3)):
        with torch.autocast("cpu"):
            loss = linear_cross_entropy(h, a, target, linear_bias=b)
        found = torch.autograd.grad(loss, (h, a, b), retain_graph=True)
        assert [g.dtype for g in found] == [torch.bfloat16, torch.float32, torch.bfloat16]
        again = torch.autograd.grad(loss, (h, a, b), create_graph=True)
        torch.testing.assert_close(found, tuple(g.detach() for g in again), rtol=0.02, atol=1e-3)


def test_compiled_losses_are_float32_under_autocast():
    x = point().bfloat16()

    @torch.compile(fullgraph=True, backend="eager")
    def losses(x):
        with torch.autocast("cpu"):
            return cross_entropy(x, T), linear_cross_entropy(x, W, T)

    assert [loss.dtype for loss in losses(x)] == [torch.float32] * 2


@each_loss
def test_dtypes_do_not_mix_without_autocast_or_with_float64(loss):
    with refused(TypeError, message(torch.float32, torch.bfloat16)):
        loss(point().float(), weight=W[0].bfloat16())
    with torch.autocast("cpu"), refused(TypeError, message(torch.float32, torch.float64)):
        loss(point().float(), weight=W[0].double())


def message(expected, found):
    return f"weight: expected the dtype of input, {expected}, got {found}"


def test_autocast_of_other_devices_widens_softmax():
    """On CUDA, autocast runs softmax in float32. A FakeTensor needs no CUDA device."""
    from torch._subclasses import FakeTensorMode  # noqa: PLC0415  # private, and slow

    torch.set_autocast_enabled("cuda", True)  # noqa: FBT003
    try:
        with FakeTensorMode():
            x = torch.empty(2, 3, device="cuda", dtype=torch.float16)
            for ours, theirs in (
                (softmax, torch.softmax),
                (log_softmax, torch.log_softmax),
                (logsumexp, torch.logsumexp),
            ):
                assert ours(x, 1).dtype == theirs(x, 1).dtype
            assert softmax(x, 1).dtype == torch.float32
            assert softmax(x, 1, dtype=torch.float16).dtype == torch.float16
    finally:
        torch.set_autocast_enabled("cuda", False)  # noqa: FBT003


@no_trace_warnings
def test_tracing_is_noticed():
    found = []

    def traced(x):
        found.append(is_traced())
        return x + 1

    make_fx(traced)(torch.ones(1))
    torch.jit.trace(traced, torch.ones(1), check_trace=False)
    traced(torch.ones(1))
    assert found == [True, True, False]


class Recorder:
    """Hooks of saved tensors that count their calls."""

    def __init__(self):
        self.packed = self.unpacked = 0

    def pack(self, x):
        self.packed += x.numel()
        return x

    def unpack(self, x):
        self.unpacked += 1
        return x


@pytest.mark.parametrize("reduction", ["mean", "none"])
@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("name", ["chunked_cross_entropy", "linear_cross_entropy"])
def test_a_block_in_a_checkpoint_runs_once_more(name, reduction, create_graph):
    calls = []

    def block(x):
        calls.append(1)
        return FUNCTIONS[name][0](x * 1) if reduction == "none" else LOSSES[name](x.float())

    x = point().requires_grad_()
    y = checkpoint(block, x, use_reentrant=False)
    assert getattr(y.grad_fn, "dinput", None) is None
    assert getattr(y.grad_fn, "gradients", None) is None
    torch.autograd.grad(y.sum(), x, create_graph=create_graph)
    assert len(calls) == 2


@pytest.mark.parametrize("name", ["chunked_cross_entropy", "linear_cross_entropy"])
def test_hooks_see_all_that_is_kept(name):
    hooks, x = Recorder(), point().requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(hooks.pack, hooks.unpack):
        y = FUNCTIONS[name][0](x)
    packed = hooks.packed
    torch.autograd.grad(y.sum(), x)
    assert hooks.packed == packed
    assert 0 < hooks.unpacked <= 4
    assert y.grad_fn.__dict__.get("dinput") is None


TELLS_HOOKS = hasattr(torch._C._autograd.SavedTensor, "unpack_hook")  # noqa: SLF001
NO_HOOKS = "inplace: expected no hooks of saved tensors, such as those of a checkpoint: they hide whether the logits are needed"


def needed(found):
    return f"inplace: expected logits that only this loss needs, got {found}; input.clone() may be overwritten"


def test_inplace_refuses_hooks():
    x = point().requires_grad_()
    with save_on_cpu(), refused(ValueError, NO_HOOKS):
        chunked_cross_entropy(x * 1, T, inplace=True)
    with refused(ValueError, NO_HOOKS):
        checkpoint(lambda x: chunked_cross_entropy(x * 1, T, inplace=True), x, use_reentrant=False)
    if not TELLS_HOOKS:
        pytest.skip("this torch does not tell whether a saved tensor has hooks")
    with save_on_cpu():
        y = x.sigmoid()
        z = x[T]
    hooked = needed("one whose function saved tensors by hooks")
    for logits in (y, z):
        with refused(ValueError, hooked):
            chunked_cross_entropy(logits, T, inplace=True)
    chunked_cross_entropy(y.clone(), T, inplace=True).backward()
    expected = torch.autograd.grad(F.cross_entropy(x.sigmoid(), T), x)[0]
    torch.testing.assert_close(x.grad, expected)


def test_inplace_refuses_outputs_of_compiled_functions():
    torch.compiler.reset()
    x = point().requires_grad_()
    made = torch.compile(lambda x: (x @ x).softmax(-1).reshape(3, 3), backend="aot_eager")(x)
    compiled = needed("the output of a compiled function")
    for logits in (made, torch.ops.aten._unsafe_view(made, (3, 3))):  # noqa: SLF001
        with refused(ValueError, compiled):
            chunked_cross_entropy(logits, T, inplace=True)
    chunked_cross_entropy(made.clone(), T, inplace=True).backward()
    expected = torch.autograd.grad(F.cross_entropy((x @ x).softmax(-1), T), x)[0]
    torch.testing.assert_close(x.grad, expected)


def test_a_symbolic_graph_takes_other_shapes():
    chunked = lambda x, t: chunked_cross_entropy(x, t)  # noqa: E731, PLW0108  # no options
    for f in (chunked, lambda x, t: linear_cross_entropy(x, W, t)):
        graph = make_fx(f, tracing_mode="symbolic", _allow_non_fake_inputs=True)(
            torch.ones(4, 3), torch.tensor([0, 1, 2, 0])
        )
        x, t = torch.randn(7, 3), torch.tensor([0, 1, 2, 0, 1, 2, -100])
        torch.testing.assert_close(graph(x, t), f(x, t))


@pytest.mark.filterwarnings(
    "ignore::torch.jit.TracerWarning", "ignore:.*torch.jit:DeprecationWarning"
)
@pytest.mark.parametrize(
    "f",
    [
        lambda x, t: nl(x.sigmoid(), t),
        lambda x, t: nll(x, t, weight=W[0]),
        lambda x, t: cross_entropy(x, t, label_smoothing=0.5),
        lambda x, t: chunked_cross_entropy(x, t, reduction="sum"),
        lambda x, t: linear_cross_entropy(x, W, t, ignore_index=2),
    ],
    ids=list(LOSSES),
)
def test_a_jit_trace_takes_other_targets(f):
    graph = torch.jit.trace(f, (torch.ones(3, 3), torch.tensor([1, 0, 1])))
    for classes in ([2, 1, 1], [0, 1, 0]):
        x, t = torch.randn(3, 3), torch.tensor(classes)
        torch.testing.assert_close(graph(x, t), f(x, t))


@pytest.mark.skipif(
    not hasattr(torch._C._autograd, "_top_saved_tensors_default_hooks"),  # noqa: SLF001
    reason="this torch does not tell whether hooks are active",
)
def test_active_hooks_are_found_without_an_operation(monkeypatch):
    monkeypatch.delattr(torch, "ones")
    assert not hooks_save()
    with save_on_cpu():
        assert hooks_save()


def test_active_hooks_are_found_by_a_probe_too(monkeypatch):
    monkeypatch.delattr(
        torch._C._autograd,  # noqa: SLF001
        "_top_saved_tensors_default_hooks",  # as in torch 2.6
        raising=False,
    )
    assert not hooks_save()
    with save_on_cpu(), torch.no_grad():
        assert hooks_save()
    with refused(ValueError, NO_HOOKS), save_on_cpu():
        chunked_cross_entropy(point().requires_grad_() * 1, T, inplace=True)
