"""Pictures inside the page: their colours, their names, their text alternative."""

import inline_svg
from sphinx.testing.util import SphinxTestApp

FILE = """<?xml version="1.0"?>
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "x">
<svg width="10" height="10" xmlns="http://www.w3.org/2000/svg">
 <metadata>made on Monday</metadata>
 <defs><style type="text/css">*{stroke: red}</style></defs>
 <defs><path id="a" style="fill: #ffffff; stroke: #000000"/></defs>
 <use href="#a"/><g clip-path="url(#a)"/>
</svg>
"""


def test_ink_and_paper_take_the_colours_of_the_page():
    drawn = inline_svg.inline(FILE, "A square")
    assert "stroke: currentColor" in drawn
    assert "fill: var(--color-background-primary, white)" in drawn
    assert "#000000" not in drawn
    assert "#ffffff" not in drawn


def test_only_the_element_is_left():
    drawn = inline_svg.inline(FILE, "A square")
    assert drawn.startswith("<svg ")
    assert "Monday" not in drawn
    assert "red" not in drawn


def test_names_do_not_clash():
    one, two = inline_svg.inline(FILE, "A"), inline_svg.inline(FILE.replace("10", "11"), "A")
    name, other = (text.partition('id="')[2].partition('"')[0] for text in (one, two))
    assert name != other
    assert f'href="#{name}"' in one
    assert f"url(#{name})" in one


def test_label_is_escaped():
    assert 'aria-label="a &lt; &quot;b&quot; &amp; c"' in inline_svg.inline(FILE, 'a < "b" & c')


def test_images_of_a_page_are_replaced(tmp_path):
    (tmp_path / "conf.py").write_text('extensions = ["inline_svg"]\n')
    (tmp_path / "picture.svg").write_text(FILE)
    (tmp_path / "index.rst").write_text("T\n=\n\n.. image:: picture.svg\n   :alt: A square\n")
    app = SphinxTestApp("html", srcdir=tmp_path)
    try:
        app.build()
        html = (app.outdir / "index.html").read_text()
    finally:
        app.cleanup()
    assert '<svg fill="currentColor" role="img" aria-label="A square"' in html
    assert "<img" not in html
    assert not app.warning.getvalue()
