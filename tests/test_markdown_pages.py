"""The Markdown beside each page, and the list of all pages: of the site, and of a small one."""

import re

import pytest
from changed_files import write
from conftest import ROOT
from sphinx.testing.util import SphinxTestApp
from test_page_notebooks import MYST
from test_site import BACKWARD, LOSS, PAGES, ROADS

import autograd_notes

INDEX = """\
Front
=====

.. meta::
   :description: What it is.

.. toctree::
   :caption: Chapter

   folder/one
"""
ONE = "One\n===\n\nFirst\nparagraph. *Second* sentence.\n\nMore.\n"


@pytest.fixture(scope="module", params=["", "https://host/a/"])
def small(request, tmp_path_factory):
    """Build a site of two pages, with an address and without."""
    folder = tmp_path_factory.mktemp("small")
    folder.joinpath("conf.py").write_text('extensions = ["markdown_pages"]\nproject = "P"\n')
    folder.joinpath("index.rst").write_text(INDEX)
    folder.joinpath("folder").mkdir()
    folder.joinpath("folder", "one.rst").write_text(ONE)
    app = SphinxTestApp(srcdir=folder, confoverrides={"html_baseurl": request.param})
    try:
        app.build()
    finally:
        app.cleanup()
    return app.outdir, request.param


def test_list_has_the_form_of_llms_txt(small):
    folder, base = small
    assert folder.joinpath("llms.txt").read_text() == (
        "# P\n\n> What it is.\n\n## Start\n\n"
        f"- [Front]({base}index.md): What it is.\n\n## Chapter\n\n"
        f"- [One]({base}folder/one.md): First paragraph. Second sentence.\n"
    )


def test_page_names_its_markdown(small):
    folder, _ = small
    head = folder.joinpath("folder", "one.html").read_text().partition("</head>")[0]
    assert '<link rel="alternate" type="text/markdown" href="one.md">' in head
    assert folder.joinpath("folder", "one.md").read_text().startswith("# One\n\nFirst paragraph.")


def test_file_that_stays_the_same_is_not_written_again(tmp_path):
    file = tmp_path / "folder" / "file"
    write(file, "é")
    before = file.stat().st_mtime_ns
    write(file, "é".encode())
    assert file.stat().st_mtime_ns == before
    write(file, "e")
    assert file.read_bytes() == b"e"


def test_list_names_each_page_once(site):
    text = (site / "llms.txt").read_text()
    assert re.findall(r"^- \[[^\]]+\]\(([^)]+)\.md\): \S", text, re.MULTILINE) != []
    assert sorted(re.findall(r"\]\(([^)]+)\.md\)", text)) == PAGES


def test_markdown_is_plain_and_has_the_outputs(site):
    for page in PAGES:
        text = (site / f"{page}.md").read_text()
        outside = re.sub(r"^(`{3,})(?!\{).*?^\1$", "", text, flags=re.DOTALL | re.MULTILINE)
        for name, pattern in MYST.items():
            if name != "a link to a source":  # here that is the Markdown of another page
                assert not re.search(pattern, outside, re.MULTILINE), (page, name)
    assert f"```\n{LOSS}```" in (site / f"{ROADS}.md").read_text()
    assert "$$\nJ_{ij} = " in (site / f"{BACKWARD}.md").read_text()


def test_links_between_pages_lead_to_markdown(site):
    number = 0
    for page in PAGES:
        text = (site / f"{page}.md").read_text()
        for target in re.findall(r"\]\((?!https://|#)([^)\s]+)\)", text):
            assert (site / page).parent.joinpath(target.partition("#")[0]).is_file(), (page, target)
            assert ".md" in target, (page, target)
            number += 1
    assert number > 100


def test_reference_has_the_docstrings(site):
    text = (site / "reference.md").read_text()
    for name in autograd_notes.__all__:
        assert f"### `autograd_notes.{name}`\n\n```python\n" in text, name
        first = getattr(autograd_notes, name).__doc__.strip().partition("\n")[0]
        assert re.split("[:`]", first)[0] in text, name
    assert text.count("**Parameters:**") > 10
    assert text.count(">>> ") >= (ROOT / "docs/reference.md").read_text().count("autofunction")
