"""The links below a title: notebook, Markdown, source, launches; and what conf.py may say of them."""

import pytest
from bs4 import BeautifulSoup
from conftest import refused
from page_links import check, links, row
from sphinx.config import Config
from sphinx.errors import ConfigError
from test_page_notebooks import EXECUTED
from test_site import PAGES

GITHUB = "https://github.com/owner/name"


def config(url="", branch="main", notebooks="notebooks"):
    found = Config({"repository_url": url})
    for name, value in (
        ("repository_url", url),
        ("repository_branch", branch),
        ("notebook_branch", notebooks),
    ):
        found.add(name, value, "html", str)
    return found


def found(url, *, runs=True):
    return dict(links(config(url), "a/b", "docs/a/b.md", "../_sources/a/b.md.txt", runs=runs))


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


def test_notebook_is_downloaded():
    assert 'download href="b.ipynb"' in row(iter(found("").items()))


@pytest.mark.parametrize("url", ["", GITHUB, "https://github.com/o-1/n.a_b"])
def test_right_settings_are_taken(url):
    check(None, config(url))


@pytest.mark.parametrize(
    "url",
    [
        f"{GITHUB}/",
        "http://github.com/owner/name",
        "owner/name",
        f"{GITHUB}.git/x",
        "https://gitlab.com/o/n",
    ],
)
def test_wrong_address_is_refused(url):
    message = f"repository_url: expected 'https://github.com/owner/name' or '', got {url!r}"
    with refused(ConfigError, message):
        check(None, config(url))


@pytest.mark.parametrize("name", ["repository_branch", "notebook_branch"])
@pytest.mark.parametrize("branch", ["", "a b", "-x", "a?b"])
def test_wrong_branch_is_refused(name, branch):
    settings = config()
    settings[name] = branch
    with refused(ConfigError, f"{name}: expected the name of a branch, got {branch!r}"):
        check(None, settings)


def test_each_page_has_the_links_and_they_lead_somewhere(site):
    for page in PAGES:
        file = site / f"{page}.html"
        line = BeautifulSoup(file.read_text(), "html.parser").select("h1 + .page-links")
        assert len(line) == 1, page
        hrefs = {a.get_text(): a["href"] for a in line[0].find_all("a")}
        expected = ["Notebook", "Markdown", "Source"]
        assert list(hrefs) == (expected if page in EXECUTED else expected[1:]), page
        for href in hrefs.values():
            assert file.parent.joinpath(href).is_file(), (page, href)
