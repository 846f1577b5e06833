"""An executable page says on which day it ran, and with what; others say nothing."""

import re
from datetime import UTC, datetime

import pytest
from sphinx.testing.util import SphinxTestApp

CONF = """\
extensions = ["myst_nb", "sphinx_code_cell_output.prose", "checked_on"]
nb_execution_mode = "force"
exclude_patterns = ["_build"]
checked_with = {"torch": "2.13.0", "numpy": "2.3.4"}
"""
PAGE = """---
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
INDEX = """# Index

```{toctree}
page
```
"""
DAY = "1999-12-31T23:30:00+00:00"


@pytest.fixture
def build(tmp_path):
    (tmp_path / "conf.py").write_text(CONF)
    (tmp_path / "page.md").write_text(PAGE)

    def build(index=INDEX, builder="html"):
        (tmp_path / "index.md").write_text(index)
        app = SphinxTestApp(builder, srcdir=tmp_path)
        try:
            app.build()
            assert not app.warning.getvalue()
            return {
                name: next(app.outdir.glob(f"{name}.*")).read_text() for name in ("page", "index")
            }
        finally:
            app.cleanup()

    return build


def test_a_page_that_ran_says_when_and_with_what(build, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(int(datetime.fromisoformat(DAY).timestamp())))
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    pages = build()
    line = (
        '<div class="checked-on">Checked on <time datetime="1999-12-31">31 December 1999</time>'
        " with torch 2.13.0, numpy 2.3.4</div>"
    )
    assert re.search(rf"</h1>\s*{re.escape(line)}\s*<p>What is it\?</p>", pages["page"])
    assert "checked-on" not in pages["index"]


def test_the_day_is_that_of_the_run(build, monkeypatch):
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    before = datetime.now(tz=UTC).date().isoformat()
    first = build()["page"]
    shown = re.search(r'<time datetime="(.*?)">', first)[1]
    assert before <= shown <= datetime.now(tz=UTC).date().isoformat()
    # A later build reads another page alone.
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    assert build(INDEX + "\nMore.\n")["page"] == first


def test_other_builders_write_no_line(build):
    assert "Checked" not in build(builder="text")["page"]
