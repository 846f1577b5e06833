"""The figures that a reader can move: what they compute is what PyTorch computes."""

import re

import pytest
import torch
import vl_convert
from bs4 import BeautifulSoup
from conftest import ROOT, watch
from playwright.sync_api import expect
from sphinx.testing.util import SphinxTestApp
from test_site import PAGES
from vega_figure import SCRIPT, markup

from autograd_notes import cross_entropy, softmax

GRADIENT = "cross-entropy/3-gradient-by-hand"
SPEC = {
    "description": 'a < "b"',
    "width": 10,
    "height": 10,
    "signals": [
        {"name": "a", "value": 1, "bind": {"input": "range", "min": 0, "max": 2}},
        {"name": "text", "update": "a < 2 ? '</script>' : ''"},
    ],
}
# The last two: logits as far apart as they go, and a target that is almost certain.
SETTINGS = [
    ([1.5, -0.3, -2.2], 2),
    ([0.0, 0.0, 0.0], 1),
    ([-1.7, 0.4, 3.1], 0),
    ([5.0, -5.0, -5.0], 1),
    ([-5.0, 5.0, -5.0], 1),
]


@pytest.fixture
def figure(tab, address):
    tab.goto(f"{address}/{GRADIENT}.html")
    tab.wait_for_function("document.querySelector('.vega-figure').view")
    return tab.locator(".vega-figure")


def computed(figure):
    """Return the values of the figure's formulas, after all that was asked of it is done."""
    return figure.evaluate(
        """async figure => {
            await figure.view.runAsync();
            const names = ["x0", "x1", "x2", "target", "softmax", "gradient", "loss"];
            return Object.fromEntries(names.map(name => [name, figure.view.signal(name)]));
        }"""
    )


def expected(logits, target):
    """Return what the package and autograd say."""
    x = torch.tensor([logits], dtype=torch.float64, requires_grad=True)
    loss = cross_entropy(x, torch.tensor([target]))
    loss.backward()
    return softmax(x.detach())[0].tolist(), x.grad[0].tolist(), loss.item()


def numbers(figure):
    """Return the numbers that are written in the picture, row by row."""
    texts = figure.locator(".figure-svg text").all_text_contents()
    texts = [text.replace("\N{MINUS SIGN}", "-") for text in texts]
    return [text for text in texts if re.fullmatch(r"[-+]?[\d.]+", text)]


def assert_shows(figure, logits, target):
    p, gradient, loss = expected(logits, target)
    found = computed(figure)
    assert [found["x0"], found["x1"], found["x2"], found["target"]] == [*logits, target]
    assert found["softmax"] == pytest.approx(p, abs=1e-6)
    assert found["gradient"] == pytest.approx(gradient, abs=1e-6)
    assert found["loss"] == pytest.approx(loss, abs=1e-6)
    assert numbers(figure) == [
        *(f"{value:.4f}" for value in p),
        *("1" if c == target else "0" for c in range(3)),
        *(f"{value:+.4f}" for value in gradient),
    ]
    expect(figure.locator(".figure-svg")).to_contain_text(
        f"loss = \N{MINUS SIGN}log softmax[{target}] = {loss:.4f}"
    )


@pytest.mark.parametrize(("logits", "target"), SETTINGS)
def test_the_figure_agrees_with_torch(figure, logits, target):
    for c, logit in enumerate(logits):
        figure.get_by_role("slider", name=f"logit of class {c}").fill(str(logit))
    figure.get_by_role("radio", name=str(target)).check()
    assert_shows(figure, logits, target)


def test_the_bars_are_as_long_as_the_numbers(figure):
    gradient = expected([1.5, -0.3, -2.2], 2)[1]
    boxes = [
        figure.locator(f"svg [aria-label^='gradient of class {c}']").bounding_box()
        for c in range(3)
    ]
    one = figure.locator("svg").bounding_box()["width"] * 62 / 360
    assert [box["width"] / one for box in boxes] == pytest.approx(
        list(map(abs, gradient)), abs=1e-2
    )
    zero = boxes[0]["x"]
    assert boxes[1]["x"] == pytest.approx(zero, abs=0.1)
    assert boxes[2]["x"] + boxes[2]["width"] == pytest.approx(zero, abs=0.1)


def test_the_keyboard_is_enough(figure, tab):
    figure.get_by_role("slider", name="logit of class 0").focus()
    for _ in range(3):
        tab.keyboard.press("ArrowRight")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Home")
    tab.keyboard.press("Tab")
    tab.keyboard.press("ArrowLeft")
    tab.keyboard.press("Tab")
    tab.keyboard.press("ArrowUp")
    assert_shows(figure, [1.8, -5.0, -2.3], 1)


def test_a_group_of_buttons_has_a_name(figure):
    expect(figure.get_by_role("radiogroup", name="target").get_by_role("radio")).to_have_count(3)


def test_nothing_moves_when_the_script_has_drawn(figure, tab, chromium, address):
    plain = chromium.new_context(viewport=tab.viewport_size).new_page()
    plain.route(f"**/{SCRIPT}*", lambda route: route.abort())
    plain.goto(f"{address}/{GRADIENT}.html")
    place = "document.querySelector('article').getBoundingClientRect().height"
    assert tab.evaluate(place) == plain.evaluate(place)
    assert figure.locator("svg").bounding_box() == plain.locator(".vega-figure svg").bounding_box()
    plain.context.close()


@pytest.mark.parametrize(
    "tab",
    [
        {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
        for width in (1280, 390)
        for scheme in ("light", "dark")
    ],
    indirect=True,
    ids=["wide-light", "wide-dark", "narrow-light", "narrow-dark"],
)
def test_the_figure_fits_and_takes_the_colour_of_the_text(tab, address):
    wrong = watch(tab, address)
    tab.goto(f"{address}/{GRADIENT}.html")
    tab.wait_for_function("document.querySelector('.vega-figure').view")
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    box = tab.locator(".vega-figure svg").bounding_box()
    assert box["x"] >= 0
    assert 340 < box["width"] <= tab.viewport_size["width"]
    ink, text = tab.evaluate(
        """() => [getComputedStyle(document.querySelector(".vega-figure svg text")).fill,
                  getComputedStyle(document.querySelector("article p")).color]"""
    )
    assert ink == text
    assert not wrong


def test_a_policy_may_forbid_eval(tab, address):
    wrong = watch(tab, address)

    def forbid(route):
        response = route.fetch()
        policy = {"content-security-policy": "script-src 'self' 'unsafe-inline'"}
        route.fulfill(response=response, headers={**response.headers, **policy})

    tab.route("**/*.html", forbid)
    tab.goto(f"{address}/{GRADIENT}.html")
    expect(tab.get_by_role("slider")).to_have_count(3)
    tab.get_by_role("slider").first.fill("-4")
    assert_shows(tab.locator(".vega-figure"), [-4.0, -0.3, -2.2], 2)
    assert not wrong


@pytest.mark.parametrize("tab", [{"java_script_enabled": False}], indirect=True)
def test_without_script_a_picture_stands_in_its_place(tab, address):
    tab.goto(f"{address}/{GRADIENT}.html")
    picture = tab.get_by_role("img", name="For each of three classes, a bar for softmax")
    assert picture.bounding_box()["width"] > 340
    assert picture.get_attribute("aria-label").endswith("buttons choose the target.")
    loss = expected([1.5, -0.3, -2.2], 2)[2]
    expect(picture).to_contain_text(f"= {loss:.4f}")
    expect(tab.locator(".vega-figure input")).to_have_count(0)
    assert tab.locator(".vega-figure .controls").bounding_box()["height"] == 0


def test_only_the_pages_with_a_figure_load_the_script(site):
    for page in PAGES:
        soup = BeautifulSoup((site / f"{page}.html").read_text(), "html.parser")
        scripts = [tag for tag in soup.select("script[src]") if "vega" in tag["src"]]
        assert len(scripts) == bool(soup.select(".vega-figure")), page
        assert all(script.has_attr("defer") for script in scripts)
    assert [file.name for file in (site / "_static").glob("vega*")] == [SCRIPT]


def test_the_script_carries_the_licences_of_its_parts(site):
    script = (site / "_static" / SCRIPT).read_text()
    assert script.startswith("/*!\n")
    for holder in ("University of Washington Interactive Data Lab", "Mike Bostock"):
        assert holder in script.partition("*/")[0]


def test_a_specification_is_safe_inside_a_page():
    soup = BeautifulSoup(markup(SPEC, 'a "picture"'), "html.parser")
    assert len(soup.select("script")) == 1
    assert soup.select_one("svg")["aria-label"] == 'a "picture"'
    assert soup.select_one(".controls")["aria-label"] == SPEC["description"]
    assert soup.select_one(".controls")["style"] == "--controls: 1"
    assert "</script>" not in soup.select_one("script").get_text()


@pytest.fixture
def build(tmp_path, monkeypatch):
    bundles = []
    monkeypatch.setattr(vl_convert, "javascript_bundle", lambda text: bundles.append(text) or "0")

    def built(page, builder="html"):
        (tmp_path / "_figures").mkdir(exist_ok=True)
        (tmp_path / "_figures" / "square.py").write_text(f"spec = {SPEC!r}\n")
        (tmp_path / "conf.py").write_text(
            # Sphinx keeps what reads Markdown for the whole process: the same as everywhere.
            'extensions = ["myst_nb", "vega_figure"]\nexclude_patterns = ["_figures"]\n'
        )
        (tmp_path / "index.md").write_text(f"# T\n\n```{{vega-figure}} {page}\n```\n")
        app = SphinxTestApp(builder, srcdir=tmp_path)
        try:
            app.build()
            return app.warning.getvalue(), len(bundles)
        finally:
            app.cleanup()

    return built


def test_the_script_is_made_once(build):
    assert build("square\n:alt: A square") == ("", 1)
    assert build("square\n:alt: A new square") == ("", 1)


def test_other_builders_make_no_script(build):
    assert build("square\n:alt: A square", "dummy") == ("", 0)


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("circle\n:alt: A circle", r"index.md:3: ERROR: there is no figure .*circle\.py"),
        ("square", r"index.md:3: ERROR: a figure needs an alt text"),
    ],
)
def test_a_mistake_is_named(build, page, message):
    assert re.search(message, build(page)[0])


def test_each_specification_is_shown(site):
    shown = "".join((site / f"{page}.html").read_text() for page in PAGES).count(
        '<div class="vega-figure">'
    )
    assert shown >= len(list((ROOT / "docs" / "_figures").glob("*.py"))) > 0
