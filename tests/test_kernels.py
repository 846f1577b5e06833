"""Forked kernels: quick to start, and as isolated as others."""

import multiprocessing
from multiprocessing import forkserver
from types import SimpleNamespace

import pytest
from bs4 import BeautifulSoup
from conftest import ROOT
from notes_site import kernels
from notes_site.kernels import KERNEL, start
from sphinx.testing.util import SphinxTestApp

CONF = """
import sys
extensions = ["myst_nb", "sphinx_code_cell_output", "notes_site"]
exclude_patterns = ["_build"]
code_cell_output_kernel_manager = "notes_site.kernels.WarmKernelManager"
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 600
warm_kernels = {"this": 1, "decimal": 1}
"""
HEAD = "---\nfile_format: mystnb\nkernelspec:\n  name: python3\n---\n# T\n"
FIRST = """
```{code-cell}
import decimal, os, sys
left = decimal.getcontext().prec = 5
"this" in sys.modules, os.path.basename(os.getcwd()), os.environ["MPLBACKEND"].rpartition(".")[2]
```
```{code-cell}
any(path in ("DOCS", "DOCS/_ext") for path in sys.path), "sphinx" in sys.modules
```
"""
SECOND = """
```{code-cell}
import decimal
"left" in globals(), decimal.getcontext().prec
```
"""


@pytest.fixture
def build(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "conf.py").write_text(CONF)
    (tmp_path / "index.md").write_text(HEAD + FIRST.replace("DOCS", str(ROOT / "docs")))

    def built(page, **settings):
        (tmp_path / "folder" / "page.md").write_text(HEAD + page)
        app = SphinxTestApp(srcdir=tmp_path, confoverrides=settings, freshenv=True)
        try:
            app.build()
            text = (app.outdir / "folder" / "page.html").read_text()
            first = (app.outdir / "index.html").read_text()
            return output(first), output(text)
        finally:
            app.cleanup()

    return built


def output(html):
    found = BeautifulSoup(html, "html.parser").select(".cell_output")
    return [cell.get_text().strip() for cell in found]


def test_pages_share_their_imports_and_nothing_else(build, tmp_path):
    first, second = build(SECOND)
    assert first == [f"(True, '{tmp_path.name}', 'backend_inline')", "(False, False)"]
    assert second == ["(False, 28)"]


def test_a_kernel_that_dies_stops_the_build_and_not_the_others(build):
    with pytest.raises(Exception, match="Kernel died"):
        build("\n```{code-cell}\nimport os\nos._exit(3)\n```\n")
    assert build(SECOND)[1] == ["(False, 28)"]


def test_a_cell_that_takes_too_long_is_interrupted(build):
    # A kernel that is not interrupted would block the build for an hour.
    with pytest.raises(Exception, match=r"folder/page\.md"):
        build("\n```{code-cell}\nimport time\ntime.sleep(3600)\n```\n", nb_execution_timeout=1)


def test_nothing_is_started_before_pages_are_read(tmp_path, monkeypatch):
    (tmp_path / "conf.py").write_text(CONF)
    (tmp_path / "index.md").write_text("# T\n")
    started = []
    monkeypatch.setattr(forkserver, "ensure_running", lambda: started.append(1))
    for first in (True, False):
        app = SphinxTestApp(srcdir=tmp_path)
        try:
            assert not started
            app.build()
        finally:
            app.cleanup()
        assert bool(started) == first
        started.clear()


@pytest.mark.parametrize(
    ("pages", "begun"), [(0, []), (1, [[*KERNEL, "a"]]), (3, [[*KERNEL, "a", "b"]])]
)
def test_more_is_imported_for_many_pages_and_nothing_for_none(monkeypatch, pages, begun):
    named, started = [], []
    monkeypatch.setattr(multiprocessing, "set_forkserver_preload", named.append)
    monkeypatch.setattr(forkserver, "ensure_running", lambda: started.append(len(named)))
    config = SimpleNamespace(warm_kernels={"a": 1, "b": 3})
    start(SimpleNamespace(config=config), None, ["page"] * pages)
    assert named == begun
    assert started == [1] * len(begun)


def test_kernels_start_as_usual_where_the_system_cannot_fork(build, tmp_path, monkeypatch):
    monkeypatch.setattr(kernels, "CAN_FORK", False)
    monkeypatch.setattr(kernels, "Fork", None)
    first, second = build(SECOND)
    assert first[0] == f"(False, '{tmp_path.name}', 'backend_inline')"  # nothing is preloaded
    assert second == ["(False, 28)"]
