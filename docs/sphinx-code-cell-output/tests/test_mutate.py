"""The program that alters a site: the mutants it makes, and its report of the survivors."""

import doctest
import re

import pytest
import sphinx.cmd.build
from sphinx_code_cell_output import mutate
from sphinx_code_cell_output.cli import main
from sphinx_code_cell_output.problems import Problem
from sphinx_code_cell_output.recorder import Ran, Recorder
from sphinx_code_cell_output.site import Options
from test_cells import CONF, HEAD, block, cell

pytestmark = pytest.mark.filterwarnings("ignore:'sphinx.environment.BuildEnvironment.app'")


def test_digits_and_signs_are_altered():
    texts = [text for text, _, _ in mutate.altered("x-1\n-2.9e+0", words=False)]
    assert texts == [
        "x-2\n-2.9e+0",
        "x-1\n-3.9e+0",
        "x-1\n-2.0e+0",
        "x-1\n-2.9e+1",
        "x+1\n-2.9e+0",
        "x-1\n+2.9e+0",
        "x-1\n-2.9e-0",
    ]


def test_each_word_is_altered():
    texts = [changed for changed, _, _ in mutate.altered("two_words 1e-8: dé")]
    assert texts[3:] == [
        "twox_words 1e-8: dé",
        "two_wordsx 1e-8: dé",
        "two_words 1ex-8: dé",
        "two_words 1e-8: déx",
    ]
    assert len(list(mutate.altered("two words 7", words=False))) == 1


@pytest.mark.parametrize(("killed", "code"), [([True, True], 0), ([True, False], 1), ([], 1)])
def test_survivors_are_named_and_fail(monkeypatch, capsys, killed, code):
    made = [mutate.Mutant("page.md:3", "'1' in '1'", "2", lambda k=k: k) for k in killed]
    monkeypatch.setattr(mutate, "mutants", lambda _: (made, []))
    assert main(["mutate", "docs"]) == code
    printed = capsys.readouterr().out
    assert f"killed {sum(killed)} of {len(killed)}" in printed
    assert ("survived: page.md:3: '1' in '1' becomes '2'" in printed) == (False in killed)


def killed(stated, shown, flags, *, is_error=False):
    ran = Ran("page.md", 3, flags, is_error, stated, shown)
    return [mutant.killed for mutant in mutate.in_doctests([ran])]


def test_a_loose_check_leaves_survivors():
    assert killed("tensor(...)", "tensor(1.5)", doctest.ELLIPSIS) == [True]
    assert killed("tensor(...1)", "tensor(1) tensor(2)", doctest.ELLIPSIS) == [False, True]
    error = "ValueError: two\n"
    assert killed(error, error, 0, is_error=True) == [True, True]
    loose = doctest.IGNORE_EXCEPTION_DETAIL
    assert killed(error, error, loose, is_error=True) == [True, False]
    assert killed(error, error, loose) == [True, True]


PAGE = (
    HEAD
    + cell("print(1 / 4)")
    + block("0.25")
    + cell("1 / 0", "raises-exception")
    + block("ZeroDivisionError: division by zero")
    + cell("None")
    + "It is 0.25. In 2021 it was not.\n\n```{doctest}\n>>> 2 - 9\n-7\n```\n"
    + "\n```{doctest} another group\n>>> 'a'\n'a'\n>>> int('')  # doctest: +ELLIPSIS\n"
    + "Traceback (most recent call last):\nValueError: invalid...\n```\n"
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
    (source / "conf.py").write_text(f"{CONF}doctest_default_flags = 0\n{more}")
    assert main(["mutate", str(source)]) == 0
    # Digits of 0.25; words of the error; sign and digit of -7; words of 'a' and of the other error,
    # whose first line is no output; digits of the prose.
    made = 3 + 4 + 2 + 1 + 2 + numbers
    assert capsys.readouterr().out.endswith(f"killed {made} of {made}\n")


def test_built_site_is_reused_and_not_run_again(tmp_path, source, monkeypatch):
    (source / "conf.py").write_text(CONF)
    html = tmp_path / "build" / "html"
    assert sphinx.cmd.build.main(["-q", "-W", str(source), str(html)]) == 0
    monkeypatch.setattr("nbclient.execute", None)
    options = Options(source, source, site=html, fresh=False, builder="doctest")
    monkeypatch.chdir(tmp_path)
    found, _ = mutate.mutants(options)
    assert all(mutant.killed for mutant in found[:-1])
    assert not found[-1].killed  # Sphinx's own flags ignore the text of errors
    page = (source / "page.md").read_text()
    lines = [
        page[: page.index(text)].count("\n") + 1 for text in (">>> 2 - 9", ">>> 'a'", ">>> int")
    ]
    places = [mutant.place.removeprefix("source/page.md:") for mutant in found]
    assert (
        list(map(int, places)) == [13] * 3 + [23] * 4 + [lines[0]] * 2 + lines[1:2] + lines[2:] * 2
    )
    assert [mutant.before for mutant in found[7:9]] == ["7 in '-7'", "- in '-7'"]


def test_sample_is_the_same_for_a_seed(monkeypatch, capsys):
    made = [mutate.Mutant("page.md:3", f"'{n}'", "x", lambda: False) for n in range(100)]
    monkeypatch.setattr(mutate, "mutants", lambda _: (made, []))
    printed = []
    for seed in ("1", "1", "2"):
        assert main(["mutate", "docs", "--sample", "5", "--seed", seed]) == 1
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1] != printed[2]
    assert printed[0].endswith("killed 0 of 5\n")
    assert main(["mutate", "docs", "--sample", "500"]) == 1
    assert capsys.readouterr().out.endswith("killed 0 of 100\n")


@pytest.mark.parametrize(
    ("right", "wrong"), [("0.25", "0.26"), ("\n-7\n", "\n-8\n"), ("2 - 9", "2 / 0")]
)
def test_page_with_a_difference_is_named_and_left_out(source, capsys, right, wrong):
    (source / "conf.py").write_text(f"{CONF}{PROSE}")
    page = PAGE.replace(right, wrong)
    (source / "page.md").write_text(page)
    (source / "index.md").write_text(HEAD + cell("12") + block("12") + "```{toctree}\npage\n```\n")
    line = 13 if wrong == "0.26" else page[: page.index(">>> 2")].count("\n") + 1
    assert main(["mutate", str(source)]) == 1
    printed = capsys.readouterr().out
    assert re.match(rf"left out: \S*page\.md:{line}: ", printed)
    assert printed.endswith("\nkilled 2 of 2, 1 file left out\n")


def test_problem_of_no_file_is_an_error(source, monkeypatch):
    (source / "conf.py").write_text(CONF)
    monkeypatch.setattr(mutate, "problems", lambda *_: [Problem("", 0, "odd")])
    with pytest.raises(SystemExit, match="the site has a problem: odd"):
        main(["mutate", str(source)])


def test_page_that_changes_meanwhile_is_named_and_left_out(source, capsys):
    (source / "conf.py").write_text(CONF)
    (source / "index.md").write_text("# Index\n\n```{toctree}\npage\nother\n```\n")
    edit = (
        "```{doctest}\n>>> import pathlib\n>>> _ = pathlib.Path('PAGE').write_text('More.')\n```\n"
    )
    (source / "other.md").write_text(f"# Other\n\n{edit.replace('PAGE', str(source / 'page.md'))}")
    assert main(["mutate", str(source)]) == 1
    printed = capsys.readouterr().out
    message = "none is altered: the file has changed since it was read"
    assert re.match(rf"left out: \S*page\.md:1: the cells .*: {message}\n", printed)
    assert printed.endswith("\nkilled 0 of 0, 1 file left out\n")


def test_docstrings_are_altered(tmp_path, monkeypatch):
    conf = "extensions = ['sphinx.ext.autodoc', 'sphinx.ext.doctest']\n"
    conf += "doctest_global_setup = 'from halves import half'\n"
    (tmp_path / "conf.py").write_text(conf)
    (tmp_path / "index.rst").write_text("Title\n=====\n\n.. autofunction:: halves.half\n")
    text = 'def half(x):\n    """Halve.\n\n    >>> half(3)\n    1.5\n    """\n    return x / 2\n'
    (tmp_path / "halves.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    options = Options(tmp_path, tmp_path, builder="doctest")
    assert [mutant.place for mutant in mutate.mutants(options)[0]] == ["halves.py:4"] * 2


def test_first_comparison_of_an_example_is_recorded(tmp_path):
    ran = [Ran("page.md", 3, 0, is_error=True)]
    recorder = Recorder(tmp_path, ran, 0)
    assert not recorder.check_output("a", "b", 0)
    assert recorder.check_output("", "", 0)  # doctest compares once more, without details
    assert (ran[0].stated, ran[0].shown) == ("a", "b")
