"""The execution of pages: the function that is replaced, the kernel manager, a kernel that stops."""

from types import SimpleNamespace

import jupyter_cache.executors.utils as executors
import nbclient
import pytest
from jupyter_client.manager import AsyncKernelManager
from myst_nb.core.execute import inline
from nbformat.v4 import new_notebook
from sphinx_code_cell_output import clients, execution
from test_cells import HEAD, TYPE, block, build, cell, line_of

used = []


class Manager(AsyncKernelManager):
    """A kernel manager that records its use."""

    def __init__(self, *args, **kwargs):
        used.append("ours")
        super().__init__(*args, **kwargs)


@pytest.mark.parametrize("named", [Manager, "test_execution.Manager"])
def test_site_names_the_kernel_manager(tmp_path, named):
    used.clear()
    page = {"index.md": HEAD + cell("1") + block("1")}
    _, warnings = build(tmp_path, page, "dummy", code_cell_output_kernel_manager=named)
    assert not warnings
    assert used == ["ours"]


def test_kernel_manager_of_myst_nb_takes_precedence(monkeypatch):
    given = []
    monkeypatch.setattr(nbclient, "execute", lambda _notebook, **options: given.append(options))
    settings = {"code_cell_output_kernel_manager": "ours", "code_cell_output_figure_data": False}
    env = SimpleNamespace(config=SimpleNamespace(**settings), temp_data={})
    execution.execute(new_notebook(), env=env, kernel_manager_class="theirs")
    execution.execute(new_notebook(), env=env)
    assert [options["kernel_manager_class"] for options in given] == ["theirs", "ours"]


def test_function_is_replaced_only_while_pages_are_read(tmp_path):
    assert executors.executenb is nbclient.execute
    seen = []
    page = {"index.md": HEAD + cell("1") + block("1")}
    app, _ = build(tmp_path, page, "dummy")
    app.connect("doctree-read", lambda *_: seen.append(executors.executenb))
    (tmp_path / "source" / "index.md").touch()
    app.build()
    assert [function.func for function in seen] == [execution.execute]
    assert executors.executenb is nbclient.execute
    assert inline.ModifiedNotebookClient is clients.ModifiedNotebookClient


def test_kernel_of_another_language_gets_no_python():
    spec = SimpleNamespace(language="R")
    client = SimpleNamespace(km=SimpleNamespace(kernel_spec=spec))
    with pytest.raises(StopIteration) as end:  # a loop of Playwright may run in this thread
        clients.report_figures(client).send(None)
    assert end.value.value is None


def test_build_that_reads_nothing_replaces_nothing():
    execution.replace(None, None, [])
    assert executors.executenb is nbclient.execute


def test_nothing_is_restored_where_nothing_was_executed(monkeypatch):
    for module in execution.REPLACED:
        monkeypatch.delitem(execution.sys.modules, module)
    execution.restore(None, None)
    assert not {*execution.REPLACED} & {*execution.sys.modules}


STOPS = {
    "dead": ("import os; os._exit(3)", "DeadKernelError: Kernel died"),
    "slow": (
        "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\ntime.sleep(60)",
        "CellTimeoutError: A cell timed out while it was being executed, after 2 seconds.",
    ),
}


@pytest.mark.parametrize("mode", ["force", "cache"])
@pytest.mark.parametrize("stop", STOPS)
def test_cell_that_stops_the_kernel_is_named_and_the_build_goes_on(tmp_path, mode, stop):
    code, message = STOPS[stop]
    text = HEAD + cell("1") + block("1") + "Text.\n\n" + cell(code) + cell("2")
    pages = {"index.md": text, "other.md": HEAD + cell("3") + block("4")}
    settings = {"nb_execution_mode": mode, "nb_execution_timeout": 2}
    _, warnings = build(tmp_path, pages, "dummy", **settings)
    line = line_of(text, code) - 1
    assert f"index.md:{line}: WARNING: the cell did not finish: {message}\n" in TYPE.sub(
        "", warnings
    )
    assert "index.md: WARNING: the cell shows" not in warnings
    stated = line_of(pages["other.md"], "4\n```") - 1
    assert f"other.md:{stated}: WARNING: the cell shows something else" in warnings


def test_kernel_that_does_not_start_is_an_error_of_the_page(tmp_path):
    text = HEAD.replace("python3", "nosuch") + cell("1") + block("1")
    _, warnings = build(tmp_path, {"index.md": text}, "dummy")
    assert "index.md:1: WARNING: no cell was run: NoSuchKernel: No such kernel named no" in warnings
    assert "the cell" not in warnings


def test_kernel_error_ends_the_build_where_the_site_wants_that(tmp_path):
    with pytest.raises(nbclient.exceptions.DeadKernelError, match="Kernel died"):
        build(
            tmp_path,
            {"index.md": HEAD + cell("import os; os._exit(3)")},
            "dummy",
            nb_execution_raise_on_error=True,
        )
