"""The program that alters a site: the mutants it makes, and its report of the survivors."""

import pytest
import sphinx.cmd.build
from sphinx_code_cell_output import mutate
from test_cells import CONF, HEAD, block, cell


def test_digits_and_signs_are_altered():
    texts = [text for text, _, _ in mutate.altered("x-1\n-2.9e+0")]
    assert texts == [
        "x-2\n-2.9e+0",
        "x-1\n-3.9e+0",
        "x-1\n-2.0e+0",
        "x-1\n-2.9e+1",
        "x+1\n-2.9e+0",
        "x-1\n+2.9e+0",
        "x-1\n-2.9e-0",
    ]


def test_words_are_altered_in_messages_alone():
    text = "two words\nValueError: two words"
    texts = [changed for changed, _, _ in mutate.altered(text)]
    assert texts == [
        "two words\nValueErrorx: two words",
        "two words\nValueError: twox words",
        "two words\nValueError: two wordsx",
    ]
    assert list(mutate.altered(text, words=False)) == []


@pytest.mark.parametrize(("killed", "code"), [([True, True], 0), ([True, False], 1), ([], 1)])
def test_survivors_are_named_and_fail(monkeypatch, capsys, killed, code):
    made = [mutate.Mutant("page.md:3", "'1' in '1'", "2", lambda k=k: k) for k in killed]
    monkeypatch.setattr(mutate, "mutants", lambda *_: made)
    assert mutate.main(["docs"]) == code
    printed = capsys.readouterr().out
    assert f"killed {sum(killed)} of {len(killed)}" in printed
    assert ("survived: page.md:3: '1' in '1' becomes '2'" in printed) == (False in killed)


def test_a_loose_check_leaves_survivors(monkeypatch):
    kept = [("page.md:3", "tensor(...)", "tensor(1.5)", 8), ("page.md:5", "1.5", "1.5", 0)]
    monkeypatch.setattr(mutate.Recorder, "kept", kept, raising=False)
    assert [mutant.killed for mutant in mutate.in_doctests()] == [True, True]
    kept[1] = ("page.md:5", "tensor(...1)", "tensor(1) tensor(2)", 8)
    assert [mutant.killed for mutant in mutate.in_doctests()] == [False]


PAGE = (
    HEAD
    + cell("print(1 / 4)")
    + block("0.25")
    + cell("1 / 0", "raises-exception")
    + block("ZeroDivisionError: division by zero")
    + cell("None")
    + "It is 0.25. In 2021 it was not.\n\n```{doctest}\n>>> 2 - 9\n-7\n```\n"
    + "\n```{doctest} another group\n>>> 'a'\n'a'\n```\n"
)
PROSE = "extensions += ['sphinx_code_cell_output.prose']\ncode_cell_output_prose_allowed = {'2021': ''}\n"


@pytest.fixture
def source(tmp_path):
    """A site with cells, a doctest, numbers in prose, and a page without cells."""
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "index.md").write_text("# Index\n\n```{toctree}\npage\n```\n")
    (folder / "page.md").write_text(PAGE)
    return folder


@pytest.mark.parametrize(("more", "numbers"), [("", 0), (PROSE, 3)])
def test_each_statement_of_a_site_is_altered_and_noticed(source, capsys, more, numbers):
    (source / "conf.py").write_text(CONF + more)
    assert mutate.main([str(source)]) == 0
    # Digits of 0.25, words of the error, sign and digit of -7, digits of the prose.
    made = 3 + 4 + 2 + numbers
    assert capsys.readouterr().out.endswith(f"killed {made} of {made}\n")


def test_built_site_is_reused_and_not_run_again(tmp_path, source, monkeypatch):
    (source / "conf.py").write_text(CONF)
    html = tmp_path / "build" / "html"
    assert sphinx.cmd.build.main(["-q", "-W", str(source), str(html)]) == 0
    monkeypatch.setattr("nbclient.execute", None)
    found = mutate.mutants(source, source, html)
    assert all(mutant.killed for mutant in found)
    places = [mutant.place for mutant in found[:7]]
    assert places == ["source/page.md:13"] * 3 + ["source/page.md:23"] * 4
    assert [mutant.before for mutant in found[7:]] == ["7 in '-7'", "- in '-7'"]


def test_sample_is_the_same_for_a_seed(monkeypatch, capsys):
    made = [mutate.Mutant("page.md:3", f"'{n}'", "x", lambda: False) for n in range(100)]
    monkeypatch.setattr(mutate, "mutants", lambda *_: made)
    printed = []
    for seed in ("1", "1", "2"):
        assert mutate.main(["docs", "--sample", "5", "--seed", seed]) == 1
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1] != printed[2]
    assert printed[0].endswith("killed 0 of 5\n")


@pytest.mark.parametrize(("right", "wrong"), [("0.25", "0.26"), ("\n-7\n", "\n-8\n")])
def test_site_with_a_difference_is_refused(source, right, wrong):
    (source / "conf.py").write_text(CONF)
    (source / "page.md").write_text(PAGE.replace(right, wrong))
    with pytest.raises(SystemExit, match="the site has problems of its own"):
        mutate.mutants(source, source)
