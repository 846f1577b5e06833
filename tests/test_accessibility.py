"""Accessibility of the built site: axe-core, contrast, headings, keyboard, reduced motion."""

import os
import shutil
from itertools import pairwise

import pytest
from conftest import ROOT, WINDOWS
from playwright.sync_api import expect
from test_figures import GRADIENT, show
from test_site import PAGES, ROADS

AXE = ROOT / "tests" / "node_modules" / "axe-core" / "axe.min.js"
FAINT = (ROOT / "tests" / "svg_contrast.js").read_text()
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
AUDIT = """async ([tags, group]) => {
    const others = axe.getRules().filter(rule => group && !rule.tags.includes(group));
    const rules = Object.fromEntries(others.map(rule => [rule.ruleId, { enabled: false }]));
    const { violations } = await axe.run({ runOnly: tags, rules, resultTypes: ["violations"] });
    return violations.flatMap(({ id, nodes }) =>
        nodes.map(node => `${id}: ${node.target}: ${node.failureSummary}`));
}"""
FOCUS = """() => {
    const focused = document.activeElement;
    const { outlineStyle, outlineWidth } = getComputedStyle(focused);
    const { right, bottom, width } = focused.getBoundingClientRect();
    return {
        name: focused.tagName + "." + focused.className + "#" + focused.id,
        kinds: Object.keys(KINDS).filter(name => focused.matches(KINDS[name])),
        seen: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2
            && right > 0 && bottom > 0 && width > 1,
    };
}"""
# Which elements can be seen, and where; the icon of the theme changes with the colours.
LAYOUT = """() => [...document.querySelectorAll("body *:not(.theme-toggle *)")].map(element => {
    const { x, y, width, height } = element.getBoundingClientRect();
    return [element.checkVisibility(), x, y, width, height].join();
}).join("\\n")"""
KINDS = {
    "skip link": ".skip-to-content",
    "search": ".sidebar-search",
    "navigation": ".sidebar-tree a",
    "menu": "header .nav-overlay-icon .icon",
    "theme": ".theme-toggle",
    "contents": ".toc-tree a",
    "contents menu": ".toc-overlay-icon .icon",
    "copy": "button.copybtn",
    "slider": "input[type=range]",
    "choice": "input[type=radio]",
    "folded": "summary",
    "link": "article p a",
    "next page": ".next-page",
}
WIDE, NARROW = {"menu", "contents menu"}, {"search", "navigation", "contents"}
every_page = [*PAGES, "genindex", "search"]
at_the_top = [*every_page, "404"]  # the last one finds its styles from there alone
still = pytest.mark.parametrize("tab", [{"reduced_motion": "reduce"}], indirect=True)


def open_all(tab):
    """Open all folded elements, without animation; wait for the observer of keyboard.js."""
    tab.emulate_media(reduced_motion="reduce")
    tab.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    # Browsers call resize observers after the animation frame that follows a new layout.
    tab.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


@pytest.fixture(scope="module")
def audits(chromium, address):
    """Audit each page in each window: once for each layout, and the colours of each scheme."""
    if not (AXE.is_file() or shutil.which("npm") or "CI" in os.environ):
        pytest.skip("npm is not installed")
    assert AXE.is_file(), "first: npm ci --prefix tests"
    found = {name: [] for name in WINDOWS}
    with chromium.new_context() as context:
        tab = context.new_page()
        for page in at_the_top:
            show(tab, f"{address}/{page}.html")
            tab.evaluate(AXE.read_text())
            audited = None
            for name, window in WINDOWS.items():
                tab.set_viewport_size(window["viewport"])
                tab.emulate_media(color_scheme=window["color_scheme"])
                open_all(tab)
                layout = tab.evaluate(LAYOUT)
                group = "cat.color" if layout == audited else None  # else all rules
                found[name] += [f"{page}: {one}" for one in tab.evaluate(AUDIT, [TAGS, group])]
                audited = layout
    return found


@pytest.mark.parametrize("window", WINDOWS)
def test_axe_finds_nothing(audits, window):
    assert not audits[window], "\n".join(audits[window])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures_are_seen(tab, address, scheme):
    tab.emulate_media(color_scheme=scheme)
    found = []
    for page in PAGES:
        show(tab, f"{address}/{page}.html")
        open_all(tab)
        found += [f"{page}: {one}" for one in tab.evaluate(FAINT)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("drawn", "faint"),
    [
        ('<text y="9" fill="#777777">t</text>', 1),
        ('<text y="9" fill="#767676">t</text>', 0),
        ('<rect width="9" height="9" fill="#000"/><text y="9" fill="#777777">t</text>', 0),
        ('<rect width="9" height="9" fill="#aaa"/><text y="9" fill="#767676">t</text>', 1),
        ('<rect width="9" height="9" fill="#999"/>', 1),
        ('<path d="M0,0H9" fill="none" stroke="#949494"/>', 0),
        ('<path d="M0,0H9" fill="none" stroke="#969696"/>', 1),
        ('<path d="M0,0H9" fill="none" stroke="#000" opacity=".3"/>', 1),
        ('<g opacity=".6"><path d="M0,0H9" fill="none" stroke="#000" stroke-opacity=".5"/></g>', 1),
    ],
)
def test_what_is_faint_in_a_picture_is_found(tab, drawn, faint):
    tab.set_content(
        f'<body style="background: #fff"><div class="figure-svg"><svg>{drawn}</svg></div>'
    )
    assert len(tab.evaluate(FAINT)) == faint


def test_no_level_of_headings_is_left_out(tab, address):
    for page in at_the_top:
        tab.goto(f"{address}/{page}.html")
        levels = tab.evaluate(
            "[...document.querySelectorAll('article :is(h1, h2, h3, h4, h5, h6)')].map(h => +h.tagName[1])"
        )
        assert levels[:1] == [1], page
        assert levels.count(1) == 1, page
        assert all(b <= a + 1 for a, b in pairwise(levels)), (page, levels)


def tabs(tab, times):
    """Press Tab, and yield the focused elements."""
    script = FOCUS.replace("KINDS", repr(KINDS))
    for _ in range(times):
        tab.keyboard.press("Tab")
        yield tab.evaluate(script)


@pytest.mark.parametrize(
    ("tab", "left_out"),
    [
        ({"viewport": {"width": 1400, "height": 900}, "reduced_motion": "reduce"}, WIDE),
        ({"viewport": {"width": 390, "height": 900}, "reduced_motion": "reduce"}, NARROW),
    ],
    indirect=["tab"],
)
def test_the_keyboard_reaches_everything(tab, address, left_out):
    show(tab, f"{address}/{GRADIENT}.html")
    reached = set()
    for focused in tabs(tab, 250):
        assert focused["seen"], focused
        reached |= set(focused["kinds"])
        if reached >= KINDS.keys() - left_out:
            break
    assert reached == KINDS.keys() - left_out


@pytest.mark.parametrize("tab", [{"viewport": {"width": 390, "height": 900}}], indirect=True)
@pytest.mark.parametrize(("icon", "drawer"), [("nav", "sidebar"), ("toc", "toc")])
def test_the_keyboard_opens_and_closes_a_menu(tab, address, icon, drawer):
    tab.goto(f"{address}/{ROADS}.html")
    button = tab.locator(f"header .{icon}-overlay-icon [role=button]")
    drawer = tab.locator(f".{drawer}-drawer")
    expect(drawer).to_be_hidden()
    button.focus()
    tab.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-expanded", "true")
    expect(drawer.locator("a:focus")).to_be_in_viewport()
    tab.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    expect(button).to_be_focused()
    expect(button).to_have_attribute("aria-expanded", "false")


@pytest.mark.parametrize("tab", [{"viewport": {"width": 390, "height": 900}}], indirect=True)
def test_the_keyboard_scrolls_what_is_too_wide(tab, address):
    tab.goto(f"{address}/{ROADS}.html")
    wide = tab.locator("pre[tabindex='0']").first
    wide.focus()
    tab.keyboard.press("ArrowRight")
    box = wide.element_handle()
    tab.wait_for_function("pre => pre.scrollLeft > 0", arg=box)
    tab.set_viewport_size({"width": 1400, "height": 900})
    tab.wait_for_function("pre => !pre.hasAttribute('tabindex')", arg=box)


def test_the_keyboard_copies_and_unfolds(tab, address):
    show(tab, f"{address}/{GRADIENT}.html")
    folded = tab.locator("article details").first
    folded.locator("summary").focus()
    tab.keyboard.press("Enter")
    expect(folded).to_have_attribute("open", "")
    copy = tab.locator("button.copybtn").first
    copy.focus()
    tab.keyboard.press("Enter")
    expect(copy).to_have_class("copybtn o-tooltip--left success")


@still
def test_nothing_moves_for_whom_it_should_not(tab, address):
    show(tab, f"{address}/{GRADIENT}.html")
    moving = tab.evaluate(
        """() => [...document.querySelectorAll("*")].filter(element => {
            const style = getComputedStyle(element);
            return style.transitionDuration !== "0s" || style.animationName !== "none"
                || style.scrollBehavior !== "auto";
        }).map(element => element.outerHTML.slice(0, 100))"""
    )
    assert not moving
