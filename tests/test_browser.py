"""The built site in a browser: navigation, search, themes."""

import pytest
from conftest import watch
from playwright.sync_api import expect
from test_site import BACKWARD, PAGES, ROADS


def test_a_reader_goes_from_the_front_page_to_a_number(tab, address):
    wrong = watch(tab, address)
    tab.goto(f"{address}/index.html")
    tab.get_by_role("main").get_by_role("link", name="How do softmax").first.click()
    expect(tab).to_have_url(f"{address}/{ROADS}.html")
    expect(tab.get_by_role("img", name="Four roads lead from")).to_contain_text("1.2616")
    tab.get_by_role("link", name="What does backward(v) compute?").last.click()
    expect(tab).to_have_url(f"{address}/{BACKWARD}.html")
    number = tab.locator("#one-output-and-v-given .cell_output").first
    expect(number).to_contain_text("grad_fn=<MmBackward0>")
    assert not wrong


def test_search_finds_a_word(tab, address):
    tab.goto(f"{address}/index.html")
    tab.get_by_role("textbox", name="Search").fill("cotangent")
    tab.keyboard.press("Enter")
    expect(tab.locator("#search-results li a", has_text="What does backward(v)")).to_have_count(1)


@pytest.mark.parametrize("tab", [{"viewport": {"width": 390, "height": 900}}], indirect=True)
def test_the_page_of_the_search_has_a_field_in_a_narrow_window_too(tab, address):
    tab.goto(f"{address}/search.html")
    tab.get_by_role("searchbox").fill("cotangent")
    tab.keyboard.press("Enter")
    expect(tab.locator("#search-results li a", has_text="What does backward(v)")).to_have_count(1)
    expect(tab.get_by_role("searchbox")).to_have_value("cotangent")


@pytest.mark.parametrize(
    "tab", [{"permissions": ["clipboard-read", "clipboard-write"]}], indirect=True
)
def test_copying_a_check_leaves_the_prompts_behind(tab, address):
    tab.goto(f"{address}/{BACKWARD}.html")
    tab.locator("details.checks > summary").click()
    block = tab.locator(".highlight-pycon").first
    block.hover()
    block.locator("button.copybtn").click()
    copied = tab.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("import torch\nfrom autograd_notes import")
    assert ">>>" not in copied
    assert "tensor([[10.]]" not in copied


@pytest.mark.parametrize("tab", [{"viewport": {"width": 320, "height": 900}}], indirect=True)
def test_formulas_fit_the_narrowest_window(tab, address):
    wide = {}
    for page in PAGES:
        tab.goto(f"{address}/{page}.html")
        wide[page] = tab.locator("article div.math").evaluate_all(
            "all => all.filter(one => one.scrollWidth > one.clientWidth).length"
        )
    assert not any(wide.values()), wide


@pytest.mark.parametrize("tab", [{"color_scheme": "dark"}], indirect=True)
def test_ink_is_light_on_a_dark_page(tab, address):
    tab.goto(f"{address}/{ROADS}.html")
    colors = tab.evaluate(
        """() => ["article .math use", "article .figure-svg text"].map(
            selector => getComputedStyle(document.querySelector(selector)).fill)"""
    )
    for color in colors:
        assert min(int(part) for part in color[4:-1].split(",")) > 150, colors


@pytest.mark.parametrize("tab", [{"java_script_enabled": False}], indirect=True)
def test_mathematics_needs_no_script(tab, address):
    tab.goto(f"{address}/{BACKWARD}.html")
    formula = tab.get_by_role("img", name=r"J_{ij} = \frac{\partial y_i}{\partial x_j}")
    assert formula.bounding_box()["height"] > 30
