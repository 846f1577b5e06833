"""The program that runs the site on other code paths and under noise finds each change."""

import subprocess
import sys
from itertools import combinations, product

import portable
import pytest
from conftest import ROOT

MACHINES = {
    "AVX-512": ("AVX512", True, 9, []),
    "AVX2": ("AVX2", True, 6, ["MKL_CBWR=AVX512", "ATEN_CPU_CAPABILITY=avx512"]),
    "older": (
        "DEFAULT",
        True,
        3,
        [
            "MKL_CBWR=AVX2",
            "MKL_CBWR=AVX512",
            "ATEN_CPU_CAPABILITY=avx2",
            "ATEN_CPU_CAPABILITY=avx512",
        ],
    ),
    "ARM": (
        "SVE256",
        False,
        3,
        [
            "MKL_CBWR=COMPATIBLE",
            "MKL_CBWR=AVX2",
            "MKL_CBWR=AVX512",
            "ATEN_CPU_CAPABILITY=avx2",
            "ATEN_CPU_CAPABILITY=avx512",
        ],
    ),
}
HEAD = "---\nfile_format: mystnb\nkernelspec:\n  name: python3\n---\n\n"
# A digit that depends on rounding.
ULP = """\
import torch
row = torch.linspace(-3, 3, 7)
truth = row.double().softmax(0)
error = ((row.softmax(0) - truth).abs() / truth).max() / torch.finfo(torch.float32).eps
print(f"softmax {error:.4f}")
"""
PAGE = f"""{HEAD}# Page

```{{code-cell}}
{ULP}```

```{{code-cell-output}}
softmax 0.4276
```

```{{code-cell}}
:rounding: "The same, marked."
{ULP}```

```{{code-cell-output}}
softmax 0.4276
```

```{{code-cell}}
torch.ones(1, 2) @ torch.tensor([[4.0], [6.0]])
```

```{{code-cell-output}}
tensor([[10.]])
```

```{{doctest}}
>>> import torch
>>> (torch.arange(1, 60) / 3).sum().item() == 590
True
```
"""


def program(*arguments):
    command = [sys.executable, ROOT / "docs" / "portable.py", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def small_site(folder, page, *arguments):
    ours = [f"sphinx_code_cell_output{name}" for name in ("", ".prose", ".counts")]
    (folder / "index.md").write_text(page)
    (folder / "conf.py").write_text(
        f"extensions = {['sphinx.ext.doctest', *ours]}\nnb_execution_mode = 'force'\n"
    )
    return program("--source", folder, "--conf", folder, "--paths", 0, *arguments)


@pytest.mark.parametrize(("capability", "mkl", "count", "missing"), MACHINES.values(), ids=MACHINES)
def test_the_paths_cover_each_pair_of_settings(capability, mkl, count, missing):
    mine = portable.runnable(capability, mkl=mkl)
    assert list(portable.left_out(mine)) == missing
    rows = [variant.environment for variant in portable.paths(mine)]
    assert len(rows) == count
    for one, other in combinations(mine, 2):
        found = {(row[one], row[other]) for row in rows}
        assert found == set(product(mine[one], mine[other]))


def test_the_settings_are_those_of_the_page_of_checks():
    assert len(portable.paths()) == 9
    assert len(portable.SEEDS) == 3


def outcome(seed, changes=(), marked=(), needed=()):
    (variant,) = portable.noises([seed])
    facts = portable.Marks(set(marked), dict.fromkeys(needed, ""))
    return portable.Outcome(variant, 1.0, 2, 3, list(changes), facts)


@pytest.mark.parametrize("changed", [True, False])
def test_changes_are_reported_with_their_variants(capsys, changed):
    change = portable.Problem("page.md", 7, "the cell shows something else:\n-1\n+2")
    outcomes = [outcome(0, [change] * changed), outcome(1, [change] * changed), outcome(2)]
    assert portable.judged(outcomes, [0, 1, 2], complete=True) is not changed
    printed = capsys.readouterr().out
    text = "page.md:7: the cell shows something else:\n-1\n+2\n  under noise, seed 0\n  under noise, seed 1\n"
    assert (text in printed) is changed
    held = "2 outputs of cells and 3 doctest examples, compared on 0 code paths and 3 seeds"
    assert held in printed
    assert f": {int(changed)} changed" in printed


def test_a_mark_that_no_seed_needs_is_reported(capsys):
    marked = {"page.md:7", "page.md:9"}
    outcomes = [outcome(0, (), marked, {"page.md:7"}), outcome(1, (), marked)]
    assert portable.judged(outcomes, [0, 1], complete=False)
    assert not portable.judged(outcomes, [0, 1], complete=True)
    assert "page.md:9: the mark `rounding` is not needed" in capsys.readouterr().out


def test_noise_finds_a_digit_that_depends_on_rounding(tmp_path):
    done = small_site(tmp_path, PAGE, "--seeds", 0)
    assert done.returncode == 1, done.stdout + done.stderr
    line = PAGE[: PAGE.index("```{code-cell-output}")].count("\n") + 1
    report = f"{tmp_path}/index.md:{line}: the cell shows something else:\n--- stated\n+++ shown\n"
    assert report in done.stdout
    assert "-softmax 0.4276\n+softmax " in done.stdout
    line = PAGE[: PAGE.index(">>> (torch")].count("\n") + 1
    assert f"index.md:{line}: the doctest shows something else:" in done.stdout
    assert "-True\n+False\n  under noise, seed 0\n" in done.stdout
    end = "compared on 0 code paths and 1 seeds of rounding noise (1 marked, on the code paths alone): 2 changed\n"
    assert done.stdout.endswith(f"3 outputs of cells and 2 doctest examples, {end}")


def test_a_site_that_executes_nothing_fails(tmp_path):
    done = small_site(tmp_path, "# Page\n\nText.\n", "--seeds", 0)
    assert done.returncode == 1
    assert "the build: nothing was executed\n  under noise, seed 0\n" in done.stdout


def test_a_sample_of_the_site_holds():
    done = program("--sample")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "compared on 1 code paths and 1 seeds of rounding noise" in done.stdout
    assert done.stdout.endswith("): 0 changed\n")
