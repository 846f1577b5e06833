"""The first load of the built site: bytes, requests, hosts."""

import pytest
from first_visit import serve, weigh
from test_site import PAGES

ALL = sorted({*PAGES, "genindex"})


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


def test_texts_are_compressed(tab, compressed, site):
    answer = tab.goto(f"{compressed}/index.html")
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) < (site / "index.html").stat().st_size / 2
    assert answer.body() == (site / "index.html").read_bytes()
