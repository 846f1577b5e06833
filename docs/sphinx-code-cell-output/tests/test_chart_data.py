"""Charts that a browser draws from JSON: every number and word of the data is compared."""

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_output
from sphinx_code_cell_output.outputs import shown
from test_cells import HEAD, block, build, cell

pytestmark = pytest.mark.filterwarnings("ignore:'sphinx.environment.BuildEnvironment.app'")
PLOTLY = "application/vnd.plotly.v1+json"
UNKNOWN = {"suppress_warnings": ["mystnb.unknown_mime_type"]}  # of builders that show no charts
SPEC = {"data": [{"x": [1, 2], "y": [0.25, 0.5], "name": "loss"}], "layout": {}}


def chart(spec, kind=PLOTLY, **others):
    output = new_output("display_data", NotebookNode({kind: spec, **others}))
    return shown(output, figure_data=True)


@pytest.mark.parametrize(
    "changed",
    [{"x": [1, 3]}, {"y": [0.25, 0.51]}, {"name": "gain"}, {"y": [0.25, None]}, {"z": []}],
)
def test_digest_depends_on_all_data(changed):
    other = {**SPEC, "data": [{**SPEC["data"][0], **changed}]}
    assert chart(SPEC) != chart(other)


def test_digest_does_not_depend_on_the_last_digits_or_the_order_of_keys():
    other = {"layout": {}, "data": [{"y": [0.25, 0.50001], "x": [1, 2], "name": "loss"}]}
    assert chart(SPEC) == chart(other)


def test_chart_keeps_its_text_and_its_picture():
    kind = "application/vnd.vegalite.v6+json"
    text = chart(SPEC, kind, **{"text/plain": "alt.Chart(...)"})
    assert text.startswith(f"alt.Chart(...)\n<{kind}> ")
    assert chart(SPEC, kind, **{"image/png": "..."}).startswith(f"<figure>\n<{kind}> ")


@pytest.mark.parametrize("kind", ["widget-view", "bokehjs_exec.v0"])
def test_charts_with_random_identifiers_are_their_kind(kind):
    kind = f"application/vnd.{kind}+json"
    assert chart(SPEC, kind) == f"<{kind}>\n"


CHART = f"from IPython.display import display\ndisplay({{'{PLOTLY}': {{'y': [1]}}}}, raw=True)"


def test_block_states_the_digest_of_a_chart(tmp_path):
    digest = chart({"y": [1]}).strip()
    text = HEAD + cell(CHART) + block(digest, "figure-data") + cell(CHART) + block(f"<{PLOTLY}>")
    assert not build(tmp_path, {"index.md": text}, "dummy", **UNKNOWN)[1]
    changed = text.replace("[1]", "[2]", 1)
    assert (
        f"-{digest}\n+<{PLOTLY}> " in build(tmp_path, {"index.md": changed}, "dummy", **UNKNOWN)[1]
    )
