"""Entries of errors: their kinds, the overview, the messages of the search, other versions."""

import json

import pytest
from ask_other_torch import fingerprint
from bs4 import BeautifulSoup
from notes_site.errors_page import kind, listed
from sphinx.testing.util import SphinxTestApp

CONF = """
from docutils.parsers.rst import Directive


class Block(Directive):
    has_content = True

    def run(self):
        return []


def setup(app):
    app.add_directive("code-cell-output", Block)


extensions = ["myst_nb", "notes_site"]
exclude_patterns = ["_build", "_data"]
html_theme = "basic"
nb_execution_mode = "off"
"""
PAGE = """\
---
file_format: mystnb
kernelspec:
  name: python3
---

# Page

Asked: {error-versions}`torch`.

```{error-overview}
```

```{code-cell}
import torch
```

(error-one)=
## The `first`

```{code-cell}
one()
```

```{code-cell-output}
TypeError: no one; none. At all.
```

```{code-cell}
one(1)
```

```{code-cell-output}
TypeError: no one; none. At all.
```

(error-false)=
### The false fix

```{code-cell}
two()
```

```{code-cell-output}
UserWarning: two
```

(error-three)=
## Third

```{code-cell}
three()
```

```{code-cell-output}
3
```
"""
SAID = {
    "entry": "error-one",
    "cell": 2,
    "page": "TypeError: no one; none. At all.",
    "said": "TypeError: one",
    "versions": ["2.0.1", "2.6.0"],
}
# MyST-NB uses the deprecated `app` of the environment.
pytestmark = pytest.mark.filterwarnings("ignore:'sphinx.environment.BuildEnvironment.app'")


def write(folder, said=SAID, asked=None):
    """Write a site."""
    data = {"asked": {"2.0.1": asked or fingerprint(PAGE)}, "differences": [said] if said else []}
    (folder / "_data").mkdir(exist_ok=True)
    (folder / "_data" / "error_versions.json").write_text(json.dumps(data))
    (folder / "conf.py").write_text(CONF)
    (folder / "index.md").write_text(PAGE)


def build(folder, *data):
    """Write a site, and build it."""
    write(folder, *data)
    return build_again(folder)


def build_again(folder):
    """Build incrementally; return the page, the messages of the search, and the warnings."""
    app = SphinxTestApp("html", srcdir=folder)
    try:
        app.build()
        soup = BeautifulSoup((app.outdir / "index.html").read_text(), "html.parser")
        script = (app.outdir / "_static" / "error_messages.js").read_text()
        messages = json.loads(script.removeprefix("const errorMessages = ").removesuffix(";\n"))
        warnings = [line for line in app.warning.getvalue().splitlines() if "versions.json" in line]
        return soup, messages, warnings
    finally:
        app.cleanup()


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build(tmp_path_factory.mktemp("entries"))


def test_the_first_cell_says_the_kind(built):
    kinds = [(p.find_parent("section")["id"], p.text) for p in built[0].select(".error-kind")]
    assert kinds == [("error-one", "Error"), ("error-false", "Warning"), ("error-three", "Silent")]


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([], "Silent"),
        (["UserWarning: one"], "Warning"),
        (["TypeError: one"], "Error"),
        (["UserWarning: one", "TypeError: one"], "Error"),
        (["UserWarning: an Error", "FutureWarning: two"], "Warning"),
    ],
)
def test_an_error_outranks_a_warning(messages, expected):
    assert kind(messages) == expected


def test_the_label_is_the_address(built):
    links = [link["href"] for link in built[0].select("section section a.headerlink")]
    assert links == ["#error-one", "#error-false", "#error-three"]


def test_the_overview_names_and_links_each_entry(built):
    rows = built[0].select(".error-overview tbody tr")
    assert [[cell.text for cell in row.select("td")] for row in rows] == [
        ["Error", "The first TypeError: no one; none"],
        ["Warning", "The false fix UserWarning: two"],
        ["Silent", "Third"],
    ]
    assert [row.a["href"] for row in rows] == ["#error-one", "#error-false", "#error-three"]


def test_each_message_is_in_the_search_once(built):
    first, false = (
        {"page": "index", "anchor": f"#error-{name}", "title": f"Page > {title}"}
        for name, title in (("one", "The first"), ("false", "The false fix"))
    )
    assert built[1] == [
        {"message": "TypeError: no one, none. At all.", **first},
        {"message": "UserWarning: two", **false},
        {"message": "TypeError: one", **first},
    ]


def test_a_later_build_forgets_no_message(tmp_path, built):
    build(tmp_path)
    (tmp_path / "other.md").write_text("---\norphan: true\n---\n\n# Other\n")
    assert build_again(tmp_path)[1] == built[1]


def test_one_named_page_is_built_in_a_fresh_tree(tmp_path):
    write(tmp_path)
    (tmp_path / "other.md").write_text("---\norphan: true\n---\n\n# Other\n")
    app = SphinxTestApp("html", srcdir=tmp_path)
    try:
        app.build(filenames=[tmp_path / "other.md"])
        assert "<h1>Other" in (app.outdir / "other.html").read_text()
    finally:
        app.cleanup()


def test_only_the_search_loads_the_messages(tmp_path):
    build(tmp_path)
    scripts = {
        file.name: [tag["src"].partition("?")[0] for tag in soup.select("script[src*=error_]")]
        for file in sorted((tmp_path / "_build" / "html").glob("*.html"))
        for soup in [BeautifulSoup(file.read_text(), "html.parser")]
    }
    both = ["_static/error_messages.js", "_static/error_search.js"]
    assert scripts == {"genindex.html": [], "index.html": [], "search.html": both}


def test_what_others_said_stands_below_its_cell(built):
    soup, _, warnings = built
    (note,) = soup.select(".error-version")
    assert note.p.text == "torch 2.0.1 and 2.6.0:"
    assert note.pre.text == "TypeError: one\n"
    assert "one(1)" in note.find_previous_sibling().text
    assert "Asked: torch 2.0.1." in soup.text
    assert not warnings


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"entry": "error-two"}, "cell 2 of error-two does not state"),
        ({"cell": 3}, "cell 3 of error-one does not state"),
        ({"page": "TypeError: no"}, "cell 2 of error-one does not state 'TypeError: no'"),
    ],
)
def test_a_difference_from_what_no_cell_states_is_a_warning(tmp_path, change, problem):
    _, _, (warning,) = build(tmp_path, {**SAID, **change})
    assert f"index.md: WARNING: error_versions.json: {problem}" in warning


def test_a_version_that_ran_other_cells_is_a_warning(tmp_path):
    _, _, (warning,) = build(tmp_path, None, "of another page")
    assert "error_versions.json: the cells have changed since torch 2.0.1 ran them" in warning


@pytest.mark.parametrize(
    ("versions", "text"),
    [([], "(none)"), (["1"], "1"), (["1", "2"], "1 and 2"), (["1", "2", "3"], "1, 2 and 3")],
)
def test_versions_are_listed_as_in_a_sentence(versions, text):
    assert listed(versions) == text
