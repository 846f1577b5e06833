"""Run the notebook of each page in JupyterLab, as a reader does: open it, and run all cells.

`tox -e docs-jupyterlab` runs these tests; the name of the file keeps them out of plain `pytest`.
JupyterLab stops at the first error of a cell without the tag `raises-exception`. VS Code and Spyder
show the same cells as a script in jupytext's format `py:percent`.
"""

import json
import os
import subprocess
import sys
import time
from copy import deepcopy

import jupytext
import nbformat
import pytest
from conftest import ROOT
from test_downloads import EXECUTED, notebooks, outputs

__all__ = ["notebooks"]  # a fixture

# Keep the cells outside the window in the document, too.
SETTINGS = {"@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"}}
# The command of the menu's Run All Cells. It returns at the first error, even where that is tagged:
# the kernel answers the empty request after all cells.
RUN_ALL = """async () => {
  await jupyterapp.restored;
  const panel = jupyterapp.shell.currentWidget;
  await panel.context.ready;
  await panel.sessionContext.ready;
  await jupyterapp.commands.execute("notebook:run-all-cells");
  await panel.sessionContext.session.kernel.requestExecute({code: "", silent: true}).done;
  await panel.context.save();
}"""
STOP = "() => jupyterapp.shell.currentWidget.sessionContext.shutdown()"
SEEN = """() => ({
  pictures: document.querySelectorAll(".jp-OutputArea-output :is(img, svg)").length,
  broken: [...document.images].filter(image => !image.naturalWidth).map(image => image.alt),
  misread: [...document.querySelectorAll("mjx-merror, [data-mjx-error]")].map(e => e.outerHTML),
})"""


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.fixture(scope="session")
def folder(notebooks):
    """Write the notebooks without their outputs, in the clone: two of them read its files."""
    folder = ROOT / "build" / "jupyterlab"
    for page, found in notebooks.items():
        empty = deepcopy(found)
        for cell in code(empty):
            cell.outputs, cell.execution_count = [], None
        (folder / page).parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(empty, folder / f"{page}.ipynb")
    return folder


@pytest.fixture(scope="session")
def lab(folder, tmp_path_factory):
    """Start JupyterLab with settings of its own, and return its address."""
    home = tmp_path_factory.mktemp("jupyter")
    for name, setting in SETTINGS.items():
        file = home / "lab" / "user-settings" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(setting))
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--expose-app-in-browser"]
    options = ["--allow-root", "--ServerApp.port=0", "--IdentityProvider.token=", folder]
    places = {"JUPYTER_CONFIG_DIR": str(home), "JUPYTER_RUNTIME_DIR": str(home)}
    with (home / "log").open("w") as log:
        server = subprocess.Popen(
            [*command, *options], env={**os.environ, **places}, stdout=log, stderr=log
        )
    try:
        while not (started := list(home.glob("jpserver-*.json"))):
            assert server.poll() is None, (home / "log").read_text()
            time.sleep(0.1)
        yield json.loads(started[0].read_text())["url"]
    finally:
        server.terminate()
        server.wait()


@pytest.mark.parametrize("page", EXECUTED)
def test_run_all_cells_shows_the_outputs_of_the_page(page, notebooks, folder, lab, tab):
    tab.set_default_timeout(300_000)
    tab.goto(f"{lab}lab/tree/{page}.ipynb?reset")
    tab.wait_for_function("window.jupyterapp?.shell.currentWidget?.context")
    tab.evaluate(RUN_ALL)
    ran, stored = nbformat.read(folder / f"{page}.ipynb", 4), notebooks[page]
    assert [outputs(cell) for cell in code(ran)] == [outputs(cell) for cell in code(stored)]
    pictures = sum(
        any(kind.startswith("image/") for kind in output.get("data", ()))
        for cell in code(stored)
        for output in cell.outputs
    )
    assert tab.evaluate(SEEN) == {"pictures": pictures, "broken": [], "misread": []}
    tab.evaluate(STOP)


@pytest.mark.parametrize("page", EXECUTED)
def test_script_has_the_cells_and_their_tags(page, notebooks):
    script = jupytext.writes(notebooks[page], "py:percent")
    compile(script, page, "exec")
    kept, stored = (
        [(cell.source, cell.metadata.get("tags")) for cell in code(found)]
        for found in (jupytext.reads(script, "py:percent"), notebooks[page])
    )
    assert kept == stored
