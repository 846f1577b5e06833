"""The renderer of mathematics: it draws the whole formula, or warns that it can't."""

import re

import pytest
from notes_site.mathematics import svg
from sphinx.testing.util import SphinxTestApp


def build(folder, text):
    (folder / "conf.py").write_text(
        'extensions = ["notes_site"]\nhtml_math_renderer = "svg"\nhtml_theme = "basic"\n'
    )
    (folder / "index.rst").write_text(text)
    app = SphinxTestApp("html", srcdir=folder)
    try:
        app.build()
        return (app.outdir / "index.html").read_text(), app.warning.getvalue()
    finally:
        app.cleanup()


def test_inline_stands_on_its_baseline():
    flat, deep = (svg(latex, inline=True) for latex in ("x", "x_{j}"))
    depth = [float(re.search(r"vertical-align: (-[\d.]+)em", drawn)[1]) for drawn in (flat, deep)]
    assert depth[1] < depth[0] < 0


def test_alternative_text_is_the_latex():
    drawn = svg("a\n < b", inline=False)
    assert 'role="img"' in drawn
    assert 'aria-label="a &lt; b"' in drawn


@pytest.mark.parametrize(
    ("latex", "reason"),
    [
        (r"x \mathrel{+} y", r"\mathrel is not supported"),
        (r"\nosuchcommand x", r"\nosuchcommand is not supported"),
        (r"\hat x", r"\hat is not supported"),
        (r"\text{a < b}", "ParseError: not well-formed (invalid token): line 1, column 89"),
        (r"\begin{bmatrix} 1", "MissingEndError: "),
    ],
)
def test_what_cannot_be_drawn_is_refused(latex, reason):
    with pytest.raises(ValueError, match=re.escape(reason)):
        svg(latex, inline=False)


def test_page_holds_each_glyph_once(tmp_path):
    formulas = [r"\log p", r"\sum_j \log p", r"\frac{a}{b}"]
    text = "Title\n=====\n\n" + "\n\n".join(f":math:`{latex}`" for latex in formulas)
    html, warnings = build(tmp_path, text)
    assert not warnings
    alone = "".join(svg(latex, inline=True) for latex in formulas)
    uses = re.findall(r'<use href="#([^"]+)"', html)
    symbols = re.findall(r'<symbol id="([^"]+)"', html)
    assert uses == re.findall(r'<use href="#([^"]+)"', alone)
    assert sorted(symbols) == sorted(set(uses))


def test_numbered_formula_keeps_its_number(tmp_path):
    html, warnings = build(tmp_path, ".. math:: a = b\n   :label: one\n\nSee :eq:`one`.\n")
    assert not warnings
    assert '<span class="eqno">(1)' in html


def test_undrawable_formula_is_a_warning_with_its_place(tmp_path):
    html, warnings = build(tmp_path, "Title\n=====\n\n.. math:: x \\mathbin{<} y\n")
    assert r"index.rst:4: WARNING: mathematics cannot be drawn: \mathbin is not" in warnings
    assert r"x \mathbin{&lt;} y" in html
