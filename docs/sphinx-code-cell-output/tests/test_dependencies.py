"""Incremental builds: an import of a page has changed, the page itself has not."""

import io
from types import SimpleNamespace

import pytest
from bs4 import BeautifulSoup
from sphinx.testing.util import SphinxTestApp
from sphinx_code_cell_output.dependencies import fingerprint
from sphinx_code_cell_output.tracebacks import ANSI
from test_cells import TYPE

CONF = """
extensions = ["myst_nb", "sphinx_code_cell_output"]
extensions += ["sphinx_code_cell_output.tracebacks", "sphinx_code_cell_output.dependencies"]
code_cell_output_kernel_manager = "forked_kernels.ForkManager"
html_theme = "basic"
nb_execution_raise_on_error = False
"""
USES = """\
---
file_format: mystnb
kernelspec:
  name: python3
---

# It imports

```{code-cell}
from helper import number

number()
```

```{code-cell-output}
1111
```
"""
OTHER = USES.replace("from helper import number", "number = lambda: 1111")


class Site:
    """A site that is built incrementally; settings stay until changed."""

    def __init__(self, folder, pages, mode="force"):
        self.folder, self.mode = folder, mode
        (folder / "source").mkdir()
        (folder / "source" / "conf.py").write_text(CONF)
        toctree = "# Pages\n\n```{toctree}\n" + "\n".join(pages) + "\n```\n"
        for page, text in {"index": toctree, **pages}.items():
            (folder / "source" / f"{page}.md").write_text(text)

    def build(self, *, versions=(), **paths):
        """Return the pages that were read, and the warnings."""
        source = self.folder / "source"
        warning = io.StringIO()
        app = SphinxTestApp(
            warning=warning,
            srcdir=source,
            builddir=self.folder / "build",
            confoverrides={
                "code_cell_output_dependencies": paths,
                "code_cell_output_versions": dict(versions),
                "nb_execution_mode": self.mode,
            },
        )
        pages = []
        app.connect("env-before-read-docs", lambda _app, _env, names: pages.extend(names))
        try:
            app.build()
        finally:
            app.cleanup()
        return sorted(pages), ANSI.sub("", warning.getvalue()).replace(f"{source}/", "")

    def shown(self, page):
        """Return the outputs of the cells of a page."""
        html = (self.folder / "build" / "html" / f"{page}.html").read_text()
        return BeautifulSoup(html, "html.parser").select_one(".cell_output").get_text().strip()


@pytest.fixture
def helper(tmp_path, monkeypatch):
    """A package that kernels can import."""
    package = tmp_path / "path" / "helper"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("from helper.inner import number\n")
    (package / "inner.py").write_text("def number():\n    return 1111\n")
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    # Python reuses bytecode if the source has the same second and size, as a changed one may.
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    return package


@pytest.mark.parametrize("mode", ["force", "cache"])
def test_page_never_shows_the_number_of_a_helper_that_has_changed(tmp_path, helper, mode):
    site = Site(tmp_path, {"uses": USES, "other": OTHER}, mode)
    assert site.build(helper=str(helper)) == (["index", "other", "uses"], "")
    assert site.build(helper=str(helper)) == ([], "")

    (helper / "inner.py").write_text("def number():\n    return 2222\n")
    read, warnings = site.build(helper=str(helper))
    assert read == ["uses"]
    assert "uses.md:15: WARNING: the cell shows something else" in warnings
    assert "\n-1111\n+2222\n" in TYPE.sub("", warnings)
    assert site.shown("uses") == "2222"
    assert site.shown("other") == "1111"
    assert site.build(helper=str(helper)) == (read, warnings)

    (helper / "inner.py").write_text("def number():\n    return 1111\n")
    assert site.build(helper=str(helper)) == (["uses"], "")
    assert site.shown("uses") == "1111"


IMPORTS = {
    "plain": "import json",
    "from": "    from json import dumps",
    "inner": "import json.tool as tool",
    "list": "import os, json",
    "doctest": ">>> import json",
    "second": "import os; import json",
    "called": 'importlib.import_module("json")',
    "no": "json.dumps(1)",
    "longer": "import jsonschema",
    "part": "import xjson",
}


@pytest.fixture
def modules(tmp_path):
    """Two files in place of modules."""
    paths = {name: tmp_path / f"{name}.py" for name in ("json", "os")}
    for path in paths.values():
        path.touch()
    return paths


def test_changed_file_reads_again_the_pages_that_import_it(tmp_path, modules):
    pages = {page: f"# {page}\n\n```\n{code}\n```\n" for page, code in IMPORTS.items()}
    site = Site(tmp_path, pages, "off")
    named = {name: str(path) for name, path in modules.items()}
    assert len(site.build(**named)[0]) == len(pages) + 1
    assert site.build(**named) == ([], "")
    importing = ["called", "doctest", "from", "inner", "list", "plain", "second"]
    modules["json"].write_text("1")
    assert site.build(**named) == (importing, "")
    modules["os"].write_text("1")
    assert site.build(**named) == (["list", "second"], "")
    modules["os"].unlink()
    assert site.build(**named) == (["list", "second"], "")


def test_changed_version_reads_all_pages_again(tmp_path):
    pages = {page: f"# {page}\n\n```\n{code}\n```\n" for page, code in IMPORTS.items()}
    site = Site(tmp_path, pages, "off")
    assert len(site.build(versions={"json": "1.0"})[0]) == len(pages) + 1
    assert site.build(versions={"json": "1.0"}) == ([], "")
    assert site.build(versions={"json": "1.1"}) == (sorted([*pages, "index"]), "")


def test_name_is_not_a_pattern(tmp_path, modules):
    site = Site(tmp_path, {"page": "# page\n\n```\nimport a1b\n```\n"}, "off")
    site.build(**{"a.b": str(modules["os"])})
    modules["os"].write_text("1")
    assert site.build(**{"a.b": str(modules["os"])}) == ([], "")


def test_fingerprint_changes_with_the_text_and_the_name_of_each_file(helper):
    def now(torch="2.0"):
        settings = {"dependencies": {"helper": helper.name}, "versions": {"torch": torch}}
        config = {f"code_cell_output_{name}": value for name, value in settings.items()}
        return fingerprint(SimpleNamespace(confdir=helper.parent, config=SimpleNamespace(**config)))

    states = [now()]
    assert now() == states[0]
    assert now("2.1") != states[0]
    (helper / "inner.py").rename(helper / "renamed.py")
    states.append(now())
    (helper / "deep").mkdir()
    (helper / "deep" / "more.py").write_text("")
    states.append(now())
    (helper / "deep" / "more.py").write_text("1")
    states.append(now())
    assert len(set(states)) == len(states)
