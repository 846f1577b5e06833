"""Numbers in prose: which are checked, where they are looked up, and the warning if missing."""

import io

import pytest
from sphinx.testing.util import SphinxTestApp
from sphinx_code_cell_output.prose import numbers
from test_cells import CONF, HEAD, cell
from test_cells import build as build_cells

PAGE = """
Title
=====

>>> 1 / 4
0.25
>>> 1234
1234

{}
"""


def build(folder, prose, allowed=()):
    (folder / "conf.py").write_text(
        f'extensions = ["sphinx_code_cell_output.prose"]\ncode_cell_output_prose_allowed = {dict.fromkeys(allowed, "x")}\n'
    )
    (folder / "index.rst").write_text(PAGE.format(prose))
    warning = io.StringIO()
    app = SphinxTestApp("dummy", srcdir=folder, warning=warning)
    try:
        app.build()
        return warning.getvalue(), app.env.metadata["index"]["checked_numbers"]
    finally:
        app.cleanup()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a loss of 1.2616.", ["1.2616"]),
        ("from -0.5 to 100,000 rows", ["-0.5", "100000"]),
        ("1e-8, 3 (20), [0.25]", ["1e-8", "3", "20", "0.25"]),
        ("float32, F.nll_loss2, v2.13, 2.13.0 and 2026-11-23", []),
    ],
)
def test_numbers_are_told_from_names_versions_and_dates(text, found):
    assert numbers(text) == found


@pytest.mark.parametrize(
    "prose",
    [
        "A quarter is 0.25, and 1,234 is a number.",
        "Small ones, like 12, may stand.",
        ":math:`\\frac{1}{4} = 0.25`",
        ".. code:: python\n\n   0.26",
        "In 2021.",
    ],
)
def test_what_is_computed_or_small_or_allowed_passes(tmp_path, prose):
    warnings, _ = build(tmp_path, prose, allowed=["2021"])
    assert not warnings


@pytest.mark.parametrize(
    ("prose", "number"),
    [
        ("A quarter is 0.26.", "0.26"),
        ("A quarter is -0.25.", "-0.25"),
        ("A quarter is 0.250.", "0.250"),
        ("There are 123 of them.", "123"),
        ("*Even* **0.75** counts", "0.75"),
        (":math:`x = 0.75`", "0.75"),
        ("``0.75``", "0.75"),
        (".. note:: 0.75", "0.75"),
        (".. image:: x.svg\n   :alt: 0.75 of it", "0.75"),
    ],
)
def test_what_is_not_computed_is_a_warning_with_its_line(tmp_path, prose, number):
    (tmp_path / "x.svg").touch()
    warnings, counted = build(tmp_path, prose)
    message = f"the number {number} is in no output and no doctest of this page"
    assert f"index.rst:10: WARNING: {message}" in warnings
    assert counted == 1


def test_a_number_in_code_alone_does_not_count(tmp_path):
    warnings, _ = build(tmp_path, "See 500.\n\n>>> x = 500\n")
    assert "the number 500 is in no output" in warnings


SHOWN = """from IPython.display import HTML, Latex, Markdown
display(HTML("<table width='999'><tr><td>0.25</td></tr></table><style>a {top: 888}</style>"))
display(Latex("$x = 0.5$"), Markdown("It *is* 0.75."))"""


def test_numbers_in_rich_outputs_are_computed_and_need_no_other(tmp_path, monkeypatch):
    conf = f"{CONF}extensions += ['sphinx_code_cell_output.prose']\n"
    monkeypatch.setattr("test_cells.CONF", conf)
    prose = "They are 0.25, 0.5 and 0.75; not 999 and 888.\n"
    settings = {"suppress_warnings": ["code_cell_output.unstated"]}
    app, warnings = build_cells(
        tmp_path, {"index.md": HEAD + cell(SHOWN) + prose}, "dummy", **settings
    )
    for number in ("999", "888"):
        assert f"the number {number} is in no output" in warnings
    assert warnings.count("is in no output") == 2
    assert app.env.metadata["index"]["checked_numbers"] == 5
