"""CITATION.cff and the changelogs: the metadata and the versions of both distributions."""

import re
import tomllib

import pytest
import sphinx_code_cell_output
import yaml
from conftest import ROOT

# From the top-level keys of version 1.2 of the format.
NEEDED = {"authors", "cff-version", "message", "title"}
MORE = {"abstract", "date-released", "doi", "keywords", "license", "type", "url", "version"}
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_format_has_all_it_needs_and_nothing_unknown():
    assert set(CITATION) >= NEEDED
    assert set(CITATION) <= NEEDED | MORE | {"repository-code"}
    assert CITATION["cff-version"] == "1.2.0"
    assert CITATION["type"] in ("software", "dataset")
    for name in ("abstract", "license", "message", "title", "version"):
        assert isinstance(CITATION[name], str), name
        assert CITATION[name].strip(), name
    for author in CITATION["authors"]:
        assert set(author) == {"name"}
    assert len(set(CITATION["keywords"])) == len(CITATION["keywords"]) > 0


def test_it_says_what_the_package_says():
    for name in ("version", "license", "authors", "keywords"):
        assert CITATION[name] == PROJECT[name], name
    assert PROJECT["name"].replace("-", "_") in CITATION["title"]


@pytest.mark.parametrize(
    ("folder", "version"),
    [
        ("", PROJECT["version"]),
        ("docs/sphinx-code-cell-output", sphinx_code_cell_output.__version__),
    ],
)
def test_changelog_begins_with_the_version_and_its_day(folder, version):
    text = (ROOT / folder / "CHANGELOG.md").read_text()
    released = re.findall(r"^## (\S+)(?: - (\d{4}-\d\d-\d\d))?$", text, re.MULTILINE)
    # Above it, there may be changes without a version yet.
    newest, day = released[1 if released[0] == ("[Unreleased]", "") else 0]
    assert newest == version
    assert day
    if not folder:
        assert str(CITATION["date-released"]) == day
