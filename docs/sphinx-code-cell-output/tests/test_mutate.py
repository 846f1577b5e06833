"""The program that alters the site: it alters what it should, and tells what was not noticed."""

import pytest
from sphinx_code_cell_output import mutate


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
