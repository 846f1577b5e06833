"""The reading order names the pages of the toctrees, what they are about, and how long they take."""

import pytest
import reading_time
from bs4 import BeautifulSoup
from sphinx.testing.util import SphinxTestApp

CONF = """\
extensions = ["myst_nb", "sphinx.ext.doctest", "reading_time"]
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
WORDS = "word " * reading_time.WORDS_A_MINUTE
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
