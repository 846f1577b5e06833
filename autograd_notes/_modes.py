"""The mode that a call runs in: autocast, tracing, batched gradients, hooks of saved tensors."""

import contextlib
import sys
from typing import Any

import torch
from torch import Tensor


def autocasts(x: Tensor) -> bool:
    """Return whether autocast is on for the device of `x`."""
    # The meta device has no autocast, and torch refuses to answer for it.
    return not x.is_meta and torch.is_autocast_enabled(x.device.type)


def no_autocast(x: Tensor) -> contextlib.AbstractContextManager[Any]:
    """Return a context that turns autocast off on the device of `x`."""
    # torch 2.6 can't compile is_autocast_available. Of the devices it compiles for, only meta has
    # no autocast.
    available = not x.is_meta and (
        torch.compiler.is_compiling() or torch.amp.is_autocast_available(x.device.type)
    )
    return torch.autocast(x.device.type, enabled=False) if available else contextlib.nullcontext()


def read(flag: Tensor) -> bool | None:
    """Return the value of a boolean tensor on the CPU, or None if reading it is not possible."""
    if not flag.is_cpu:  # reading waits for an accelerator
        return None
    try:
        return bool(flag)
    except RuntimeError:  # a FakeTensor, make_fx
        return None


def is_traced() -> bool:
    """Return whether torch.compile, make_fx or torch.jit.trace records the calls."""
    if torch.compiler.is_compiling() or torch._C._is_tracing():  # noqa: SLF001  # not typed in torch.jit
        return True
    # Not imported: make_fx has done so.
    proxies = sys.modules.get("torch.fx.experimental.proxy_tensor")
    return proxies is not None and proxies.get_proxy_mode() is not None


def is_batched(v: Tensor) -> bool:
    """Return whether `v` stands for several cotangents: vmap, or `is_grads_batched`."""
    c = torch._C  # noqa: SLF001  # no public names
    return c._are_functorch_transforms_active() or c._functorch.is_legacy_batchedtensor(v)  # noqa: SLF001


def is_packed(saved: Any) -> bool:
    """Return whether hooks hold a saved tensor. torch 2.6 does not tell."""
    return getattr(saved, "unpack_hook", None) is not None


def recomputed(raw: Any) -> Any:
    """Return "recomputed" for each saved tensor, as they are grouped, if a checkpoint has them."""
    if isinstance(raw, tuple):
        states = tuple(recomputed(one) for one in raw)
        return states if any(states) else None
    holder = type(raw.data).__module__ if is_packed(raw) else None
    return "recomputed" if holder == "torch.utils.checkpoint" else None


def hooks_save() -> bool:
    """Return whether hooks take the tensors that are saved now: checkpoints, `save_on_cpu`."""
    autograd = torch._C._autograd  # noqa: SLF001  # no public name
    if hasattr(autograd, "_top_saved_tensors_default_hooks"):
        return autograd._top_saved_tensors_default_hooks(False) is not None  # noqa: FBT003, SLF001
    # torch 2.6 does not tell, but a saved tensor that has hooks refuses others.
    with torch.enable_grad():
        probe: Any = torch.ones((), requires_grad=True).exp().grad_fn
    try:
        probe._raw_saved_result.register_hooks(abs, abs)  # noqa: SLF001
    except RuntimeError:
        return True
    return False
