"""A page as plain Markdown: what MyST and reST mean, in words that any reader of Markdown knows."""

import pytest
from sphinx.testing.util import SphinxTestApp

CONF = """
extensions = ["myst_nb", "inline_svg", "markdown_pages"]
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


# MyST asks for the application in the old way.
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
