"""The Vega figures: they compute the same numbers as the package and PyTorch."""

import math
import re
import runpy

import matplotlib as mpl
import pytest
import torch
import vl_convert
from bs4 import BeautifulSoup
from conftest import ROOT, each_window, watch
from notes_site.figures import SCRIPT, inline, vega_markup
from playwright.sync_api import expect
from sphinx.testing.util import SphinxTestApp
from test_site import BACKWARD, PAGES, parsed

from autograd_notes import cross_entropy, linear_map, quadratic_form, run_backward, softmax

GRADIENT = "cross-entropy/3-gradient-by-hand"
FIGURES = {"loss": GRADIENT, "quadratic": BACKWARD, "linear": BACKWARD}
SPEC = {
    "description": 'a < "b"',
    "width": 10,
    "height": 10,
    "signals": [
        {"name": "a", "value": 1, "bind": {"input": "range", "min": 0, "max": 2}},
        {"name": "text", "update": "a < 2 ? '</script>' : ''"},
    ],
}
# Settings of the sliders: logits and a target, or x and v. The first are the defaults.
SETTINGS = {
    "loss": [
        ([1.5, -0.3, -2.2], 2),
        ([0.0, 0.0, 0.0], 1),
        ([-1.7, 0.4, 3.1], 0),
        ([5.0, -5.0, -5.0], 1),  # as far apart as they go
        ([-5.0, 5.0, -5.0], 1),  # a target that is almost certain
    ],
    "quadratic": [
        ([1.0, 5.0], [2.0]),
        ([-3.3, 2.1], [-1.5]),
        ([5.0, 5.0], [2.0]),
        ([0.0, -4.7], [0.3]),  # on an axis
        ([2.0, -1.0], [0.0]),  # no arrow
        ([0.0, 0.0], [1.0]),
    ],
    "linear": [
        ([1.0, 5.0], [1.0, 1.0]),
        ([-3.3, 2.1], [1.0, 0.0]),
        ([0.0, -4.7], [0.0, 1.0]),
        ([5.0, 5.0], [-2.0, 1.9]),
        ([2.0, -1.0], [0.0, 0.0]),
    ],
}
KEYS = {
    "loss": (
        "ArrowRight ArrowRight ArrowRight Tab Home Tab ArrowLeft Tab ArrowUp",
        [1.8, -5.0, -2.3],
        1,
    ),
    "quadratic": ("ArrowLeft Tab Home Tab ArrowRight", [0.9, -5.0], [2.0]),
    "linear": ("End Tab ArrowLeft Tab Home Tab ArrowRight", [5.0, 4.9], [-2.0, 1.1]),
}
# The function, its matrix, the factor by which the arrow is shortened, the step of the level
# lines, and the digits of y, J, v and the gradient.
ARROWS = {
    "quadratic": (quadratic_form, [[0.0, 1.0], [1.0, 0.0]], 5, 20, (2, 1, 1, 2)),
    "linear": (linear_map, [[1.0, 2.0], [3.0, 4.0]], 3, 10, (1, 0, 1, 1)),
}
DRAWN = "[...document.querySelectorAll('.vega-figure')].every(f => f.view)"
each_figure = pytest.mark.parametrize("name", FIGURES)
each_arrow = pytest.mark.parametrize("name", ARROWS)
each_page = pytest.mark.parametrize("page", sorted(set(FIGURES.values())))


@pytest.fixture
def figure(tab, address, name):
    show(tab, f"{address}/{FIGURES[name]}.html")
    return tab.locator(f"#figure-{name}")


def show(tab, url):
    """Open a page, and wait until its figures are interactive."""
    tab.goto(url)
    tab.wait_for_function(DRAWN)


def move(figure, first, second):
    """Set all controls, from the first to the last."""
    values = [*first, *second] if isinstance(second, list) else first
    sliders = figure.get_by_role("slider")
    expect(sliders).to_have_count(len(values))
    for slider, value in zip(sliders.all(), values, strict=True):
        slider.fill(str(value))
    if values is first:
        figure.get_by_role("radio", name=str(second)).check()


def computed(figure, *names):
    """Return signals of a figure, after its pending updates."""
    return figure.evaluate(
        """async (figure, names) => {
            await figure.view.runAsync();
            return names.map(name => figure.view.signal(name));
        }""",
        names,
    )


def numbers(figure, selector=""):
    """Return the numbers in the text of the picture, or of a part of it."""
    texts = figure.locator(f".figure-svg {selector} text").all_text_contents()
    texts = [text.replace("\N{MINUS SIGN}", "-") for text in texts]
    return [text for text in texts if re.fullmatch(r"[-+]?[\d.]+", text)]


def loss_of(logits, target):
    """Return softmax, gradient and loss, as the package and autograd compute them."""
    x = torch.tensor([logits], dtype=torch.float64, requires_grad=True)
    loss = cross_entropy(x, torch.tensor([target]))
    loss.backward()
    return softmax(x.detach())[0].tolist(), x.grad[0].tolist(), loss.item()


def arrow_of(name, x, v):
    """Return the result of run_backward for an x and a v."""
    function, w, *_ = ARROWS[name]
    x, v, w = (torch.tensor(numbers, dtype=torch.float64) for numbers in (x, v, w))
    return run_backward(lambda x: function(x, w), x[:, None], v[:, None])


def assert_written(name, figure, first, second):
    """Compare the text of a picture, which may be the static one."""
    if name == "loss":
        p, gradient, loss = loss_of(first, second)
        assert numbers(figure) == [
            *(f"{value:.4f}" for value in p),
            *("1" if c == second else "0" for c in range(3)),
            *(f"{value:+.4f}" for value in gradient),
        ]
        expect(figure.locator(".figure-svg")).to_contain_text(
            f"loss = \N{MINUS SIGN}log softmax[{second}] = {loss:.4f}"
        )
    else:
        run = arrow_of(name, first, second)
        matrices = {"y": run.y, "J": run.jacobian, "v": run.v, "gradient": run.grad}
        for (part, matrix), digits in zip(matrices.items(), ARROWS[name][-1], strict=True):
            rounded = [round(value, digits) + 0.0 for value in matrix.flatten().tolist()]
            assert numbers(figure, f".{part}") == [f"{value:.{digits}f}" for value in rounded], part


def assert_computed(name, figure, first, second):
    """Compare the signals and the text of a figure."""
    if name == "loss":
        *found, p, gradient, loss = computed(
            figure, "x0", "x1", "x2", "target", "softmax", "gradient", "loss"
        )
        assert found == [*first, second]
        expected = loss_of(first, second)
        assert p == pytest.approx(expected[0], abs=1e-6)
        assert gradient == pytest.approx(expected[1], abs=1e-6)
        assert loss == pytest.approx(expected[2], abs=1e-6)
    else:
        x1, x2, y, jacobian, v, gradient = computed(figure, "x1", "x2", "y", "J", "v", "gradient")
        assert ([x1, x2], v) == (first, second)
        run = arrow_of(name, first, second)
        assert y == pytest.approx(run.y.flatten().tolist(), abs=1e-6)
        entries = [entry for row in jacobian for entry in row]
        assert entries == pytest.approx(run.jacobian.flatten().tolist(), abs=1e-6)
        assert gradient == pytest.approx(run.grad.flatten().tolist(), abs=1e-6)
        assert gradient == pytest.approx(run.vjp.flatten().tolist(), abs=1e-6)
    assert_written(name, figure, first, second)


@each_figure
def test_a_figure_agrees_with_the_package(figure, name):
    assert_computed(name, figure, *SETTINGS[name][0])
    for first, second in SETTINGS[name]:
        move(figure, first, second)
        assert_computed(name, figure, first, second)


@each_figure
def test_the_keyboard_is_enough(figure, tab, name):
    keys, first, second = KEYS[name]
    figure.get_by_role("slider").first.focus()
    for key in keys.split():
        tab.keyboard.press(key)
    assert_computed(name, figure, first, second)


@each_figure
def test_a_policy_may_forbid_eval(tab, address, name):
    wrong = watch(tab, address)

    def forbid(route):
        response = route.fetch()
        policy = {"content-security-policy": "script-src 'self' 'unsafe-inline'"}
        route.fulfill(response=response, headers={**response.headers, **policy})

    tab.route("**/*.html", forbid)
    show(tab, f"{address}/{FIGURES[name]}.html")
    figure = tab.locator(f"#figure-{name}")
    first, second = SETTINGS[name][1]
    move(figure, first, second)
    assert_computed(name, figure, first, second)
    assert not wrong


@pytest.mark.parametrize("tab", [{"java_script_enabled": False}], indirect=True)
@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("loss", "For each of three classes, a bar for softmax"),
        ("quadratic", "A plane with the axes x₁ and x₂"),
        ("linear", "The same plane, with straight level lines"),
    ],
)
def test_without_script_a_picture_stands_in_its_place(tab, address, name, label):
    tab.goto(f"{address}/{FIGURES[name]}.html")
    figure = tab.locator(f"#figure-{name}")
    assert figure.get_by_role("img", name=label).bounding_box()["width"] > 340
    assert_written(name, figure, *SETTINGS[name][0])
    expect(figure.locator("input")).to_have_count(0)
    assert figure.locator(".controls").bounding_box()["height"] == 0


@each_page
def test_nothing_moves_when_the_script_has_drawn(tab, chromium, address, page):
    show(tab, f"{address}/{page}.html")
    plain = chromium.new_context(viewport=tab.viewport_size).new_page()
    plain.route(f"**/{SCRIPT}*", lambda route: route.abort())
    plain.goto(f"{address}/{page}.html")
    places = """() => ["article", ".vega-figure .figure-svg > svg"].map(selector =>
        [...document.querySelectorAll(selector)].map(element => {
            const { x, y, width, height } = element.getBoundingClientRect();
            return [x, y, width, height];
        }))"""
    assert tab.evaluate(places) == plain.evaluate(places)
    plain.context.close()


@each_page
@each_window
def test_figures_fit_and_take_the_colour_of_the_text(tab, address, page):
    wrong = watch(tab, address)
    show(tab, f"{address}/{page}.html")
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for picture in tab.locator(".vega-figure .figure-svg > svg").all():
        box = picture.bounding_box()
        assert box["x"] >= 0
        assert 340 < box["width"] <= tab.viewport_size["width"]
    inks, text = tab.evaluate(
        """() => [[...document.querySelectorAll(".vega-figure svg text")].map(
                      text => getComputedStyle(text).fill),
                  getComputedStyle(document.querySelector("article p")).color]"""
    )
    assert set(inks) == {text}
    assert not wrong


@pytest.mark.parametrize("name", ["loss"])
def test_the_bars_are_as_long_as_the_numbers(figure):
    gradient = loss_of(*SETTINGS["loss"][0])[1]
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


@pytest.mark.parametrize("name", ["loss"])
def test_a_group_of_buttons_has_a_name(figure):
    expect(figure.get_by_role("radiogroup", name="target").get_by_role("radio")).to_have_count(3)


@each_arrow
def test_the_arrow_is_the_gradient(figure, name):
    pixels, shorter = 16.5, ARROWS[name][2]  # to a unit; as on the page
    point, head = figure.locator(".point path"), figure.locator(".head path")
    for x, v in SETTINGS[name]:
        move(figure, x, v)
        gradient = arrow_of(name, x, v).grad.flatten()
        computed(figure)
        (left, top), (tip_left, tip_top, *angle) = transform(point), transform(head)
        found = [(tip_left - left) / pixels * shorter, (top - tip_top) / pixels * shorter]
        assert found == pytest.approx(gradient.tolist(), abs=1e-6)
        if gradient.any():
            angle = math.radians(sum(angle))  # none is written where it is zero
            turned = [math.sin(angle), math.cos(angle)]
            assert turned == pytest.approx((gradient / gradient.norm()).tolist(), abs=1e-6)
        assert head.get_attribute("opacity") == ("1" if gradient.any() else "0")


def transform(mark):
    """Return the position and the rotation of a mark."""
    numbers = re.findall(r"-?[\d.]+(?:e-?\d+)?", mark.get_attribute("transform"))
    return list(map(float, numbers))


@each_arrow
def test_level_lines_are_level(figure, name):
    function, w, _, step, _ = ARROWS[name]
    w = torch.tensor(w, dtype=torch.float64)
    for x, v in SETTINGS[name]:
        move(figure, x, v)
        run = arrow_of(name, x, v)
        lines, line = level_lines(figure, "levels"), level_lines(figure, "here")
        if not run.v.any():
            assert len(lines) == len(line) == 0
            continue
        for a, b, level in torch.cat([lines, line]):
            y = function(torch.stack([a, b])[:, None], w)
            assert (run.v * y).sum().item() == pytest.approx(level.item(), abs=1e-6)
        assert lines[:, 2].unique().diff().min() == step
        level = (run.v * run.y).sum().item()
        assert line[:, 2].unique().tolist() == pytest.approx([level] if len(line) else [], abs=1e-6)
        # Where the quadratic form is zero, its level line is both axes, which are there already.
        assert len(line) or (name == "quadratic" and level == 0)


def level_lines(figure, data):
    """Return the points of level lines: two coordinates, and the level."""
    rows = figure.evaluate(
        """async (figure, data) => {
            await figure.view.runAsync();
            return figure.view.data(data).map(({ a, b, level }) => [a, b, level]);
        }""",
        data,
    )
    return torch.tensor(rows, dtype=torch.float64).reshape(-1, 3)


def test_only_the_pages_with_a_figure_load_the_script(site):
    for page in PAGES:
        soup = parsed(site / f"{page}.html")
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
    soup = BeautifulSoup(vega_markup("square", SPEC, 'a "picture"'), "html.parser")
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
            # Sphinx keeps the Markdown parser for the whole process, so all tests use this one.
            'extensions = ["myst_nb", "notes_site"]\nexclude_patterns = ["_build", "_figures"]\n'
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


def test_they_look_like_the_pictures():
    style = mpl.rc_params_from_file(ROOT / "autograd_notes" / "figures.mplstyle")
    parts = runpy.run_path(ROOT / "docs" / "_figures" / "_parts.py")
    colors = style["axes.prop_cycle"].by_key()["color"]
    assert [parts["BLUE"], parts["ORANGE"]] == colors[:2]
    assert parts["FONT"] == ", ".join(style["font.sans-serif"])


def test_each_specification_is_shown_and_tested(site):
    shown = {
        figure["id"].removeprefix("figure-"): page
        for page in PAGES
        for figure in parsed(site / f"{page}.html").select(".vega-figure")
    }
    assert shown == FIGURES
    assert shown.keys() == {file.stem for file in (ROOT / "docs" / "_figures").glob("[!_]*.py")}


FILE = """<?xml version="1.0"?>
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "x">
<svg width="10" height="10" xmlns="http://www.w3.org/2000/svg">
 <metadata>made on Monday</metadata>
 <defs><style type="text/css">*{stroke: red}</style></defs>
 <defs><path id="a" style="fill: #ffffff; stroke: #000000"/></defs>
 <use href="#a"/><g clip-path="url(#a)"/>
</svg>
"""


def test_ink_and_paper_take_the_colours_of_the_page():
    drawn = inline(FILE, "A square")
    assert "stroke: currentColor" in drawn
    assert "fill: var(--color-background-primary, white)" in drawn
    assert "#000000" not in drawn
    assert "#ffffff" not in drawn


def test_only_the_element_is_left():
    drawn = inline(FILE, "A square")
    assert drawn.startswith("<svg ")
    assert "Monday" not in drawn
    assert "red" not in drawn


def test_names_do_not_clash():
    one, two = inline(FILE, "A"), inline(FILE.replace("10", "11"), "A")
    name, other = (text.partition('id="')[2].partition('"')[0] for text in (one, two))
    assert name != other
    assert f'href="#{name}"' in one
    assert f"url(#{name})" in one


def test_label_is_escaped():
    assert 'aria-label="a &lt; &quot;b&quot; &amp; c"' in inline(FILE, 'a < "b" & c')


def test_images_of_a_page_are_replaced(tmp_path):
    (tmp_path / "conf.py").write_text('extensions = ["notes_site"]\n')
    (tmp_path / "picture.svg").write_text(FILE)
    (tmp_path / "index.rst").write_text("T\n=\n\n.. image:: picture.svg\n   :alt: A square\n")
    app = SphinxTestApp("html", srcdir=tmp_path)
    try:
        app.build()
        html = (app.outdir / "index.html").read_text()
    finally:
        app.cleanup()
    assert '<svg fill="currentColor" role="img" aria-label="A square"' in html
    assert "<img" not in html
    assert not app.warning.getvalue()
