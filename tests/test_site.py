"""The built site: it has every row of the study notebook, and requests nothing from other hosts."""

import functools
import os
import re
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from bs4 import BeautifulSoup
from conftest import CODE_PATH, ROOT, is_current

import autograd_notes as notes

PAGES = sorted(
    path.relative_to(ROOT / "docs").with_suffix("").as_posix()
    for path in (ROOT / "docs").rglob("*.md")
    if path.name != "README.md" and "sphinx-code-cell-output" not in path.parts  # of programs
)
BACKWARD = "backward/1-vector-jacobian-product"
GRAPH = "backward/2-the-graph"
ROADS = "cross-entropy/1-four-roads"
LOG_PROBABILITIES = """\
tensor([[-0.1689, -2.0033, -3.8886],
        [-0.2862, -1.9392, -2.2532],
        [-1.0543, -0.6196, -2.1769],
        [-1.2865, -1.4797, -0.7011],
        [-2.1846, -0.2273, -2.3991]])
"""
PROBABILITIES = """\
tensor([[0.8446, 0.1349, 0.0205],
        [0.7511, 0.1438, 0.1051],
        [0.3484, 0.5382, 0.1134],
        [0.2762, 0.2277, 0.4961],
        [0.1125, 0.7967, 0.0908]])
"""
DATA = """\
torch.Size([5, 3])
tensor([[ 1.5410, -0.2934, -2.1788],
        [ 0.5684, -1.0845, -1.3986],
        [ 0.4033,  0.8380, -0.7193],
        [-0.4033, -0.5966,  0.1820],
        [-0.8567,  1.1006, -1.0712]])
tensor([2, 0, 1, 0, 1])
"""
LOSS = "tensor(1.2616)\n"

# The code of a cell, up to blanks, and its output.
ROWS = [
    (BACKWARD, "print(y)\nprint(x.grad)", ["tensor([[10.]], grad_fn=<MmBackward0>)\nNone\n"]),
    (BACKWARD, "y.backward(v)\nx.grad", ["tensor([[20.],\n        [ 4.]])\n"]),
    (BACKWARD, "y.backward()\nx.grad", ["tensor([[10.],\n        [ 2.]])\n"]),
    (BACKWARD, "print(x.grad.tolist())", ["[[4.0], [6.0]]\n" * 3]),
    (ROADS, "print(x.shape)\nprint(x)\nprint(target)", [DATA]),
    (ROADS, "nl(softmax(x), target)", [LOSS]),
    (ROADS, "nll(log_p, target)", [LOG_PROBABILITIES + PROBABILITIES, LOSS]),
    (ROADS, "F.nll_loss(F.log_softmax(x, dim=-1), target)", ["True\n", LOSS]),
    (ROADS, "F.cross_entropy(x, target)", [LOSS]),
]


@functools.cache
def parsed(file: Path) -> BeautifulSoup:
    """Parse a page of the site once for all tests; they must not change it."""
    return BeautifulSoup(file.read_text(), "html.parser")


@pytest.fixture(scope="session")
def soups(site: Path) -> dict[str, BeautifulSoup]:
    return {page: parsed(site / f"{page}.html") for page in PAGES}


def test_the_site_is_built_without_a_warning(site):
    warnings = site.with_name("warnings.txt").read_text()
    assert not warnings, warnings


def test_only_a_current_build_that_passed_is_opened(tmp_path):
    warnings, passed, sitemap = (
        tmp_path / name for name in ("warnings.txt", "passed", "html/sitemap.xml")
    )
    sitemap.parent.mkdir()
    assert not is_current(tmp_path)
    warnings.touch()
    assert not is_current(tmp_path)
    passed.write_text("[None, 'AVX2', None]")  # built on another code path
    assert not is_current(tmp_path)
    passed.write_text(CODE_PATH)
    assert is_current(tmp_path)
    os.utime(passed, (0, 0))  # the last build did not finish
    assert not is_current(tmp_path)
    os.utime(warnings, (0, 0))  # the sources are younger
    assert not is_current(tmp_path)
    warnings.touch()
    passed.touch()
    sitemap.touch()  # it has an address
    assert not is_current(tmp_path)
    sitemap.unlink()
    assert is_current(tmp_path)
    warnings.write_text("page.md:1: WARNING: ...")
    passed.touch()
    assert not is_current(tmp_path)


@pytest.mark.parametrize(("page", "code", "outputs"), ROWS)
def test_each_row_of_the_notebook_is_shown(soups, page, code, outputs):
    shown = [
        [pre.get_text() for pre in cell.select(".cell_output pre")]
        for cell in soups[page].select(".cell")
        if cell.select_one(".cell_input pre").get_text().rstrip().endswith(code)
    ]
    assert outputs in shown


PROMISES = [
    (BACKWARD, "tensor([[10.]], grad_fn=<MmBackward0>)\n>>> print(x.grad)\nNone\n", 1),
    (BACKWARD, "tensor([[20.],\n        [ 4.]])\n", 1),
    (BACKWARD, "tensor([[10.],\n        [ 2.]])\n", 1),
    (BACKWARD, "tensor([[4.],\n        [6.]])\n", 2),
]


@pytest.mark.parametrize(("page", "text", "times"), PROMISES)
def test_each_row_is_also_promised(soups, page, text, times):
    promised = "".join(pre.get_text() for pre in soups[page].select(".highlight-pycon pre"))
    assert promised.count(text) == times


@pytest.mark.parametrize("module", [F, notes])
def test_torch_and_package_give_the_rows_of_the_roads(module):
    torch.manual_seed(0)
    x = torch.randn(5, 3)
    target = torch.randint(3, (5,))
    assert f"{x.shape}\n{x}\n{target}\n" == DATA
    log_p = module.log_softmax(x, dim=-1)
    assert f"{log_p}\n" == LOG_PROBABILITIES
    p = module.softmax(x, dim=-1)
    assert f"{p}\n" == f"{log_p.exp()}\n" == PROBABILITIES
    nll = F.nll_loss if module is F else notes.nll
    for loss in notes.nl(p, target), nll(log_p, target), module.cross_entropy(x, target):
        assert f"{loss!r}\n" == LOSS


def test_pages_ask_no_other_host(soups):
    for page, soup in soups.items():
        for tag in soup.find_all(["script", "img", "iframe", "source", "object", "embed"]):
            assert not re.match(r"(https?:)?//", tag.get("src") or tag.get("data") or ""), page
        for link in soup.find_all("link"):
            if link["rel"] != ["canonical"]:
                assert not re.match(r"(https?:)?//", link["href"]), page


def test_styles_ask_no_other_host(site):
    styles = list(site.rglob("*.css"))
    assert len(styles) > 3
    for style in styles:
        assert not re.search(r"(url\(|@import)\s*['\"]?(https?:)?//", style.read_text()), style


def test_each_picture_has_a_text_alternative(soups):
    pictures = 0
    for page, soup in soups.items():
        for picture in soup.select("article img"):
            assert picture.get("alt", "").strip(), (page, picture)
        for picture in soup.select("article svg"):
            hidden = picture.get("aria-hidden") == "true"
            assert hidden or picture.get("aria-label", "").strip(), (page, str(picture)[:200])
            pictures += not hidden
    assert pictures > 60


def test_each_chapter_has_a_picture(soups):
    for page, number in ((BACKWARD, 1), (GRAPH, 10), (ROADS, 1)):
        assert len(soups[page].select(".figure-svg svg[aria-label]")) >= number


def test_glyphs_are_there_once(soups):
    for page, soup in soups.items():
        ids = [tag["id"] for tag in soup.select("[id]")]
        assert len(ids) == len(set(ids)), page
        used = {use.get("href") or use.get("xlink:href") for use in soup.find_all("use")}
        assert used <= {f"#{name}" for name in ids}, page


def test_each_page_has_a_title_of_its_own(soups):
    titles = {soup.title.get_text() for soup in soups.values()}
    assert len(titles) == len(soups)
    assert all(re.fullmatch(r"\w.* - autograd_notes", title) for title in titles), titles


def test_each_page_has_a_description_of_its_own(soups):
    found = [
        tag["content"] for soup in soups.values() for tag in soup.select("meta[name=description]")
    ]
    assert len(set(found)) == len(found) == len(soups)
    for description in found:
        assert 50 <= len(description) <= 160, description


def test_each_page_says_where_to_go_next(soups):
    for page, soup in soups.items():
        assert "Where to go next." in soup.select_one("article").get_text(), page


def test_the_front_page_leads_through_all_chapters(soups):
    links = [link["href"] for link in soups["index"].select(".reading-order a")]
    assert links == [f"{page}.html" for page in PAGES if "/" in page]


def test_the_front_page_counts_what_the_page_of_checks_does(soups):
    *_, in_all = soups["checks"].select(".check-counts tr")
    totals = [cell.get_text() for cell in in_all.select("td")[1:]]
    assert len(totals) == 4
    text = soups["index"].select_one("article").get_text()
    [sentence] = re.findall(r"In the build of this page.*?(?=\n\n|\Z)", text, re.DOTALL)
    assert re.findall(r"\d[\d,]*\b", sentence) == totals


def test_pages_that_run_say_when_they_did(soups):
    for page, soup in soups.items():
        assert bool(soup.select_one("h1 ~ .checked-on time")) == bool(soup.select(".cell")), page


def test_links_to_other_projects_reach_their_real_pages(soups):
    links = {a["href"] for a in soups[ROADS].select("a.reference.external")}
    base = "https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional."
    for name in ("softmax", "log_softmax", "nll_loss", "cross_entropy"):
        assert f"{base}{name}.html#torch.nn.functional.{name}" in links
