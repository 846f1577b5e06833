"""The last changes of a page: accessibility fixes, one stylesheet, the security policy."""

import re

import pytest
from bs4 import BeautifulSoup
from conftest import ROOT, watch
from notes_site.html import FIXES, fix_accessibility, with_policy, write
from sphinx.errors import ConfigError
from sphinx.testing.util import SphinxTestApp
from test_every_page import blocked, every_page
from test_site import parsed

POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'"
PAGE = "<html><head><meta charset='utf-8'><title>T</title></head><body>{}</body></html>"
# echo -n 1 | openssl sha256 -binary | base64
HASH = "'sha256-a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s='"


def policy_of(html):
    return BeautifulSoup(html, "html.parser").select_one("meta[http-equiv]")["content"]


def test_it_stands_before_whatever_it_judges():
    head = BeautifulSoup(with_policy(PAGE, POLICY), "html.parser").head
    assert [tag.name for tag in head.find_all(["meta", "title"])] == ["meta", "meta", "title"]
    assert policy_of(with_policy(PAGE, POLICY)) == POLICY


@pytest.mark.parametrize(
    ("text", "script", "style"),
    [
        ("<script>1</script>", f" {HASH}", ""),
        ("<script type='module'>1</script><script>1</script>", f" {HASH}", ""),
        ('<script type="text/javascript" async>1</script>', f" {HASH}", ""),
        ("<style>1</style>", "", f" {HASH}"),
        ('<svg><style type="text/css">1</style></svg>', "", f" {HASH}"),
        ('<script type="application/json">1</script>', "", ""),
        ("<script type=application/ld+json>1</script>", "", ""),
        ('<script src="a.js">1</script>', "", ""),
    ],
)
def test_what_a_page_holds_is_allowed(text, script, style):
    found = policy_of(with_policy(PAGE.format(text), POLICY))
    expected = POLICY.replace("script-src 'self'", f"script-src 'self'{script}")
    assert found == expected.replace("style-src 'self'", f"style-src 'self'{style}")


@pytest.fixture
def build(tmp_path):
    (tmp_path / "index.rst").write_text("T\n=\n")

    def built(setting):
        (tmp_path / "conf.py").write_text(f'extensions = ["notes_site"]\n{setting}\n')
        app = SphinxTestApp("html", srcdir=tmp_path)
        try:
            app.build()
            return (app.outdir / "index.html").read_text()
        finally:
            app.cleanup()

    return built


def test_without_a_policy_a_page_has_none(build):
    assert "Content-Security-Policy" not in build("")


def test_a_policy_is_written(build):
    assert policy_of(build(f"content_security_policy = {POLICY!r}")).startswith(
        "default-src 'none'"
    )


def test_a_policy_without_a_place_for_hashes_is_refused(build):
    message = re.escape(
        "content_security_policy: expected a script-src, got \"default-src 'none'\""
    )
    with pytest.raises(ConfigError, match=message):
        build("content_security_policy = \"default-src 'none'\"")


def test_no_script_is_allowed_by_a_word(site):
    for page in every_page:
        rules = dict(
            rule.strip().split(" ", 1)
            for rule in policy_of((site / f"{page}.html").read_text()).split(";")
        )
        assert rules["default-src"] == "'none'"
        assert re.fullmatch(r"'self'( 'sha256-[\w+/]{43}=')+", rules["script-src"]), page
        assert rules["base-uri"] == "'none'"


def test_nothing_of_the_search_is_stopped(tab, address):
    wrong, stopped = watch(tab, address), blocked(tab)
    tab.goto(f"{address}/search.html?q=cotangent")
    tab.locator("#search-results li a").first.wait_for()
    assert not stopped
    assert not wrong


INJECTED = {
    "script": "document.body.append(Object.assign(document.createElement('script'), {text: 'ran = 1'}))",
    "handler": "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"ran = 1\">')",
    "eval": "(0, eval)('ran = 1')",
}


@pytest.mark.parametrize("what", INJECTED)
@pytest.mark.parametrize("policy", ["with the policy", "without it"])
def test_what_is_injected_runs_only_without_the_policy(chromium, address, what, policy):
    tab = chromium.new_context(bypass_csp=policy == "without it").new_page()
    tab.add_init_script("addEventListener('securitypolicyviolation', () => (stopped = true))")
    # A script of the site must do it: code that a debugger evaluates bypasses the policy.
    script = {"body": INJECTED[what], "content_type": "text/javascript"}
    tab.route("**/keyboard.js*", lambda route: route.fulfill(**script))
    tab.goto(f"{address}/index.html")
    tab.wait_for_function("window.ran || window.stopped")
    ran, stopped = tab.evaluate("[window.ran === 1, window.stopped === true]")
    assert (ran, stopped) == (policy == "without it", policy == "with the policy")
    tab.context.close()


def test_the_server_that_reloads_is_not_stopped():
    # It writes a script into each page, with a hash that no build knows.
    serve = (
        (ROOT / "tox.ini")
        .read_text()
        .partition("[testenv:docs-serve]")[2]
        .partition("[testenv:")[0]
    )
    assert "-D content_security_policy= " in serve


@pytest.fixture(scope="module")
def unrepaired(tmp_path_factory):
    """Return the HTML of the theme and the extensions without the fixes, by page."""
    folder = tmp_path_factory.mktemp("unrepaired")
    (folder / "conf.py").write_text(
        'extensions = ["myst_nb", "sphinx.ext.autodoc"]\nhtml_theme = "furo"\n'
        'nb_execution_mode = "off"\npython_maximum_signature_line_length = 5\n'
    )
    (folder / "index.md").write_text(
        "# T\n\n```{toctree}\n:caption: C\nother\n```\n\n```{py:function} f(one, other)\n```\n"
    )
    (folder / "other.md").write_text(
        "---\nfile_format: mystnb\nkernelspec:\n  name: python3\n---\n\n# O\n\n"
        "```{code-cell}\n:tags: [hide-input]\n1\n```\n"
    )
    app = SphinxTestApp("html", srcdir=folder)
    try:
        app.build()
        return "".join(file.read_text() for file in app.outdir.glob("*.html"))
    finally:
        app.cleanup()


@pytest.mark.parametrize("found", FIXES)
def test_each_repair_is_wanted(unrepaired, found):
    assert re.search(found, unrepaired)


def test_pages_are_repaired(site):
    html = "".join(file.read_text() for file in site.rglob("*.html"))
    assert 'aria-label="Toggle hidden content"' not in html
    assert 'rel="next"' not in html
    ends = re.findall(r'</nav><article [^>]*role="main"', html)
    assert html.count('<nav aria-label="Tools">') == len(ends) > 10


def test_the_rest_stays():
    page = {"html": '<dl>\n<dt>a</dt></dl><summary class="x">'}
    fix_accessibility(None, page)
    assert page["html"] == '<dl>\n<dt>a</dt></dl><summary class="x">'


@pytest.fixture
def built(tmp_path):
    (tmp_path / "conf.py").write_text(
        'extensions = ["myst_nb", "notes_site"]\nhtml_theme = "furo"\nhtml_static_path = ["own"]\n'
        'exclude_patterns = ["_build"]\n'
        'html_css_files = ["late.css", ("early.css", {"priority": 100})]\n'
    )
    (tmp_path / "index.rst").write_text("T\n=\n")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "early.css").write_text("a { color: red }")

    def build(text):
        (tmp_path / "own" / "late.css").write_text(text)
        app = SphinxTestApp("html", srcdir=tmp_path, freshenv=True)
        try:
            app.build(force_all=True)
            html = BeautifulSoup((app.outdir / "index.html").read_text(), "html.parser")
            styles = [link["href"] for link in html.select("link[rel=stylesheet]")]
            return styles, (app.outdir / "_static" / "all.css").read_text()
        finally:
            app.cleanup()

    return build


def test_a_page_asks_for_one_file_with_all_rules_in_order(built):
    styles, text = built("b { color: blue }")
    assert len(styles) == 1
    places = [
        text.index(rule)
        for rule in ("color: red", "--color-brand-primary", "Collapsible cell", "color: blue")
    ]
    assert places == sorted(places)


def test_the_colours_of_code_are_the_ones_that_the_theme_wrote(built):
    assert 'body[data-theme="dark"] .highlight' in built("")[1]


def test_the_address_changes_with_the_rules(built):
    (one,), (same,), (other,) = (
        built(text)[0] for text in ("b { top: 0 }", "b { top: 0 }", "b { top: 1px }")
    )
    assert one == same != other


def test_each_page_has_it_and_it_has_no_address_that_moved(site):
    for page in every_page:
        links = parsed(site / f"{page}.html").select("link[rel=stylesheet]")
        assert len(links) == 1, page
    text = (site / "_static" / "all.css").read_text()
    assert not re.search(r"url\((?!\s*['\"]?data:)", text)
    assert "@import" not in text


def test_file_that_stays_the_same_is_not_written_again(tmp_path):
    file = tmp_path / "folder" / "file"
    write(file, "é")
    before = file.stat().st_mtime_ns
    write(file, "é".encode())
    assert file.stat().st_mtime_ns == before
    write(file, "e")
    assert file.read_bytes() == b"e"
