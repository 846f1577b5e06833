"""The program that runs the page of errors with another torch: parsing, outputs, data."""

import json

import ask_other_torch
import pytest
from conftest import ROOT

PAGE = """\
# Page

```{code-cell}
import warnings
```

(error-one)=
### One

```{code-cell}
:tags: [raises-exception]

x = 1 / 0
```

```{code-cell-output}
ZeroDivisionError: division by zero
```

(error-two)=
#### Two

```{code-cell}
x = 3
print(x)
warnings.warn("odd (Triggered internally at ../here.cpp:3.)")
x
```

```{code-cell-output}
3
UserWarning: odd
3
```

```{doctest}
>>> int("a")
Traceback (most recent call last):
    ...
ValueError: invalid
```
"""


def test_this_torch_says_what_the_page_states_to_each_entry_alone():
    assert ask_other_torch.differences((ROOT / "docs" / "errors.md").read_text()) == []


def test_a_page_is_read_entry_by_entry():
    start, parts = ask_other_torch.entries(PAGE)
    assert [cell.code for cell in ask_other_torch.cells(start)] == ["import warnings\n"]
    assert list(parts) == ["error-one", "error-two"]
    one = ("x = 1 / 0\n", "ZeroDivisionError: division by zero")
    assert ask_other_torch.cells(parts["error-one"]) == [one]
    assert ask_other_torch.MESSAGE.findall(parts["error-two"]) == [
        "UserWarning: odd",
        "ValueError: invalid",
    ]


def test_what_agrees_is_no_difference():
    assert ask_other_torch.differences(PAGE) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("1 / 0", "1 / 1", ""),
        ("1 / 0", "1 % 0", "ZeroDivisionError: integer modulo by zero"),
        ("print(x)", "print(4)", "4\nUserWarning: odd\n3"),
        ('"odd (', '"strange (', "3\nUserWarning: strange\n3"),
        (")\nx\n", ")\nx + 1\n", "3\nUserWarning: odd\n4"),
        (")\nx\n", ")\ny = x\n", "3\nUserWarning: odd"),
        ("x = 3\n", "", "NameError: name 'x' is not defined"),
    ],
)
def test_what_a_cell_says_otherwise_is_a_difference(old, new, said):
    (found,) = ask_other_torch.differences(PAGE.replace(old, new, 1))
    name = "error-one" if old == "1 / 0" else "error-two"
    stated = ask_other_torch.cells(ask_other_torch.entries(PAGE)[1][name])[0].stated
    assert found == {"entry": name, "cell": 1, "page": stated, "said": said}


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ("1 / 0", "2 / 0", True),
        ("by zero", "by nothing", True),
        ("error-two", "error-three", True),
        ("### One", "### The first", False),
    ],
)
def test_the_fingerprint_is_that_of_the_cells(old, new, changes):
    changed = ask_other_torch.fingerprint(PAGE.replace(old, new))
    assert (changed != ask_other_torch.fingerprint(PAGE)) == changes


def test_versions_that_say_the_same_are_kept_together_and_in_order():
    told = {"entry": "error-one", "cell": 1, "page": "a", "said": "b"}
    other = {**told, "said": "c"}
    data = {"asked": {}, "differences": []}
    for version, said in [("2.10.0", told), ("2.9.1", told), ("2.12.0", other), ("2.9.1", told)]:
        data = ask_other_torch.merged(data, version, PAGE, [dict(said)])
    assert list(data["asked"]) == ["2.9.1", "2.10.0", "2.12.0"]
    assert set(data["asked"].values()) == {ask_other_torch.fingerprint(PAGE)}
    assert data["differences"] == [
        {**told, "versions": ["2.9.1", "2.10.0"]},
        {**other, "versions": ["2.12.0"]},
    ]


def test_a_version_is_asked_anew():
    told = {"entry": "error-one", "cell": 1, "page": "a", "said": "b", "versions": ["2.6.0"]}
    data = {"asked": {"2.6.0": "old"}, "differences": [told]}
    fresh = ask_other_torch.merged(data, "2.6.0", PAGE, [])
    assert fresh == {"asked": {"2.6.0": ask_other_torch.fingerprint(PAGE)}, "differences": []}


def test_the_program_says_and_keeps_what_it_finds(tmp_path, monkeypatch, capsys):
    page, data = tmp_path / "page.md", tmp_path / "data.json"
    page.write_text(PAGE.replace("by zero", "by nothing"))
    data.write_text('{"asked": {}, "differences": []}')
    monkeypatch.setattr(ask_other_torch, "PAGE", page)
    monkeypatch.setattr(ask_other_torch, "DATA", data)
    ask_other_torch.main()
    (kept,) = json.loads(data.read_text())["differences"]
    assert (kept["page"], kept["said"]) == (
        "ZeroDivisionError: division by nothing",
        "ZeroDivisionError: division by zero",
    )
    assert "1 outputs differ under torch" in capsys.readouterr().out
