"""The built site from a folder, under a sub-path, without scripts, and when one fails."""

import pytest
from conftest import watch
from first_visit import serve
from notes_site.figures import SCRIPT
from playwright.sync_api import expect
from test_every_page import every_page
from test_figures import (
    FIGURES,
    GRADIENT,
    SETTINGS,
    approach,
    assert_computed,
    assert_written,
    move,
    show,
    wait,
)
from test_site import BACKWARD, PAGES, ROADS

each_figure = pytest.mark.parametrize("name", FIGURES)


@pytest.fixture(params=["folder", "sub-path"])
def place(request, site, tmp_path):
    """Yield the address of the site: a file, or a sub-path of a server."""
    if request.param == "folder":
        yield site.as_uri()
        return
    below = tmp_path / "some" / "where"
    below.parent.mkdir()
    below.symlink_to(site)
    with serve(tmp_path) as address:
        yield f"{address}/some/where"


def test_each_page_has_its_styles_and_scripts(tab, place):
    wrong = watch(tab, place)
    for page in every_page:
        show(tab, f"{place}/{page}.html")
        assert (
            tab.evaluate("getComputedStyle(document.querySelector('article')).overflowWrap")
            == "break-word"
        )
        assert tab.evaluate("document.documentElement.className") == ""  # no longer no-js
        assert tab.evaluate("document.querySelectorAll('svg.glyphs, article').length") > 0
    assert not wrong


def test_figures_can_be_moved(tab, place):
    for name, page in FIGURES.items():
        show(tab, f"{place}/{page}.html")
        figure = tab.locator(f"#figure-{name}")
        move(figure, *SETTINGS[name][1])
        assert_computed(name, figure, *SETTINGS[name][1])


def test_links_lead_to_pages(tab, place):
    tab.goto(f"{place}/index.html")
    tab.get_by_role("main").get_by_role("link", name="How do softmax").first.click()
    expect(tab).to_have_url(f"{place}/{ROADS}.html")
    tab.locator(".sidebar-brand").click()
    expect(tab).to_have_url(f"{place}/index.html")


def test_search_finds_a_word(tab, place):
    tab.goto(f"{place}/{BACKWARD}.html")
    tab.get_by_role("textbox", name="Search").fill("cotangent")
    tab.keyboard.press("Enter")
    expect(tab.locator("#search-results li a", has_text="What does backward(v)")).to_have_count(1)


def test_the_theme_is_remembered(tab, place):
    tab.goto(f"{place}/index.html")
    tab.locator(".theme-toggle-content button").click()
    chosen = tab.evaluate("document.body.dataset.theme")
    assert chosen != "auto"
    tab.goto(f"{place}/{ROADS}.html")
    assert tab.evaluate("document.body.dataset.theme") == chosen


@pytest.mark.parametrize("tab", [{"java_script_enabled": False}], indirect=True)
def test_without_scripts_everything_can_be_read(tab, address):
    for page in PAGES:
        tab.goto(f"{address}/{page}.html")
        expect(tab.locator("article h1")).to_be_visible()
        for folded in tab.locator("article details").all():
            folded.locator("summary").first.click()
            expect(folded.locator("> :not(summary)").first).to_be_visible()
        for picture in tab.locator("article svg[role=img]").all():
            expect(picture).to_be_visible()
        expect(tab.locator(".theme-toggle:visible, button.copybtn:visible")).to_have_count(0)


FAILURES = {
    "lost": lambda route: route.abort(),
    "missing": lambda route: route.fulfill(status=404),
    "broken": lambda route: route.fulfill(
        body="throw new Error('broken')", content_type="text/javascript"
    ),
    "cut": lambda route: route.fulfill(body="(() => {", content_type="text/javascript"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_the_picture_stays_when_the_script_fails(tab, address, failure):
    tab.route(f"**/{SCRIPT}*", FAILURES[failure])
    tab.goto(f"{address}/{GRADIENT}.html")
    with tab.expect_request(f"**/{SCRIPT}*"):
        approach(tab)
    tab.wait_for_load_state("networkidle")
    figure = tab.locator("#figure-loss")
    assert_written("loss", figure, *SETTINGS["loss"][0])
    expect(figure.locator("input")).to_have_count(0)


def test_the_picture_stays_when_a_figure_fails(tab, address):
    """One specification is broken; the other figure works."""

    def spoil(route):
        answer = route.fetch()
        spoiled = answer.text().replace(
            '"signals":[', '"signals":[{"name":"x1","update":"nothing("},', 1
        )
        route.fulfill(response=answer, body=spoiled)

    tab.route(f"**/{BACKWARD}.html", spoil)
    tab.goto(f"{address}/{BACKWARD}.html")
    approach(tab)
    wait(tab, "some")
    first, second = tab.locator(".vega-figure").all()
    name = first.get_attribute("id").removeprefix("figure-")
    assert_written(name, first, *SETTINGS[name][0])
    expect(first.locator("input")).to_have_count(0)
    expect(second.locator("input").first).to_be_visible()
