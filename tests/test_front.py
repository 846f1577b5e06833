"""The reading order with its descriptions and minutes, and the day on which a page was checked."""

import re
from datetime import UTC, datetime

import pytest
from bs4 import BeautifulSoup
from notes_site import front
from sphinx.testing.util import SphinxTestApp

CONF = """\
extensions = ["myst_nb", "sphinx.ext.doctest", "notes_site"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["dollarmath"]
"""
INDEX = """# Index

```{reading-order}
First
Second
```

```{toctree}
:caption: Second
c
```

```{toctree}
:caption: First
b
a
```
"""
WORDS = "word " * front.WORDS_A_MINUTE
DESCRIBED = "---\nmyst:\n  html_meta:\n    description: What it is.\n---\n\n"
DOCTEST = "```{doctest}\n>>> 'many words that are code'\n'many words that are code'\n```\n\n"
PAGES = {"a": f"{DESCRIBED}# What is `A`?\n\n{WORDS}", "b": "# B\n", "c": f"# C\n\n{WORDS * 3}"}


@pytest.fixture
def build(tmp_path):
    (tmp_path / "conf.py").write_text(CONF)

    def build(index=INDEX, **pages):
        for name, text in {"index": index, **PAGES, **pages}.items():
            (tmp_path / f"{name}.md").write_text(text)
        app = SphinxTestApp("html", srcdir=tmp_path)
        try:
            app.build()
            return (app.outdir / "index.html").read_text(), app.warning.getvalue()
        finally:
            app.cleanup()

    return build


def listed(html):
    lists = BeautifulSoup(html, "html.parser").select("ol.reading-order")
    return [
        [
            ([a["href"] for a in item.select("a")], item.get_text().strip())
            for item in one.select("li")
        ]
        for one in lists
    ]


def test_each_caption_becomes_a_list(build):
    html, warnings = build()
    assert not warnings
    assert listed(html) == [
        [
            (["b.html"], "B 1 min"),
            (["a.html"], "What is A? 1 min\nWhat it is."),
        ],
        [(["c.html"], "C 3 min")],
    ]
    assert '<span class="pre">A</span>' in html


@pytest.mark.parametrize("block", [DOCTEST, "$$\na + b = c\n$$\n\n"])
def test_blocks_take_their_time_and_are_no_words(build, block):
    html, _ = build(c="# C\n\n" + block * 60)
    assert listed(html)[1] == [(["c.html"], "C 30 min")]


def test_a_list_follows_its_pages(build):
    build()
    html, _ = build(b="# Other\n")
    assert listed(html)[0][0] == (["b.html"], "Other 1 min")


def test_a_caption_that_is_not_there_is_a_warning(build):
    _, warnings = build(INDEX.replace("First\nSecond", "First\nThird"))
    message = "index.md:3: WARNING: reading-order: expected one of the captions"
    assert f"{message} ['Second', 'First'], got 'Third'" in warnings


DAY_CONF = """\
extensions = ["myst_nb", "sphinx_code_cell_output.prose", "notes_site"]
nb_execution_mode = "force"
exclude_patterns = ["_build"]
checked_with = {"torch": "2.13.0", "numpy": "2.3.4"}
"""
DAY_PAGE = """---
file_format: mystnb
kernelspec:
  name: python3
---

# Page

What is it?

```{code-cell}
x = 1
```
"""
DAY_INDEX = """# Index

```{toctree}
page
```
"""
DAY = "1999-12-31T23:30:00+00:00"


@pytest.fixture
def build_days(tmp_path):
    (tmp_path / "conf.py").write_text(DAY_CONF)
    (tmp_path / "page.md").write_text(DAY_PAGE)

    def build(index=DAY_INDEX, builder="html"):
        (tmp_path / "index.md").write_text(index)
        app = SphinxTestApp(builder, srcdir=tmp_path)
        try:
            app.build()
            assert not app.warning.getvalue()
            return {
                name: (app.outdir / f"{name}{app.builder.out_suffix}").read_text()
                for name in ("page", "index")
            }
        finally:
            app.cleanup()

    return build


def test_a_page_that_ran_says_when_and_with_what(build_days, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(int(datetime.fromisoformat(DAY).timestamp())))
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    pages = build_days()
    line = (
        '<div class="checked-on">Checked on <time datetime="1999-12-31">31 December 1999</time>'
        " with torch 2.13.0, numpy 2.3.4</div>"
    )
    assert re.search(
        rf"</h1>\s*(<p class=.page-links.>.*</p>\s*)?{re.escape(line)}\s*<p>What is it\?</p>",
        pages["page"],
    )
    assert "checked-on" not in pages["index"]


def test_the_day_is_that_of_the_run(build_days, monkeypatch):
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    before = datetime.now(tz=UTC).date().isoformat()
    first = build_days()["page"]
    shown = re.search(r'<time datetime="(.*?)">', first)[1]
    assert before <= shown <= datetime.now(tz=UTC).date().isoformat()
    # A later build reads another page alone.
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    assert build_days(DAY_INDEX + "\nMore.\n")["page"] == first


def test_other_builders_write_no_line(build_days):
    assert "Checked" not in build_days(builder="text")["page"]
