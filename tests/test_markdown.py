"""The Markdown of each page: plain, complete, and listed in llms.txt."""

import re

import pytest
from conftest import ROOT
from notes_site.markdown import block, code
from sphinx.testing.util import SphinxTestApp
from test_downloads import MYST
from test_site import BACKWARD, LOSS, PAGES, ROADS

import autograd_notes

CONF = """
extensions = ["myst_nb", "notes_site"]
nb_execution_mode = "off"
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 1
"""
PAGE = """\
---
myst:
  html_meta:
    description: Said elsewhere.
---
% A comment

# Title of `code`

Text with *stars*, 2 * 3, a_b and
a second line, {py:class}`int`, [here](#title-of-code), [](other.md), [out](https://example.org/x.html).

$$
a \\\\
b
$$

Inline $a_1
= b$ and ``a ` tick``.

| head | number |
| --- | ---: |
| `a\\|b` | 1.2600 |
| [](other.md) | 10 |

````md
```{code-cell}
1
```
````

```python
def f():
    pass


f()
```

:::{note}
A note.
:::

1. A question?

   :::{admonition} Answer
   :collapsible: closed

   Fold, then:

   ```python
   >>> 1 + 1
   2
   ```
   :::

2. Another

:::{admonition} A box
Boxed.
:::

term
: What it means.

![A red dot](dot.svg)

```{eval-rst}
.. py:function:: mod.f(x: int = 1) -> int

   What it does.

   :param x: a number

   .. rubric:: Example

   >>> f()
   1
```
"""
MARKDOWN = """\
# Title of `code`

Text with *stars*, 2 \\* 3, a_b and a second line, `int`, [here](#title-of-code), \
[Other](other.md), [out](https://example.org/x.html).

$$
a \\\\
b
$$

Inline $a_1 = b$ and ``a ` tick``.

| head | number |
| --- | --- |
| `a\\|b` | 1.2600 |
| [Other](other.md) | 10 |

````md
```{code-cell}
1
```
````

```python
def f():
    pass


f()
```

> **Note**
>
> A note.

1. A question?

   <details>
   <summary>Answer</summary>

   Fold, then:

   ```python
   >>> 1 + 1
   2
   ```

   </details>
2. Another

> **A box**
>
> Boxed.

**term**

What it means.

*Figure: A red dot*

### `mod.f`

```python
mod.f(x: int = 1) -> int
```

What it does.

* **Parameters:**
  **x** \u2013 a number

**Example**

```pycon
>>> f()
1
```
"""


# MyST uses the deprecated `app` of the environment.
@pytest.mark.filterwarnings("ignore:'.*app' is deprecated")
def test_each_construct_is_plain_markdown(tmp_path):
    tmp_path.joinpath("conf.py").write_text(CONF)
    tmp_path.joinpath("index.md").write_text(PAGE)
    tmp_path.joinpath("other.md").write_text("---\norphan: true\n---\n# Other\n")
    tmp_path.joinpath("dot.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" />')
    app = SphinxTestApp(srcdir=tmp_path)
    try:
        app.build()
        warnings = app.warning.getvalue()
        found = (app.outdir / "index.md").read_text()
    finally:
        app.cleanup()
    assert [line.rstrip() for line in found.splitlines()] == MARKDOWN.splitlines()
    assert not warnings


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a", "`a`"),
        ("a`b", "``a`b``"),
        ("`a`", "`` `a` ``"),
        ("a\n b", "`a b`"),
        ("``", "``` `` ```"),
    ],
)
def test_code_in_a_sentence_may_have_backticks(text, written):
    assert code(text) == written


def test_a_block_may_have_a_block():
    assert block("```\n1\n```\n", "ipython3") == "````python\n```\n1\n```\n````"


FRONT = """\
Front
=====

.. meta::
   :description: What it is.

.. toctree::
   :caption: Chapter

   folder/one
"""
ONE = "One\n===\n\nFirst\nparagraph. *Second* sentence.\n\nMore.\n"


@pytest.fixture(scope="module", params=["", "https://host/a/"])
def small(request, tmp_path_factory):
    """Build a site of two pages, with an address and without."""
    folder = tmp_path_factory.mktemp("small")
    folder.joinpath("conf.py").write_text('extensions = ["notes_site"]\nproject = "P"\n')
    folder.joinpath("index.rst").write_text(FRONT)
    folder.joinpath("folder").mkdir()
    folder.joinpath("folder", "one.rst").write_text(ONE)
    app = SphinxTestApp(srcdir=folder, confoverrides={"html_baseurl": request.param})
    try:
        app.build()
    finally:
        app.cleanup()
    return app.outdir, request.param


def test_list_has_the_form_of_llms_txt(small):
    folder, base = small
    assert folder.joinpath("llms.txt").read_text() == (
        "# P\n\n> What it is.\n\n## Start\n\n"
        f"- [Front]({base}index.md): What it is.\n\n## Chapter\n\n"
        f"- [One]({base}folder/one.md): First paragraph. Second sentence.\n"
    )


def test_page_names_its_markdown(small):
    folder, _ = small
    head = folder.joinpath("folder", "one.html").read_text().partition("</head>")[0]
    assert '<link rel="alternate" type="text/markdown" href="one.md">' in head
    assert folder.joinpath("folder", "one.md").read_text().startswith("# One\n\nFirst paragraph.")


def test_list_names_each_page_once(site):
    text = (site / "llms.txt").read_text()
    assert re.findall(r"^- \[[^\]]+\]\(([^)]+)\.md\): \S", text, re.MULTILINE) != []
    assert sorted(re.findall(r"\]\(([^)]+)\.md\)", text)) == PAGES


def test_markdown_is_plain_and_has_the_outputs(site):
    for page in PAGES:
        text = (site / f"{page}.md").read_text()
        outside = re.sub(r"^(`{3,})(?!\{).*?^\1$", "", text, flags=re.DOTALL | re.MULTILINE)
        for name, pattern in MYST.items():
            if name != "a link to a source":  # here that is the Markdown of another page
                assert not re.search(pattern, outside, re.MULTILINE), (page, name)
    assert f"```\n{LOSS}```" in (site / f"{ROADS}.md").read_text()
    assert "$$\nJ_{ij} = " in (site / f"{BACKWARD}.md").read_text()


def test_links_between_pages_lead_to_markdown(site):
    number = 0
    for page in PAGES:
        text = (site / f"{page}.md").read_text()
        for target in re.findall(r"\]\((?!https://|#)([^)\s]+)\)", text):
            assert (site / page).parent.joinpath(target.partition("#")[0]).is_file(), (page, target)
            assert ".md" in target, (page, target)
            number += 1
    assert number > 100


def test_reference_has_the_docstrings(site):
    text = (site / "reference.md").read_text()
    for name in autograd_notes.__all__:
        assert f"### `autograd_notes.{name}`\n\n```python\n" in text, name
        first = getattr(autograd_notes, name).__doc__.strip().partition("\n")[0]
        assert re.split("[:`]", first)[0] in text, name
    assert text.count("**Parameters:**") > 10
    assert text.count(">>> ") >= (ROOT / "docs/reference.md").read_text().count("autofunction")
