"""The comparison of the output of a cell with the block below it."""

import io
import re

import nbformat.v4
import pytest
import sphinx.cmd.build
from bs4 import BeautifulSoup
from myst_parser.config.main import MdParserConfig
from sphinx.testing.util import SphinxTestApp
from sphinx_code_cell_output.cells import read
from sphinx_code_cell_output.compare import differences, failure
from sphinx_code_cell_output.fences import fences
from sphinx_code_cell_output.tracebacks import ANSI
from sphinx_code_cell_output.update import updated

CONF = """
extensions = ["myst_nb", "sphinx_code_cell_output.tracebacks", "sphinx_code_cell_output", "sphinx.ext.doctest"]
code_cell_output_kernel_manager = "forked_kernels.ForkManager"
html_theme = "basic"
myst_enable_extensions = ["colon_fence"]
nb_execution_raise_on_error = False
nb_output_stderr = "show"
"""
HEAD = """\
---
file_format: mystnb
kernelspec:
  name: python3
---

# Title

"""
# MyST-NB uses the deprecated `app` of the environment.
pytestmark = pytest.mark.filterwarnings("ignore:'sphinx.environment.BuildEnvironment.app'")
TYPE = re.compile(r" \[[\w.]+\]$", re.MULTILINE)  # shown since Sphinx 8
MODES = pytest.mark.parametrize("mode", ["force", "cache"])


def cell(code, tag=""):
    tags = f":tags: [{tag}]\n\n" if tag else ""
    return f"```{{code-cell}}\n{tags}{code}\n```\n\n"


def block(stated, option=""):
    head = f"{{code-cell-output}} {option}".strip()
    return f"```{head}\n{stated}\n```\n\n"


def build(folder, pages, builder="html", **config):
    """Build a site; return the application, and its warnings without colours and folders."""
    source = folder / "source"
    source.mkdir(exist_ok=True)
    (source / "conf.py").write_text(CONF)
    for name, text in pages.items():
        (source / name).write_bytes(text.encode())
    config = {"nb_execution_mode": "force", **config}
    status, warning = io.StringIO(), io.StringIO()
    app = SphinxTestApp(
        builder,
        status=status,
        warning=warning,
        srcdir=source,
        builddir=folder / "build",
        freshenv=True,
        confoverrides=config,
    )
    try:
        app.build()
    finally:
        app.cleanup()
    app.log = status.getvalue()
    return app, ANSI.sub("", warning.getvalue()).replace(f"{source}/", "")


def soup(app, page="index"):
    return BeautifulSoup((app.outdir / f"{page}.html").read_text(), "html.parser")


def line_of(text, part):
    return text[: text.index(part)].count("\n") + 1


# Without a kernel: outputs are literal.


def stream(text, name="stdout"):
    return nbformat.v4.new_output("stream", name=name, text=text)


def value(text):
    return nbformat.v4.new_output("execute_result", {"text/plain": text})


def display(*kinds):
    data = {**dict.fromkeys(kinds, "..."), "text/plain": "<a.Figure object at 0x7f00aa>"}
    return nbformat.v4.new_output("display_data", data)


def error(name, message):
    return nbformat.v4.new_output("error", ename=name, evalue=message)


def cells_of(text, *outputs, tag=""):
    """Read a page; each cell has one of the lists of outputs."""
    config = MdParserConfig(enable_extensions={"colon_fence"})
    codes = [fence.content.rstrip("\n") for fence, _ in fences(text, config)]
    metadata = {"tags": [tag] if tag else []}
    executed = [
        nbformat.v4.new_code_cell(code, execution_count=1, outputs=shown, metadata=metadata)
        for code, shown in zip(codes, outputs, strict=True)
    ]
    return read(text, config, nbformat.v4.new_notebook(cells=executed))


def said(stated, *outputs, option="", tag=""):
    """Return the warnings for a cell with these outputs and, if any, this block."""
    text = cell("code") + ("" if stated is None else block(stated, option))
    return [found.message for found in differences(cells_of(text, list(outputs), tag=tag))]


def test_output_and_value_are_compared_one_after_the_other():
    assert not said("1\n2", stream("1\n"), value("2"))
    assert said("2\n1", stream("1\n"), value("2"))
    assert said("1", stream("1\n"), value("2"))
    assert said("2", stream("1\n"), value("2"))


def test_difference_is_shown_as_a_diff():
    assert said("a\nb\nc", stream("a\nB\nc\n")) == [
        "the cell shows something else:\n--- stated\n+++ shown\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c"
    ]


def test_output_without_a_block_is_said_whole():
    assert said(None, stream("1\n2\n")) == ["the cell shows what no block states:\n1\n2"]


@pytest.mark.parametrize("outputs", [[], [stream("\n \n")]])
def test_block_of_a_cell_that_shows_nothing_is_said(outputs):
    assert said("1", *outputs) == ["the cell of this block shows nothing"]


def test_cell_that_shows_nothing_needs_no_block():
    assert not said(None)
    assert not said(None, stream("1\n"), tag="remove-output")


@pytest.mark.parametrize(
    ("kinds", "stated"),
    [
        (["image/png"], "<figure>"),
        (["image/svg+xml"], "<figure>"),
        (["text/html", "image/png"], "<figure>"),
        (["application/vnd.plotly.v1+json"], "<application/vnd.plotly.v1+json>"),
        (["application/a", "application/b+json"], "<application/a> <application/b+json>"),
    ],
)
def test_rich_output_is_stated_by_its_kind(kinds, stated):
    assert not said(stated, display(*kinds))
    assert not said(f"1\n{stated}\n2", stream("1\n"), display(*kinds), value("2"))
    assert said("<other>", display(*kinds))
    assert said(None, display(*kinds)) == [f"the cell shows what no block states:\n{stated}"]
    assert said(stated) == ["the cell of this block shows nothing"]
    assert said(f"1\n{stated}", stream("1\n"))


def test_error_is_stated_by_its_last_line_to_the_letter():
    shown = error("RuntimeError", "grad can be created only for scalars")
    assert not said(
        "RuntimeError: grad can be created only for scalars", shown, tag="raises-exception"
    )
    assert said("RuntimeError: grad can be created for scalars only", shown, tag="raises-exception")
    assert said("ValueError: grad can be created only for scalars", shown, tag="raises-exception")


def test_cell_that_no_longer_raises_is_said():
    message = "the cell is tagged raises-exception, and raises nothing"
    assert said("1", stream("1\n"), tag="raises-exception") == [message]
    assert said("E: x", tag="raises-exception") == [message, "the cell of this block shows nothing"]


def test_warning_is_stated_without_its_place():
    text = "/tmp/ipykernel_7/12.py:3: UserWarning: odd\ntwice\n  warnings.warn(text)\n"
    assert not said("1\nUserWarning: odd\ntwice", stream("1\n"), stream(text, "stderr"))
    assert said("1\nUserWarning: odd", stream("1\n"), stream(text, "stderr"))
    assert not said("UserWarning: odd\ntwice\n" * 2, stream(text * 2, "stderr"))


def test_stderr_must_be_stated_to_the_last_line():
    assert said(None, stream("x\n", "stderr"))
    assert not said("x\n  y", stream("x\n  y\n", "stderr"))
    assert said("x", stream("x\n  y\n", "stderr"))


@pytest.mark.parametrize("stated", ["a  b\n\nc", "a  b  \n \nc\t", "a  b\n\nc\n\n"])
def test_trailing_blanks_do_not_count(stated):
    assert not said(stated, stream("a  b \n\nc\n\n"))


@pytest.mark.parametrize(
    "stated",
    ["a b\n\nc", " a  b\n\nc", "\na  b\n\nc", "a  b\nc", "a  b\n\n\nc", "a  b", "A  b\n\nc"],
)
def test_everything_else_counts(stated):
    assert said(stated, stream("a  b\n\nc\n"))


@pytest.mark.parametrize(("stated", "shown"), [("a ... b", "a 1 b"), ("...", "a"), ("a.b", "a-b")])
@pytest.mark.parametrize("option", ["", "digits"])
def test_there_is_no_wildcard(stated, shown, option):
    assert said(stated, stream(shown), option=option)
    assert not said(stated, stream(stated), option=option)


@pytest.mark.parametrize(
    ("stated", "shown"),
    [
        ("0.3333", "0.333333333"),
        ("0.6667", "0.666666667"),
        ("-0.3333", "-0.333333333"),
        ("1.0e-08", "1.04e-08"),
        ("1.0e-08", "9.96e-09"),
        ("loss 0.33 after 10 steps", "loss 0.3333 after 10 steps"),
        ("[0.3, 0.7]", "[0.33, 0.67]"),
    ],
)
def test_digits_compares_numbers_as_far_as_they_are_stated(stated, shown):
    assert not said(stated, stream(shown), option="digits")
    assert said(stated, stream(shown))


@pytest.mark.parametrize(
    ("stated", "shown"),
    [
        ("0.3334", "0.333333333"),
        ("-0.3333", "0.333333333"),
        ("1.", "1.4"),
        ("1.0e-08", "1.06e-08"),
        ("1.0e-08", "1.0e-07"),
        ("10", "10.1"),
        ("loss 0.33 after 10 steps", "loss 0.33 after 11 steps"),
        ("loss 0.33 after 10 steps", "Loss 0.33 after 10 steps"),
        ("float32", "float64"),
        ("[0.3, 0.7]", "[0.3]"),
        ("[0.3]", "[0.3, 0.7]"),
        ("0.3", "nan"),
    ],
)
def test_digits_does_not_hide_another_number_or_word(stated, shown):
    assert said(stated, stream(shown), option="digits")


def test_unknown_option_is_said():
    assert said("1", stream("1"), option="ellipsis") == [
        "expected 'digits', 'exact', 'figure-data' or 'skip: REASON', got 'ellipsis'"
    ]


def test_cell_shown_in_a_longer_fence_is_no_cell():
    shown = "````md\n" + cell("1") + block("wrong") + "````\n\n"
    text = shown + cell("2") + shown + cell("3") + block("3") + shown
    cells = cells_of(text, [], [stream("3\n")])
    assert [each.line for each in cells] == [12, 27]
    assert not list(differences(cells))
    assert updated(text, cells) == text


def test_cell_in_a_list_is_no_cell():
    text = "- item\n\n  ```{code-cell}\n  1\n  ```\n\n" + cell("2") + block("2")
    cells = cells_of(text, [stream("2\n")])
    assert [each.line for each in cells] == [7]
    assert not list(differences(cells))


@pytest.mark.parametrize(("begun", "line"), [(0, 1), (1, 1), (2, 5), (3, 9)])
def test_execution_that_stopped_is_at_the_last_cell_begun(begun, line):
    cells = cells_of(cell("1") + cell("2") + cell("3"), [], [], [])
    for each in cells[begun:]:
        each.executed.execution_count = None
    assert list(failure(cells, stopped=True)) == [(line, "the cell did not finish", "failed")]
    assert not list(failure(cells, stopped=False))
    assert not list(failure([], stopped=True))


def test_update_changes_only_the_blocks_that_disagree():
    kept = (
        "Text with blanks.  \nA form\x0cfeed, a line\u2028separator.\n\n"
        + cell("agrees")
        + "```{code-cell-output} digits\n0.33\n```   \n\n* a list \n\n\n"
    )
    before = kept + cell("added") + cell("wrong") + "\n\n" + block("9", "digits") + "Text\n\n"
    before += cell("silent") + block("gone") + "The end \t\n"
    after = kept + cell("added") + block("1\n\n2") + cell("wrong") + "\n\n" + block("3.5", "digits")
    after += "Text\n\n" + cell("silent") + "The end \t\n"
    outputs = [[stream("0.3333")], [stream("1\n\n2\n")], [stream("3.5")], []]
    for end in ("\n", "\r\n"):
        old, new = before.replace("\n", end), after.replace("\n", end)
        assert updated(old, cells_of(old, *outputs)) == new
        assert updated(new, cells_of(new, *outputs)) == new


def test_update_takes_a_longer_fence_for_output_with_a_fence():
    shown = "````\n```\n````"
    new = updated(cell("code"), cells_of(cell("code"), [stream(shown)]))
    assert new == cell("code") + f"`````{{code-cell-output}}\n{shown}\n`````\n\n"
    assert not list(differences(cells_of(new, [stream(shown)])))


@pytest.mark.parametrize("ending", ["", "\n", "\n\n\n", "\nText\n", "\nText"])
def test_update_works_at_any_end_of_a_page(ending):
    text = cell("code").rstrip() + ending
    new = updated(text, cells_of(text, [value("1")]))
    assert not list(differences(cells_of(new, [value("1")])))
    assert new.replace(block("1").rstrip(), "").split() == text.split()


# With a kernel.

SVG = '<svg xmlns="http://www.w3.org/2000/svg"/>'
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
AGREES = (
    HEAD
    + cell("import base64, json, sys, time, warnings\nfrom IPython.display import HTML, SVG, Image")
    + cell("print('output-' + '1')\n'value-' + '2'")
    + block("output-1\n'value-2'")
    + cell("1 / 3")
    + block("0.3333", "digits")
    + cell(f"Image(base64.b64decode('{PNG}'))")
    + block("<figure>")
    + cell(f"SVG('{SVG}')")
    + block("<figure>")
    + cell("HTML('<b>bold</b>')")
    + block("bold")
    + cell("json.loads('[')", "raises-exception")
    + block("JSONDecodeError: Expecting value: line 1 column 2 (char 1)")
    + cell("raise RuntimeError('one\\n\\ntwo')", "raises-exception")
    + block("RuntimeError: one\n\ntwo")
    + cell("warnings.warn('od' + 'd')\nprint('said', file=sys.stderr)")
    + block("UserWarning: odd\nsaid")
    + cell(
        "print('early')\nprint('no', file=sys.stderr)\ntime.sleep(0.5)\n"
        "print('la', end='')\ntime.sleep(0.5)\nprint('te\\n')\ntime.sleep(0.5)\nprint('x')"
    )
    + block("early\nlate\n\nx\nno")
    + cell("print('---\\n:a: b\\n100%')")
    + block("---\n:a: b\n100%")
    + cell("")
    + "````md\n"
    + cell("1")
    + block("shown")
    + "````\n"
)


@pytest.fixture(scope="module", params=["force", "cache", "cached"])
def agreeing(request, tmp_path_factory):
    """Build a page without differences: with a kernel, and from MyST-NB's cache."""
    folder = tmp_path_factory.mktemp(request.param)
    mode = request.param.removesuffix("d")
    if request.param == "cached":
        build(folder, {"index.md": AGREES}, nb_execution_mode=mode)
    app, warnings = build(folder, {"index.md": AGREES}, nb_execution_mode=mode)
    assert ("Using cached notebook" in app.log) == (request.param == "cached")
    return soup(app), warnings, app.env.metadata["index"]


def test_page_that_agrees_is_not_warned_of(agreeing):
    assert not agreeing[1]


def test_all_its_cells_are_compared(agreeing):
    assert (agreeing[2]["checked_cells"], agreeing[2]["checked_outputs"]) == (12, 10)


def test_output_is_on_the_page_once(agreeing):
    text = agreeing[0].get_text()
    for shown in ("output-1", "'value-2'", "UserWarning: odd", "JSONDecodeError: Expecting"):
        assert text.count(shown) == 1, shown
    assert "0.3333333333333333" in text
    assert "<figure>" not in text
    assert len(agreeing[0].select("article img, .body img")) == 2
    assert agreeing[0].select_one(".cell_output b").get_text() == "bold"


def test_block_is_not_rendered(agreeing):
    shown_as_text = agreeing[0].select_one(".highlight-md")
    assert "{code-cell-output}" in shown_as_text.extract().get_text()
    assert "code-cell-output" not in str(agreeing[0])


def test_parts_of_a_stream_are_shown_and_compared_once(agreeing):
    shown = [pre.get_text() for pre in agreeing[0].select(".cell_output .stream pre")]
    assert "early\nlate\n\nx\n" in shown


def test_traceback_on_the_page_is_short(agreeing):
    library, message = [pre.get_text() for pre in agreeing[0].select(".traceback pre")]
    assert library == (
        "Traceback (most recent call last):\n"
        "  line 1: json.loads('[')\n"
        "JSONDecodeError: Expecting value: line 1 column 2 (char 1)\n"
    )
    assert message == (
        "Traceback (most recent call last):\n"
        "  line 1: raise RuntimeError('one\\n\\ntwo')\n"
        "RuntimeError: one\n\ntwo\n"
    )


def test_page_does_not_show_where_the_kernel_ran(agreeing):
    page = str(agreeing[0])
    for part in ("ipykernel", "\x1b", ".py:", "site-packages", "decoder.py"):
        assert part not in page, part


WRONG = (
    HEAD
    + cell("print('one\\ntwo')")
    + block("one\n2")
    + cell("print('unstated')")
    + cell("0")
    + block("0", "unknown")
)


@MODES
@pytest.mark.parametrize("builder", ["html", "text", "doctest", "dummy"])
def test_difference_is_a_warning_in_every_builder(tmp_path, mode, builder):
    _, warnings = build(tmp_path, {"index.md": WRONG}, builder, nb_execution_mode=mode)
    warnings = TYPE.sub("", warnings)
    diff = "\n--- stated\n+++ shown\n@@ -1,2 +1,2 @@\n one\n-2\n+two\n"
    stated, unstated, option = (
        line_of(WRONG, part) for part in ("one\n2", "print('u", "0\n```\n\n`")
    )
    assert f"index.md:{stated - 1}: WARNING: the cell shows something else:{diff}" in warnings
    unstated = f"index.md:{unstated - 1}: WARNING: the cell shows what no block states:\nunstated\n"
    assert unstated in warnings
    assert (
        f"index.md:{option + 3}: WARNING: expected 'digits', 'exact', 'figure-data' or" in warnings
    )
    assert "WARNING: differences between cells and their blocks: 3; this machine: " in warnings
    assert warnings.count("WARNING") == 4


@pytest.mark.parametrize(("text", "code"), [(AGREES, 0), (WRONG, 1)])
def test_difference_fails_a_build_that_wants_no_warnings(tmp_path, text, code):
    (tmp_path / "conf.py").write_text(CONF)
    (tmp_path / "index.md").write_text(text)
    assert (
        sphinx.cmd.build.main(["-q", "-W", "--keep-going", str(tmp_path), str(tmp_path / "out")])
        == code
    )


STRAY = (
    HEAD
    + cell("1")
    + "\n\n"
    + block("1")
    + "Paragraph.\n\n"
    + block("after a paragraph")
    + ":::{note}\n"
    + block("in a note")
    + ":::\n\n- item\n\n  ```{code-cell-output}\n  in a list\n  ```\n\n"
    + cell("2")
    + block("2")
    + cell("None")
    + ":::{code-cell-output}\nin another fence\n:::\n\n"
    + cell("3")
    + block("3")
    + "```{include} part.txt\n```\n"
)


@pytest.fixture(scope="module")
def strays(tmp_path_factory):
    above = "\n" * (line_of(STRAY, "3\n```\n\n```{include}") - 2)
    pages = {
        "index.md": STRAY,
        "plain.md": "# Title\n\nParagraph.\n\n" + block("on a plain page"),
        "part.txt": above + block("included"),
    }
    return build(tmp_path_factory.mktemp("strays"), pages)[1]


# MyST-NB counts one blank line below a cell: here are three.
PARTS = {"after a paragraph": 2, "in a note": 2, "  in a list": 2}
LINES = {part: line_of(STRAY, part) - 1 - more for part, more in PARTS.items()}
LINES["in another fence"] = line_of(STRAY, "in another fence") - 1
LINES["included"] = line_of(STRAY, "3\n```\n\n```{include}") - 1


@pytest.mark.parametrize("part", LINES)
def test_block_without_a_cell_is_a_warning(strays, part):
    assert f"index.md:{LINES[part]}: WARNING: this block does not follow a cell" in strays


def test_block_on_a_plain_page_is_a_warning(strays):
    assert "plain.md:5: WARNING: this block does not follow a cell" in strays


def test_no_other_block_is_a_warning(strays):
    lines = re.findall(r"^index.md:(\d+): WARNING: this block", strays, re.MULTILINE)
    assert sorted(map(int, lines)) == sorted(LINES.values())


def test_stray_block_is_compared_with_no_cell(strays):
    assert "the cell" not in strays


@MODES
def test_update_makes_a_page_agree_and_leaves_the_rest(tmp_path, mode):
    before = HEAD + "Blanks.  \n\n" + cell("print(1)\n2") + cell("3") + block("4") + "\n\nEnd \n"
    before += cell("None") + block("gone") + cell("1 / 3") + block("0.3333", "digits")
    before += cell("print('```')")
    after = HEAD + "Blanks.  \n\n" + cell("print(1)\n2") + block("1\n2") + cell("3") + block("3")
    after += "\n\nEnd \n" + cell("None") + cell("1 / 3") + block("0.3333", "digits")
    after += cell("print('```')") + block("```").replace("```\n```", "````").replace(
        "```{", "````{"
    ).replace("````\n\n", "```\n````\n\n")
    failed = HEAD + cell("print(1)") + block("2") + cell("1 / 0") + cell("3")
    pages = {"index.md": before, "failed.md": failed}
    options = {"nb_execution_mode": mode, "code_cell_output_update": True}
    _, warnings = build(tmp_path, pages, **options)
    assert "index.md" not in warnings.replace("index.md: WARNING: document isn't", "")
    assert warnings.count("WARNING: the cell") == 1
    assert f"failed.md:{line_of(failed, '1 / 0') - 1}: WARNING: the cell failed" in warnings
    page = tmp_path / "source" / "index.md"
    assert page.read_bytes() == after.encode()
    ran = failed.replace(block("2"), block("1"))
    assert (tmp_path / "source" / "failed.md").read_bytes() == ran.encode()
    written = page.stat().st_mtime_ns
    build(tmp_path, {}, **options)
    assert page.read_bytes() == after.encode()
    assert page.stat().st_mtime_ns == written
    assert "index.md:" not in build(tmp_path, {}, nb_execution_mode=mode)[1]
