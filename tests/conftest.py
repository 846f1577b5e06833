"""What several test files share: inputs made by hypothesis, and the comparison with torch."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import hypothesis
import hypothesis.strategies as st
import pytest
import torch
from torch import Tensor

hypothesis.settings.register_profile("repeatable", deadline=None, derandomize=True)
hypothesis.settings.load_profile("repeatable")

ROOT = Path(__file__).parents[1]
FLOATS = st.sampled_from([torch.float32, torch.float64])


@st.composite
def tensors(draw: st.DrawFn, shape: tuple[int, ...], scale: float = 30.0) -> Tensor:
    """Draw a floating-point tensor of the given shape."""
    size = int(torch.Size(shape).numel())
    values = draw(st.lists(st.floats(-scale, scale, width=32), min_size=size, max_size=size))
    return torch.tensor(values, dtype=draw(FLOATS)).reshape(shape)


@st.composite
def logits_and_target(draw: st.DrawFn) -> tuple[Tensor, Tensor]:
    """Draw logits of shape (C), (N, C) or (N, C, d1, ...), and classes that fit them."""
    classes = draw(st.integers(1, 5))
    rest = draw(st.lists(st.integers(1, 4), max_size=3))
    shape = (*rest[:1], classes, *rest[1:])
    size = int(torch.Size(rest).numel())
    picked = draw(st.lists(st.integers(0, classes - 1), min_size=size, max_size=size))
    dtype = draw(st.sampled_from([torch.int64, torch.uint8]))
    return draw(tensors(shape)), torch.tensor(picked, dtype=dtype).reshape(rest)


def assert_agree(
    ours: Callable[[Tensor], Tensor], theirs: Callable[[Tensor], Tensor], x: Tensor
) -> None:
    """Compare value, shape, dtype and gradient, with a cotangent whose elements all differ."""
    results = []
    for function in (ours, theirs):
        leaf = x.detach().clone().requires_grad_()
        y = function(leaf)
        y.backward(torch.linspace(0.5, 2.0, y.numel(), dtype=y.dtype).reshape(y.shape))
        results.append((y.detach(), leaf.grad))
    torch.testing.assert_close(results[0], results[1])


def refused(error: type[Exception], message: str) -> pytest.RaisesExc:
    """Expect an error whose whole message is the given one."""
    return pytest.raises(error, match=f"^{re.escape(message)}$")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the whole site afresh, every warning an error, and return its folder."""
    html = tmp_path_factory.mktemp("site") / "html"
    options = ["-n", "-W", "--keep-going", "-q", "-c", ROOT]
    build = [sys.executable, "-m", "sphinx", *options, ROOT / "docs", html]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return html
