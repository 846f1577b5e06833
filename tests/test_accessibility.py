"""Accessibility of the built site: keyboard, reduced motion."""

import pytest
from playwright.sync_api import expect
from test_figures import GRADIENT, show
from test_site import ROADS

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
still = pytest.mark.parametrize("tab", [{"reduced_motion": "reduce"}], indirect=True)


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
