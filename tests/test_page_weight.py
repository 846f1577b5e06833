"""The first load of the built site: bytes, requests, hosts, and layout shifts."""

import pytest
from conftest import each_window
from first_visit import serve, weigh
from test_figures import show
from test_site import PAGES

ALL = sorted({*PAGES, "genindex"})
# `buffered` includes the shifts before the observer was created.
SHIFTS = """() => new Promise(resolve => {
    let shifts = [];
    new PerformanceObserver(list => shifts.push(...list.getEntries().map(
        ({ value, sources }) => [value, sources.map(({ node }) => node?.outerHTML?.slice(0, 100))]
    ))).observe({ type: "layout-shift", buffered: true });
    requestAnimationFrame(() => requestAnimationFrame(() => resolve(shifts)));
})"""


@pytest.fixture(scope="module")
def compressed(site):
    with serve(site) as address:
        yield address


@pytest.mark.parametrize("page", ALL)
def test_a_page_is_light(chromium, compressed, page):
    weight = weigh(chromium, f"{compressed}/{page}.html")
    assert weight.bytes <= 100_000
    assert len(weight.requests) <= 12, weight.requests
    assert not weight.hosts
    kinds = {url.partition("?")[0].rpartition(".")[2] for url in weight.requests}
    assert kinds == {"html", "css", "js", "svg"}  # the picture is the icon


@each_window
def test_nothing_moves_while_a_page_loads(tab, address):
    moved = {}
    for page in ALL:
        show(tab, f"{address}/{page}.html")
        tab.wait_for_load_state("networkidle")
        if shifts := tab.evaluate(SHIFTS):
            moved[page] = shifts
    assert not moved


def test_a_shift_is_noticed(tab):
    tab.set_content("<p>t</p>" * 20)
    tab.wait_for_timeout(100)
    tab.evaluate(
        "document.body.prepend(Object.assign(document.createElement('div'), {style: 'height: 300px'}))"
    )
    assert tab.evaluate(SHIFTS)[0][0] > 0


def test_texts_are_compressed(tab, compressed, site):
    answer = tab.goto(f"{compressed}/index.html")
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) < (site / "index.html").stat().st_size / 2
    assert answer.body() == (site / "index.html").read_bytes()
