"""No link into a page breaks: each anchor that was once public stays.

`docs/_data/anchors.txt` lists them, a line for each: headings, entries of errors, functions, terms.
"""

import pytest
from conftest import ROOT
from test_site import PAGES, parsed

LIST = ROOT / "docs" / "_data" / "anchors.txt"
# A heading has the id of its section; its other ids are on spans in front of it.
PLACES = "article section[id], article section > span[id], article dt[id]"


@pytest.fixture(scope="session")
def anchors(site):
    return {
        f"{page}#{place['id']}"
        for page in PAGES
        for place in parsed(site / f"{page}.html").select(PLACES)
    }


def test_each_public_anchor_is_still_there(anchors):
    lost = sorted(set(LIST.read_text().split()) - anchors)
    assert not lost, (
        "links to these places would break; put a label in front of the new heading, as in\n"
        "(old-name)=\n## New name\nlost:\n" + "\n".join(lost)
    )


def test_each_anchor_is_public(anchors):
    new = sorted(anchors - set(LIST.read_text().split()))
    assert not new, f"add these lines to {LIST.relative_to(ROOT)}:\n" + "\n".join(new)


def test_list_is_sorted_and_has_each_once():
    lines = LIST.read_text().splitlines()
    assert lines == sorted(set(lines))


def test_headings_errors_functions_and_terms_are_listed(anchors):
    for one in (
        "backward/1-vector-jacobian-product#one-output-and-v-given",
        "errors#error-backward-twice",
        "reference#autograd_notes.softmax",
        "glossary#term-cotangent",
    ):
        assert one in anchors
