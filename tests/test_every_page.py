"""Each page in each window, loaded once: requests, errors, width, layout shifts, accessibility."""

import os
import shutil
from collections import defaultdict
from itertools import pairwise

import pytest
from conftest import ROOT, WINDOWS, watch
from test_figures import show
from test_site import PAGES

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
# Tokens of a class in a block of code have the colours of the first: contrast takes most of the time.
ONE_OF_EACH = """() => {
    for (const block of document.querySelectorAll(".highlight pre")) {
        const seen = new Set();
        for (const token of block.querySelectorAll(":scope > span:not(:has(*))")) {
            token.toggleAttribute("data-repeated", seen.has(token.className));
            seen.add(token.className);
        }
    }
    axe.configure({ rules: [{ id: "color-contrast", selector: ":not([data-repeated])" }] });
}"""
# Which elements can be seen, and where; the icon of the theme changes with the colours.
LAYOUT = """() => [...document.querySelectorAll("body *:not(.theme-toggle *)")].map(element => {
    const { x, y, width, height } = element.getBoundingClientRect();
    return [element.checkVisibility(), x, y, width, height].join();
}).join("\\n")"""
# `buffered` includes the shifts before the observer was created.
SHIFTS = """() => new Promise(resolve => {
    let shifts = [];
    new PerformanceObserver(list => shifts.push(...list.getEntries().map(
        ({ value, sources }) => [value, sources.map(({ node }) => node?.outerHTML?.slice(0, 100))]
    ))).observe({ type: "layout-shift", buffered: true });
    requestAnimationFrame(() => requestAnimationFrame(() => resolve(shifts)));
})"""
# All that scrolls sideways, code apart; folded text is opened.
SCROLLING = """() => {
    document.querySelectorAll("details").forEach(one => one.open = true);
    const { documentElement } = document;
    return [...document.querySelectorAll("body *")].filter(element =>
        element.scrollWidth > element.clientWidth
        && ["auto", "scroll"].includes(getComputedStyle(element).overflowX)
        && !element.matches("pre:not(.cell_output pre)")
    ).concat(documentElement.scrollWidth > innerWidth ? [documentElement] : []).map(
        element => `${element.tagName}.${element.className}: ${element.innerText.slice(0, 100)}`);
}"""
HEADINGS = """[...document.querySelectorAll("article :is(h1, h2, h3, h4, h5, h6)")].map(h => +h.tagName[1])"""
every_page = [*PAGES, "genindex", "search"]
at_the_top = [*every_page, "404"]  # the last one finds its styles from there alone


def open_all(tab):
    """Open all folded elements, without animation; wait for the observer of keyboard.js."""
    tab.emulate_media(reduced_motion="reduce")
    tab.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    # Browsers call resize observers after the animation frame that follows a new layout.
    tab.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def blocked(tab):
    """Collect the violations of a page's security policy."""
    found = []
    tab.expose_function("blocked", lambda one: found.append(one))  # noqa: PLW0108
    tab.add_init_script(
        "addEventListener('securitypolicyviolation', e => blocked(`${location} ${e.violatedDirective} ${e.blockedURI}`))"
    )
    return found


@pytest.fixture(scope="module")
def audited():
    """The layout in which axe-core audited a page last, by page."""
    return {}


@pytest.fixture(scope="module", params=WINDOWS)
def found(request, chromium, address, audited):
    """Load each page in a window; return its facts and problems, by page."""
    found = defaultdict(dict)
    with chromium.new_context(**WINDOWS[request.param]) as context:
        tab = context.new_page()
        wrong, stopped = watch(tab, address), blocked(tab)
        for page in at_the_top:
            tab.emulate_media(reduced_motion="no-preference")
            wrong.clear()
            show(tab, f"{address}/{page}.html")
            tab.wait_for_load_state("networkidle")
            found["shifts"][page] = tab.evaluate(SHIFTS)
            found["wide"][page] = tab.evaluate(SCROLLING)
            open_all(tab)
            found["theme"][page] = tab.evaluate("document.body.dataset.theme")
            found["levels"][page] = tab.evaluate(HEADINGS)
            found["faint"][page] = tab.evaluate(FAINT)
            found["wrong"][page] = [*wrong, *stopped]
            if AXE.is_file():
                tab.evaluate(AXE.read_text())
                tab.evaluate(ONE_OF_EACH)
                layout = tab.evaluate(LAYOUT)
                group = "cat.color" if layout == audited.get(page) else None  # else all rules
                found["axe"][page] = tab.evaluate(AUDIT, [TAGS, group])
                audited[page] = layout
    return found


def not_empty(found):
    return {page: one for page, one in found.items() if one}


def test_each_page_asks_no_other_host_and_has_no_error(found):
    assert list(found["wrong"]) == at_the_top
    assert not not_empty(found["wrong"])


def test_each_page_fits(found):
    assert not not_empty(found["wide"])


def test_each_page_has_the_theme_of_the_system(found):
    assert set(found["theme"].values()) == {"auto"}


def test_nothing_moves_while_a_page_loads(found):
    assert not not_empty(found["shifts"])


def test_axe_finds_nothing(found):
    if not (AXE.is_file() or shutil.which("npm") or "CI" in os.environ):
        pytest.skip("npm is not installed")
    assert AXE.is_file(), "first: npm ci --prefix tests"
    assert list(found["axe"]) == at_the_top
    problems = [f"{page}: {one}" for page, all_of_it in found["axe"].items() for one in all_of_it]
    assert not problems, "\n".join(problems)


def test_pictures_are_seen(found):
    assert not not_empty(found["faint"])


def test_no_level_of_headings_is_left_out(found):
    for page, levels in found["levels"].items():
        assert levels[:1] == [1], page
        assert levels.count(1) == 1, page
        assert all(b <= a + 1 for a, b in pairwise(levels)), (page, levels)


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


def test_a_shift_is_noticed(tab):
    tab.set_content("<p>t</p>" * 20)
    tab.wait_for_timeout(100)
    tab.evaluate(
        "document.body.prepend(Object.assign(document.createElement('div'), {style: 'height: 300px'}))"
    )
    assert tab.evaluate(SHIFTS)[0][0] > 0
