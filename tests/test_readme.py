"""The README: its examples run, and CI calls its command."""

import doctest
import re

import pytest
from conftest import ROOT

README = (ROOT / "README.md").read_text()


def fences(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def test_examples_run():
    examples = fences("python")
    assert examples
    for example in examples:
        test = doctest.DocTestParser().get_doctest(example, {}, "README.md", "README.md", 0)
        assert test.examples
        result = doctest.DocTestRunner(optionflags=0).run(test)
        assert result.attempted == len(test.examples)
        assert result.failed == 0


@pytest.mark.parametrize("where", [".ci/run", "CONTRIBUTING.md"])
def test_the_command_for_all_checks_is_the_same_everywhere(where):
    serve, check = (command.strip() for command in fences("sh")[:2])
    assert serve == f"{check} -e docs-serve"
    assert check in (ROOT / where).read_text().splitlines()


def test_links_within_the_repository_lead_somewhere():
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert len(targets) > 2
    for target in targets:
        assert (ROOT / target).exists(), target
