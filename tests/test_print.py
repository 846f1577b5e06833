"""A printed page: the whole text without controls, in black, also from the dark theme."""

import pytest
from test_accessibility import open_all
from test_figures import show
from test_site import PAGES, ROADS

A4 = {"viewport": {"width": 718, "height": 1047}, "color_scheme": "dark"}  # within the margins
AWAY = [
    ".sidebar-drawer",
    ".toc-drawer",
    ".mobile-header",
    ".content-icon-container",
    ".back-to-top",
    ".related-pages",
    ".headerlink",
    ".controls",
    "button",
]
on_paper = pytest.mark.parametrize("tab", [A4], indirect=True)


@pytest.fixture
def paper(tab, address):
    def print_page(page):
        show(tab, f"{address}/{page}.html")
        open_all(tab)
        tab.evaluate("document.body.dataset.theme = 'dark'")
        tab.emulate_media(media="print", reduced_motion="reduce")
        return tab

    return print_page


@on_paper
def test_only_the_page_is_printed(paper):
    for page in PAGES:
        shown = paper(page).evaluate(
            "kinds => kinds.filter(kind => [...document.querySelectorAll(kind)].some(one => one.checkVisibility()))",
            AWAY,
        )
        assert not shown, page


@on_paper
def test_ink_is_dark_on_white_paper(paper):
    for page in PAGES:
        grounds, inks = paper(page).evaluate(
            """() => [
                ["html", "body", "article"].map(name => getComputedStyle(document.querySelector(name)).backgroundColor),
                [...document.querySelectorAll("article :is(p, h1, h2, pre, li), .figure-svg text, .math svg")]
                    .map(one => getComputedStyle(one)[one.ownerSVGElement ? "fill" : "color"]),
            ]"""
        )
        assert set(grounds) <= {"rgb(255, 255, 255)", "rgba(0, 0, 0, 0)"}
        for ink in set(inks):
            assert max(map(float, ink[4:-1].split(",")[:3])) < 120, (page, ink)


@on_paper
def test_nothing_is_cut_off(paper):
    cut = []
    for page in PAGES:
        cut += paper(page).evaluate(
            """page => [...document.querySelectorAll("article :is(pre, table, .figure-svg svg, .math svg)")]
                .filter(one => one.scrollWidth > one.clientWidth + 1 && one.clientWidth
                    || one.getBoundingClientRect().right > innerWidth)
                .map(one => page + ": " + one.outerHTML.slice(0, 120))""",
            page,
        )
    assert not cut


@on_paper
def test_a_link_says_where_it_leads(paper):
    said = paper(ROADS).evaluate(
        """() => [...document.querySelectorAll("article a.external:not(:has(code))")].map(a =>
            [a.href, getComputedStyle(a, "::after").content])"""
    )
    assert said
    for address, after in said:
        assert after == '" (" attr(href) ")"' or address in after
