"""The search keeps what it knows of a page that a build does not write again."""

import json

from sphinx.testing.util import SphinxTestApp

INDEX = """Title
=====

.. index:: single: tensor; shape
.. index:: see: loss; cost

.. toctree::

   other
"""


def build(folder):
    """Build what has changed; return the entries of the search, by title."""
    app = SphinxTestApp("html", srcdir=folder)
    try:
        app.build()
        index = (app.outdir / "searchindex.js").read_text()
    finally:
        app.cleanup()
    found = json.loads(index.removeprefix("Search.setIndex(").removesuffix(")"))
    entries = found["indexentries"].items()
    return {(name, found["docnames"][one[0]]) for name, ones in entries for one in ones}


def test_entries_stay_until_their_page_changes(tmp_path):
    (tmp_path / "conf.py").write_text('extensions = ["kept_index"]')
    (tmp_path / "index.rst").write_text(INDEX)
    (tmp_path / "other.rst").write_text("Other\n=====\n\n.. index:: single: old\n")
    first = {(name, "index") for name in ("tensor", "shape", "loss", "cost")}
    assert build(tmp_path) == first | {("old", "other")}
    assert build(tmp_path) == first | {("old", "other")}
    (tmp_path / "other.rst").write_text("Other\n=====\n\n.. index:: single: new\n")
    assert build(tmp_path) == first | {("new", "other")}
    (tmp_path / "other.rst").unlink()
    assert build(tmp_path) == first
