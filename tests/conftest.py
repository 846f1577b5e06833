"""Shared by the tests: inputs, the comparison with torch, the site, and a browser."""

import functools
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import hypothesis
import hypothesis.strategies as st
import pytest
import torch
from filelock import FileLock
from torch import Tensor

import autograd_notes.chunked

# No deadline: a busy machine may draw examples slowly.
hypothesis.settings.register_profile(
    "repeatable",
    deadline=None,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("repeatable")

# OpenMP threads busy-wait: with more of them than cores, small sums take ten times as long. So
# the workers share the cores.
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
torch.set_num_threads(max(1, torch.get_num_threads() // WORKERS))

ROOT = Path(__file__).parents[1]
# As in tox.ini: a build on other code paths of torch may show other digits.
CODE_PATH = repr(
    [os.environ.get(name) for name in ("ATEN_CPU_CAPABILITY", "MKL_CBWR", "OMP_NUM_THREADS")]
)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLOATS = st.sampled_from([torch.float32, torch.float64])
# They take longest, and start first: at the end, they would leave the other workers idle.
LONG = (
    "test_every_page.py",
    "test_sharded.py",
    "test_sharded_meshes.py",
    "test_portable.py",
    "test_faults.py",
    "test_figures.py",
    "test_cells.py",
    "test_speed.py",
)
WINDOWS = {
    f"{name}-{scheme}": {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    for name, width in (("wide", 1280), ("narrow", 390))
    for scheme in ("light", "dark")
}
each_window = pytest.mark.parametrize("tab", WINDOWS.values(), indirect=True, ids=WINDOWS)


def pytest_report_header() -> str:
    """Return the version of torch, for the top of the report."""
    return f"torch {torch.__version__}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that open a page, and begin with the files that take longest."""
    places = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path.name, len(LONG)))
    for item in items:
        if "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Fix the random inputs of each test: without a seed, they depend on the tests before it."""
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def by_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the chunked loss take the small inputs of the tests by chunks, too."""
    monkeypatch.setattr(autograd_notes.chunked, "_FEW_LOGITS", 0)


@st.composite
def tensors(draw: st.DrawFn, shape: tuple[int, ...], scale: float = 30.0) -> Tensor:
    """Draw a floating-point tensor of the given shape."""
    size = int(torch.Size(shape).numel())
    values = draw(st.lists(st.floats(-scale, scale, width=32), min_size=size, max_size=size))
    return torch.tensor(values, dtype=draw(FLOATS)).reshape(shape)


@st.composite
def logits_and_target(draw: st.DrawFn) -> tuple[Tensor, Tensor]:
    """Draw logits of shape (C), (N, C) or (N, C, d1, ...), and matching classes."""
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
    """Compare value, shape, dtype and gradient, with a cotangent of distinct elements."""
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


def is_current(build: Path) -> bool:
    """Return whether `tox -e docs-build` built the site from these very sources, without a warning.

    The file of its warnings is created when the build starts, and `passed` when all is done.
    """
    warnings, passed = build / "warnings.txt", build / "passed"
    if not (warnings.is_file() and passed.is_file()) or warnings.read_text():
        return False
    if passed.read_text() != CODE_PATH:
        return False
    folders = ("autograd_notes", "benchmarks", "docs")
    sources = [path for name in folders for path in (ROOT / name).rglob("*.*") if path.is_file()]
    sources += [ROOT / "conf.py", ROOT / "constraints.txt", ROOT / "pyproject.toml"]
    changed = max(path.stat().st_mtime for path in sources if path.suffix != ".pyc")
    has_address = (build / "html" / "sitemap.xml").exists()  # SITE_URL was set
    return changed < warnings.stat().st_mtime <= passed.stat().st_mtime and not has_address


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Return the folder of the built site: a copy of `tox -e docs-build`'s if current, else a new build.

    The warnings are beside it, in `warnings.txt`: test_site.py holds them to none.
    """
    folder = tmp_path_factory.getbasetemp()
    # The first worker builds, and the others wait: their folders have one parent.
    html = (folder if worker_id == "master" else folder.parent) / "site" / "html"
    with FileLock(f"{html.parent}.lock"):
        if html.parent.exists():
            return html
        if is_current(ROOT / "build"):
            for name in ("html", "jupyter_execute"):
                shutil.copytree(ROOT / "build" / name, html.parent / name)
            shutil.copy(ROOT / "build" / "warnings.txt", html.parent)
            return html
        html.parent.mkdir()
        options = ["-n", "-q", "-w", html.parent / "warnings.txt", "-c", ROOT]
        build = [sys.executable, "-m", "sphinx", *options, ROOT / "docs", html]
        done = subprocess.run(build, capture_output=True, text=True, check=False)
        if done.returncode:  # not a warning: Sphinx itself, or an extension, gave up
            with html.with_name("warnings.txt").open("a") as warnings:
                warnings.write(f"exit {done.returncode}\n{done.stderr}")
    return html


class Quiet(SimpleHTTPRequestHandler):
    """A server of files that writes no log."""

    def log_message(self, *_: Any) -> None:
        """Write nothing."""


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """Serve the site, and return its address."""
    handler = functools.partial(Quiet, directory=site)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Start a browser. If there is none, skip the test, or fail it on a CI machine."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None and "CI" not in os.environ:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  # the mutation tests lack it

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def tab(chromium: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Open a page, with the options of the test's parameter."""
    options = {"viewport": {"width": 1280, "height": 900}, **getattr(request, "param", {})}
    context = chromium.new_context(**options)
    yield context.new_page()
    context.close()


def watch(tab: Any, address: str) -> list[Any]:
    """Collect the problems of a page: requests to other hosts, failed ones, script errors."""
    wrong = []
    tab.on("request", lambda r: r.url.startswith((address, "data:")) or wrong.append(r.url))
    # Navigation aborts the pending requests of the last page.
    tab.on("requestfailed", lambda r: r.failure == "net::ERR_ABORTED" or wrong.append(r.url))
    tab.on("response", lambda r: r.status < 400 or wrong.append((r.status, r.url)))
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("console", lambda m: m.type in ("error", "warning") and wrong.append(m.text))
    return wrong
