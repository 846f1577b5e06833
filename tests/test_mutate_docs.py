"""Mutants of a sample of the site's statements: the checks notice each."""

import subprocess
import sys

from conftest import ROOT


def test_a_sample_of_the_site_is_noticed(site):
    options = ["docs", "-c", ".", "--site", site, "--sample", "40", "--seed", "0"]
    program = [sys.executable, "-m", "sphinx_code_cell_output", "mutate", *options]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == "killed 40 of 40\n", done.stdout + done.stderr
    assert done.returncode == 0
