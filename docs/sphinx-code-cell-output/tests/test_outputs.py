"""The text of each kind of output, and the replacements; without a kernel."""

import pytest
from myst_nb.core.config import NbParserConfig
from nbformat.v4 import new_output
from sphinx.errors import ConfigError
from sphinx_code_cell_output.cells import parts
from sphinx_code_cell_output.compare import differences
from sphinx_code_cell_output.digits import rounded
from sphinx_code_cell_output.html_text import html_text
from sphinx_code_cell_output.options import Rules
from sphinx_code_cell_output.outputs import shown
from sphinx_code_cell_output.settle import check_replacements, plain, replacements, settled
from sphinx_code_cell_output.update import updated
from test_cells import block, cell, cells_of, stream, value

TABLE = "<style>td {top: 1}</style><table><tr><th></th><th>a</th></tr><tr><th>0</th><td>0.25</td></tr></table>"
ARRAY = "<pre>[[1,\n  2],\n 3]\n-----\nnbytes: 24 B</pre>"
FRAME = "<table><tr><th></th><th>a</th></tr><tr><th>0</th><td>1</td></tr><tr><th>...</th><td>...</td></tr><tr><th>9</th><td>1</td></tr></table><p>10 rows \u00d7 1 columns</p>"
ADDRESS = "<a.Styler at 0x7f00aa>"
PNG = {"image/png": "iVBO"}


def text(data):
    return shown(new_output("display_data", data)).rstrip("\n")


@pytest.mark.parametrize(
    ("data", "stated"),
    [
        ({"text/plain": "   a\n0  1", "text/html": TABLE}, "   a\n0  1"),
        ({"text/plain": "x**2/2", "text/latex": "$x^2$"}, "x**2/2"),
        ({"text/plain": "<Array [1, 2] type='2 * int64'>", "text/html": "x"}, "<Array [1, 2] type='2 * int64'>"),
        ({"text/plain": "Slider(value=3)", "application/widget+json": {"id": "8"}}, "Slider(value=3)"),
        ({"text/plain": ADDRESS, "text/html": TABLE}, "a\n0  0.25"),
        ({"text/html": TABLE}, "a\n0  0.25"),
        ({"text/plain": "<IPython.core.display.Markdown object>", "text/markdown": "0.25"}, "0.25"),
        ({"text/latex": "$x$"}, "$x$"),
        ({"text/html": "<iframe src='x'></iframe>", "text/plain": ADDRESS}, "<text/html>"),
        ({"application/json": {"a": 1}, "text/plain": ADDRESS}, "<application/json>"),
        ({**PNG, "text/plain": "<Figure size 640x480 with 1 Axes>"}, "<figure>"),
        ({**PNG, "text/plain": "x**2"}, "<figure>\nx**2"),
        ({"text/plain": ADDRESS}, ADDRESS),
        ({}, ""),
        ({"text/plain": "<Array [[1, ...], 3]>", "text/html": ARRAY}, "[[1,\n  2],\n 3]\n-----\nnbytes: 24 B"),
        ({"text/plain": "a\n1\n\u2026\n1", "text/html": TABLE}, "a\n0  0.25"),
        ({"text/plain": "[1, ..., 9]", "text/html": ""}, "[1, ..., 9]"),
        ({"text/plain": "    a\n0   1\n..  .\n9   1\n\n[10 rows x 1 columns]", "text/html": FRAME},
         "    a\n0   1\n..  .\n9   1\n\n[10 rows x 1 columns]"),
    ],
)  # fmt: skip
def test_output_is_the_text_that_a_reader_can_read(data, stated):
    assert text(data) == stated


def test_number_in_a_table_is_compared():
    for data in ({"text/html": TABLE}, {"text/plain": "a\n0  0.25", "text/html": TABLE}):
        output = new_output("display_data", data)
        for stated, agrees in (("a\n0  0.25", True), ("a\n0  0.26", False)):
            found = cells_of(cell("code") + block(stated), [output])
            assert (not list(differences(found))) == agrees


@pytest.mark.parametrize(
    ("html", "stated"),
    [
        ("<p>a <b>b</b>\n c</p><p>d&amp;e</p>", "a b c\nd&e"),
        ("a<br>b<script>1</script><title>t</title>", "a\nb"),
        ("<ul><li>1</li><li>2</li></ul>", "1\n2"),
        ("<img src='x'>", ""),
        ("a\n b<pre>\n  c  <b>d</b>\n \n e &amp;\n</pre> f", "a b\n  c  d\n e &\nf"),
    ],
)
def test_html_is_read_as_lines(html, stated):
    assert html_text(html) == stated


@pytest.mark.parametrize(
    ("written", "stated"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]8;;http://a\x07link\x1b]8;;\x1b\\", "link"),
        ("a\x00b\x07\x0c\x7f", "a␀b␇␌␡"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("a\u2028b\tc", "a\u2028b\tc"),
    ],
)
def test_colours_are_removed_and_control_characters_visible(written, stated):
    assert plain(written) == plain(plain(written)) == stated


@pytest.mark.parametrize(
    ("written", "stated"),
    [
        ("<A object at 0x7f3c8a00b0>, <B at 0x7F00AA>", "<A object at 0x...>, <B at 0x...>"),
        ("at 0x1f, 0x7f3c8a00b0", "at 0x1f, 0x7f3c8a00b0"),
        ("File '/tmp/ipykernel_31/2078.py', line 3", "File '<cell>', line 3"),
        ("open('/tmp/tmpab_12xyz/a.txt')", "open('<tmp>/a.txt')"),
        ("/tmp/tmpfile.txt /home/tmp1234567890", "/tmp/tmpfile.txt /home/tmp1234567890"),
    ],
)
def test_differences_by_nature_are_settled(written, stated):
    assert settled(written, ()) == settled(stated, ()) == stated
    assert not list(differences(cells_of(cell("code") + block(stated), [stream(written)])))
    assert not list(differences(cells_of(cell("code") + block(written), [stream(stated)])))


def of_rules(stated, *outputs, option="", **rules):
    """Return the differences of a cell under the rules of a project."""
    [found] = cells_of(cell("code") + block(stated, option), list(outputs))
    found.rules = Rules(**rules)
    return [one.message for one in differences([found])]


def test_project_replaces_what_differs():
    rule = replacements({r"\d+ ms": "<time>", r"^(\w) .*$": r"\1 ..."})
    assert not of_rules("took <time>\na ...", stream("took 31 ms\na 7\n"), replace=rule)
    assert not of_rules("took 99 ms\na 8", stream("took 31 ms\na 7\n"), replace=rule)
    assert of_rules("took <time>\nb ...", stream("took 31 ms\na 7\n"), replace=rule)
    assert of_rules("took <time>", stream("took 31 s\n"), replace=rule)


@pytest.mark.parametrize(
    "wrong", [{"(": "a"}, {"a": r"\1"}, {"a": 1}, {".*": "a"}, {1: "a"}, {"a": "aa"}]
)
def test_malformed_replacement_is_refused(wrong):
    config = type("Config", (), {"code_cell_output_replace": wrong})
    with pytest.raises(ConfigError, match=r"code_cell_output_replace: expected a .*, got "):
        check_replacements(None, config)
    config.code_cell_output_replace = {r"\d+ ms": "<time>"}
    check_replacements(None, config)


def test_digits_of_the_project_can_be_turned_off_for_a_block():
    assert not of_rules("0.33", stream("0.3333"), digits=True)
    assert of_rules("0.33", stream("0.3333"), option="exact", digits=True)
    assert of_rules("0.34", stream("0.3333"), digits=True)
    assert of_rules("0.33", stream("0.3333"))


def test_runs_of_blanks_count_as_one_with_digits_alone():
    wide, narrow = stream("[0.3333   10.25]\n"), "[0.33 10.25]"
    assert not of_rules(narrow, wide, option="digits")
    assert of_rules(narrow, wide)
    assert of_rules("[0.33\n10.25]", wide, option="digits")
    assert of_rules("[0.3310.25]", wide, option="digits")


def test_skipped_block_is_not_compared_and_not_rewritten():
    text = cell("code") + block("old", "skip: a timing")
    cells = cells_of(text, [stream("new")])
    assert not list(differences(cells))
    assert updated(text, cells) == text
    assert cells[0].options.skip == "a timing"


@pytest.mark.parametrize("option", ["skip:", "skip: ", "skip", "digits skip", "x skip: y"])
def test_skip_needs_a_reason(option):
    [message] = of_rules("1", stream("1"), option=option)
    assert message == (
        f"expected 'digits', 'exact', 'figure-data' or 'skip: REASON', got {option.strip()!r}"
    )


@pytest.mark.parametrize(
    ("stated", "found", "written"),
    [
        ("0.33", "0.66666666", "0.67"),
        ("0.33 and 0.5", "0.33333 and 0.7071", "0.33 and 0.7"),
        ("[0.33 10.]", "[0.3333  11.25]", "[0.33  11.25]"),
        ("0.33", "0.1234 0.5678", "0.12 0.57"),
        ("1.0e-08", "2.0456e-08", "2.0e-08"),
        ("1.0e-08", "9.96e+19", "1.0e+20"),
        ("1.00", "0.5", "0.5"),
        ("10", "10.5", "10.5"),
        ("a", "0.123", "0.123"),
        ("0.30", "-0.12345", "-0.12"),
    ],
)
def test_update_keeps_the_digits_of_the_writer(stated, found, written):
    assert rounded(found, stated) == written
    text = cell("code") + block(stated, "digits")
    new = updated(text, cells_of(text, [value(found)]))
    assert new == cell("code") + block(written, "digits")
    assert not list(differences(cells_of(new, [value(found)])))


OUTPUTS = [stream("1\n"), value("2"), new_output("display_data"), value("3")]


@pytest.mark.parametrize("stated", ["1\n2\n3", "1|2|3", "1|2\n3"])
def test_blocks_below_a_cell_share_its_outputs(stated):
    text = cell("code") + "".join(map(block, stated.split("|"))) + cell("next") + block("4")
    cells = cells_of(text, OUTPUTS, [value("4")])
    assert not list(differences(cells))
    assert updated(text, cells) == text
    wrong = text.replace("2\n", "5\n")
    assert next(differences(cells_of(wrong, OUTPUTS, []))).subtype == "difference"


@pytest.mark.parametrize(
    ("stated", "after"),
    [("1|9|3", "1|2|3"), ("1|9", "1|2\n3"), ("1|2|3|4", "1|2|3"), ("9|8|7|6|5", "1|2|3")],
)
def test_update_rewrites_each_of_several_blocks(stated, after):
    def page(parts):
        return cell("code") + "".join(map(block, parts.split("|"))) + "Text\n"

    cells = cells_of(page(stated), OUTPUTS)
    assert [one.subtype for one in differences(cells)]
    assert updated(page(stated), cells) == page(after)
    assert not list(differences(cells_of(page(after), OUTPUTS)))


def test_update_of_one_of_several_blocks_keeps_those_above():
    text = cell("code") + block("1") + block("9") + "Text\n"
    cells = cells_of(text, OUTPUTS[:1])
    assert updated(text, cells[1:]) == cell("code") + block("1").rstrip("\n") + "\n\nText\n"


def test_raises_nothing_is_said_once_for_several_blocks():
    text = cell("code") + block("1") + block("2")
    cells = cells_of(text, OUTPUTS[:2], tag="raises-exception")
    assert [one.subtype for one in differences(cells)] == ["raises"]


def test_block_must_not_share_with_that_of_another_cell():
    [one] = cells_of(cell("code") + "Text.\n\n" + block("1"), OUTPUTS[:1])
    assert one.block is None
    assert parts(one.fence, [], one.executed, Rules())[0].shown == "1"


@pytest.mark.parametrize(("merged", "stated"), [(True, "1\n3\n2"), (False, "1\n2\n3")])
def test_streams_are_merged_if_the_site_merges_them(merged, stated):
    outputs = [stream("1\n"), value("2"), stream("3\n")]
    assert not of_rules(stated, *outputs, nb=NbParserConfig(merge_streams=merged))
    assert of_rules("1\n3", *outputs, nb=NbParserConfig(merge_streams=merged))


def test_writefile_is_stated_as_the_first_run():
    cells = cells_of(cell("code") + block("Writing a.txt"), [stream("Overwriting a.txt\n")])
    assert [one.subtype for one in differences(cells)] == ["difference"]
    cells[0].executed.source = "%%writefile a.txt\n1"
    assert not list(differences(cells))
