"""A printed page: the whole text without controls, in black, also from the dark theme."""

import pytest
from test_every_page import open_all
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
SHOWN = "kinds => kinds.filter(kind => [...document.querySelectorAll(kind)].some(one => one.checkVisibility()))"
COLOURS = """() => [
    ["html", "body", "article"].map(name => getComputedStyle(document.querySelector(name)).backgroundColor),
    [...document.querySelectorAll("article :is(p, h1, h2, pre, li), .figure-svg text, .math svg")]
        .map(one => getComputedStyle(one)[one.ownerSVGElement ? "fill" : "color"]),
]"""
CUT = """() => [...document.querySelectorAll("article :is(pre, table, .figure-svg svg, .math svg)")]
    .filter(one => one.scrollWidth > one.clientWidth + 1 && one.clientWidth
        || one.getBoundingClientRect().right > innerWidth)
    .map(one => one.outerHTML.slice(0, 120))"""
LINKS = """() => [...document.querySelectorAll("article a.external:not(:has(code))")].map(a =>
    [a.href, getComputedStyle(a, "::after").content])"""


@pytest.fixture(scope="module")
def printed(chromium, address):
    """Print each page once; return its visible controls, colours, cut elements and links."""
    found = {}
    with chromium.new_context(**A4) as context:
        tab = context.new_page()
        for page in PAGES:
            show(tab, f"{address}/{page}.html")
            open_all(tab)
            tab.evaluate("document.body.dataset.theme = 'dark'")
            tab.emulate_media(media="print", reduced_motion="reduce")
            controls = tab.evaluate(SHOWN, AWAY)
            found[page] = controls, *map(tab.evaluate, (COLOURS, CUT, LINKS))
            tab.emulate_media(media="screen")
    return found


def test_only_the_page_is_printed(printed):
    assert list(printed) == PAGES
    for page, (shown, *_) in printed.items():
        assert not shown, page


def test_ink_is_dark_on_white_paper(printed):
    for page, (_, (grounds, inks), *_) in printed.items():
        assert set(grounds) <= {"rgb(255, 255, 255)", "rgba(0, 0, 0, 0)"}
        for ink in set(inks):
            assert max(map(float, ink[4:-1].split(",")[:3])) < 120, (page, ink)


def test_nothing_is_cut_off(printed):
    assert not [f"{page}: {one}" for page, (_, _, cut, _) in printed.items() for one in cut]


def test_a_link_says_where_it_leads(printed):
    said = printed[ROADS][-1]
    assert said
    for address, after in said:
        assert after == '" (" attr(href) ")"' or address in after
