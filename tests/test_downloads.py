"""The notebooks of the pages, which run anywhere, and the links below each title."""

import json
import re
import shutil
import sys
from copy import deepcopy
from pathlib import Path

import nbformat
import pytest
from conftest import ROOT
from nbclient import NotebookClient
from notes_site.downloads import absolute, links, notebook
from sphinx_code_cell_output.outputs import in_order, shown
from test_head import GITHUB, settings
from test_site import BACKWARD, PAGES, ROADS, parsed

LARGE = "cross-entropy/5-large-logits"
READ_THE_REPOSITORY = {LARGE, "checks"}
EXECUTED = [page for page in PAGES if "{code-cell}" in (ROOT / f"docs/{page}.md").read_text()]
MYST = {
    "a directive": r"^ *(```|:::)+\s*\{",
    "a role": r"(?<!`)\{[a-z:-]+\}`",
    "a link to a source": r"\]\([^)\s]*\.md\b",
    "a link with no text": r"\[\]\(",
    "a link with no address": r"\]\(\)",
    "a label": r"^\([\w-]+\)=$",
    "a mark": "\0",
}


@pytest.fixture(scope="session")
def notebooks(site):
    return {page: nbformat.read(site / f"{page}.ipynb", 4) for page in EXECUTED}


def outputs(cell):
    """The outputs of a cell; in stderr, the notebook has `line` instead of a file of the kernel."""
    found = deepcopy(cell.outputs)
    for output in found:
        if output.get("name") == "stderr":
            output.text = re.sub(r"^line (?=\d+: )", "x.py:", output.text, flags=re.MULTILINE)
    return [shown(output) for output in in_order(found)]


def test_each_executed_page_has_a_valid_notebook(site, notebooks):
    found = {path.relative_to(site).with_suffix("").as_posix() for path in site.rglob("*.ipynb")}
    assert found == set(EXECUTED)
    for page, found in notebooks.items():
        nbformat.validate(found)
        assert len({cell.id for cell in found.cells}) == len(found.cells), page


def test_text_is_plain_markdown(notebooks):
    for page, found in notebooks.items():
        for cell in found.cells:
            if cell.cell_type != "markdown":
                continue
            text = re.sub(r"^(`{3,})(?!\{).*?^\1$", "", cell.source, flags=re.DOTALL | re.MULTILINE)
            for name, pattern in MYST.items():
                assert not re.search(pattern, text, re.MULTILINE), (page, name, text)


def test_links_lead_to_pages_of_the_site(site, notebooks):
    number = 0
    for page, found in notebooks.items():
        text = "\n".join(cell.source for cell in found.cells if cell.cell_type == "markdown")
        for target in re.findall(r"\]\((?!https://)([^)\s]+)\)", text):
            name, _, anchor = target.partition("#")
            html = (site / page).parent.joinpath(name).read_text()
            assert not anchor or f'id="{anchor}"' in html, (page, target)
            number += 1
    assert number > 50


def test_all_code_of_a_page_is_there(notebooks):
    for page, found in notebooks.items():
        text = (ROOT / f"docs/{page}.md").read_text()
        code = [cell for cell in found.cells if cell.cell_type == "code"]
        assert all(cell.execution_count for cell in code), page
        shown_as_text = len(re.findall(r"^````\n```\{code-cell\}$", text, re.MULTILINE))
        assert (
            len(code) == len(re.findall(r"^```\{code-cell\}", text, re.MULTILINE)) - shown_as_text
        )


def test_folded_code_is_folded_in_jupyter_too(notebooks):
    tagged = [
        cell.metadata
        for cell in notebooks[LARGE].cells
        if "hide-input" in cell.metadata.get("tags", ())
    ]
    assert tagged
    assert all(metadata.jupyter.source_hidden for metadata in tagged)


def test_notebook_says_nothing_of_the_machine(site, notebooks):
    places = {str(ROOT), str(site), sys.prefix, sys.base_prefix, str(Path.home()), str(Path.cwd())}
    for page, found in notebooks.items():
        text = json.dumps(found)
        for place in [*(places - {"/", "/usr"}), "site-packages", "ipykernel_", "\\u001b"]:
            assert place not in text, (page, place)


def test_first_cell_says_what_to_install(notebooks):
    firsts = {page: found.cells[0].source for page, found in notebooks.items()}
    for page, found in notebooks.items():
        code = "\n".join(cell.source for cell in found.cells if cell.cell_type == "code")
        draws = "InlineBackend" in code
        need = "`pip install autograd-notes[plot]`" if draws else "`pip install autograd-notes`"
        assert ("clone" in firsts[page]) if page in READ_THE_REPOSITORY else (need in firsts[page])
    assert "[What does backward(v) compute?](1-vector-jacobian-product.html)" in firsts[BACKWARD]


def test_notebook_is_the_same_each_time(notebooks):
    executed = notebooks[ROADS]
    text = "".join(
        f"text\n\0{number}\0"
        for number, cell in enumerate(executed.cells)
        if cell.cell_type == "code"
    )
    first, second = (notebook("first", text, deepcopy(executed)) for _ in range(2))
    assert first == second
    assert '"id": "cell-1"' in first


@pytest.mark.parametrize(
    ("base", "uri", "leads"),
    [
        ("", "../reference.html#x", "../reference.html#x"),
        ("", "#x", "page.html#x"),
        ("", "", "page.html"),
        ("https://host/a/", "../reference.html#x", "https://host/a/reference.html#x"),
        ("https://host/a/", "#x", "https://host/a/folder/page.html#x"),
        ("https://host/a/", "", "https://host/a/folder/page.html"),
    ],
)
def test_link_leads_to_the_site(base, uri, leads):
    assert absolute(base, "folder/page", uri) == leads


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """Create a kernel with the package as in a wheel, and nothing else of the repository."""
    shutil.copytree(ROOT / "autograd_notes", tmp_path / "lib" / "autograd_notes")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "lib"))
    return tmp_path / "elsewhere"


def shows_the_same(found, folder):
    """Execute a notebook in a folder, and compare its outputs with the stored ones."""
    code = [cell for cell in found.cells if cell.cell_type == "code"]
    stored = [outputs(cell) for cell in code]
    client = NotebookClient(found, timeout=300, coalesce_streams=True)
    client.resources = {"metadata": {"path": str(folder)}}
    client.execute()
    assert [outputs(cell) for cell in code] == stored


@pytest.mark.parametrize("page", ["backward/1-vector-jacobian-product", "cross-entropy/4-options"])
def test_notebook_runs_elsewhere(page, notebooks, kernel):
    shows_the_same(deepcopy(notebooks[page]), kernel)


@pytest.mark.every_notebook
@pytest.mark.parametrize("page", EXECUTED)
def test_each_notebook_runs_elsewhere(page, notebooks, kernel):
    shows_the_same(
        deepcopy(notebooks[page]), ROOT / "tests" if page in READ_THE_REPOSITORY else kernel
    )


def found(url, *, runs=True):
    return links(settings(repository_url=url), "docs/a/b.md", "../_sources/a/b.md.txt", runs=runs)


def test_without_a_repository_the_site_has_all():
    assert found("") == {
        "Notebook": "b.ipynb",
        "Markdown": "b.md",
        "Source": "../_sources/a/b.md.txt",
    }


def test_with_a_repository_a_page_can_be_launched():
    assert found(GITHUB) == {
        "Notebook": "b.ipynb",
        "Markdown": "b.md",
        "Source": f"{GITHUB}/blob/main/docs/a/b.md?plain=1",
        "Colab": "https://colab.research.google.com/github/owner/name/blob/notebooks/docs/a/b.ipynb",
        "Binder": "https://mybinder.org/v2/gh/owner/name/notebooks?labpath=docs/a/b.ipynb",
    }


def test_page_without_cells_has_nothing_to_launch():
    assert list(found(GITHUB, runs=False)) == ["Markdown", "Source"]


def test_each_page_has_the_links_and_they_lead_somewhere(site):
    for page in PAGES:
        file = site / f"{page}.html"
        line = parsed(file).select("h1 + .page-links")
        assert len(line) == 1, page
        hrefs = {a.get_text(): a["href"] for a in line[0].find_all("a")}
        downloads = [a["href"] for a in line[0].select("a[download]")]
        assert downloads == [hrefs.get("Notebook")] * (page in EXECUTED), page
        expected = ["Notebook", "Markdown", "Source"]
        assert list(hrefs) == (expected if page in EXECUTED else expected[1:]), page
        for href in hrefs.values():
            assert file.parent.joinpath(href).is_file(), (page, href)
