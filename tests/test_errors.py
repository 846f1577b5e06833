"""The page of errors: each entry has an anchor, and a search for its message finds it."""

import re

import pytest
from ask_other_torch import MESSAGE, cells, entries
from bs4 import BeautifulSoup
from conftest import ROOT, watch
from playwright.sync_api import expect
from test_site import BACKWARD, ROADS

PAGE = (ROOT / "docs" / "errors.md").read_text()
ENTRIES = entries(PAGE)[1]
# Each message belongs to the first entry that has it.
MESSAGES = {
    message: name for name, text in reversed(ENTRIES.items()) for message in MESSAGE.findall(text)
}
SILENT = {
    "error-softmax-twice",
    "error-probabilities-into-nll",
    "error-weighted-mean",
    "error-all-ignored",
    "error-smoothing-weights",
    "error-accumulated",
    "error-requires-grad-on-loss",
    "error-cut-graph",
    "error-running-sum",
}
WARNINGS = {"error-grad-of-non-leaf", "error-softmax-dim", "error-create-graph"}
# As in another program: other shapes, dtypes, devices and names, in a traceback.
PASTED = {
    "ValueError: Expected input batch_size (64) to match target batch_size (32).": "error-batch-sizes",
    "IndexError: Target 10 is out of bounds": "error-target-out-of-range",
    "Expected target size [8, 50257], got [8, 128]": "error-class-axis",
    "expected scalar type Long but found Double": "error-float-target",
    "element 0 of tensors does not require grad": "error-no-graph",
    "Mismatch in shape: grad_output[0] has a shape of torch.Size([1, 10]) and output[0] has a "
    "shape of torch.Size([10]).": "error-wrong-v",
    "one of the variables needed for gradient computation has been modified by an inplace "
    "operation: [torch.cuda.HalfTensor [16, 512]], which is output 0 of ReluBackward0, is at "
    "version 3; expected version 2 instead.": "error-saved-in-place",
    "train.py:7: UserWarning: The .grad attribute of a Tensor that is not a leaf Tensor is being "
    "accessed.": "error-grad-of-non-leaf",
    'Traceback (most recent call last):\n  File "train.py", line 12, in <module>\n    step()\n'
    '  File "torch/autograd/graph.py", line 744, in _engine_run_backward\n    return Variable.'
    "_execution_engine.run_backward(\nRuntimeError: grad can be implicitly created only for scalar "
    "outputs\n": "error-not-scalar",
}


@pytest.fixture(scope="module")
def soup(site):
    return BeautifulSoup((site / "errors.html").read_text(), "html.parser")


def found(tab, query):
    """Return the address of the first result of the search."""
    script = "query => Search._performSearch(...Search._parseQuery(query)).at(-1)"
    page, _, anchor, *_ = tab.evaluate(script, query)
    return page + anchor


@pytest.fixture
def search(tab, address):
    tab.goto(f"{address}/search.html")
    tab.wait_for_function("Search.hasIndex()")
    return tab


def test_each_entry_has_one_anchor_and_leads_to_a_page(soup):
    assert len(ENTRIES) == 24
    for name in ENTRIES:
        (entry,) = soup.select(f"section#{name}")
        assert entry.select("a.headerlink")[0]["href"] == f"#{name}"
        assert re.search(r"\((backward|cross-entropy)/\S+\.md\)\.\n", ENTRIES[name]), name


def test_each_entry_says_how_loud_it_is(soup):
    for name in ENTRIES:
        kind = "Silent" if name in SILENT else "Warning" if name in WARNINGS else "Error"
        assert soup.select_one(f"section#{name} > .error-kind").text == kind


def test_the_overview_has_each_entry_and_its_message(soup):
    rows = soup.select("table.error-overview tbody tr")
    assert [row.a["href"] for row in rows] == [f"#{name}" for name in ENTRIES]
    for row, (name, text) in zip(rows, ENTRIES.items(), strict=True):
        assert row.td.text == soup.select_one(f"section#{name} > .error-kind").text
        assert (len(row.select("td > p > span > code")) == 1) == (name not in SILENT)
        for code in row.select("td > p > span > code"):
            assert code.text in cells(text)[0].stated


@pytest.mark.parametrize("named", [True, False], ids=["with-its-name", "without"])
def test_each_message_leads_to_its_entry(search, named):
    assert len(MESSAGES) > 25
    for message, name in MESSAGES.items():
        query = message if named else message.partition(": ")[2]
        assert found(search, query) == f"errors#{name}", query


def test_what_other_versions_said_leads_there_too(search, soup):
    told = soup.select(".error-version pre")
    assert told
    for block in told:
        name = MESSAGES.get(block.text.strip(), block.find_parent("section")["id"])
        if name == "error-cut-graph":  # the message of another entry, shown again
            name = "error-saved-in-place"
        assert found(search, block.text) == f"errors#{name}"


def test_a_message_from_elsewhere_is_found(search):
    for query, name in PASTED.items():
        assert found(search, query) == f"errors#{name}", query


@pytest.mark.parametrize("query", list(PASTED)[-3:], ids=list(PASTED.values())[-3:])
def test_a_reader_pastes_a_message_and_lands_at_its_entry(tab, address, query):
    wrong = watch(tab, address)
    tab.goto(f"{address}/index.html")
    box = tab.get_by_role("textbox", name="Search")
    box.focus()
    tab.keyboard.insert_text(query)
    tab.keyboard.press("Enter")
    first = tab.locator("#search-results li a").first
    expect(first).to_contain_text("What does this PyTorch error mean, and how do I fix it? > ")
    first.click()
    expect(tab).to_have_url(f"{address}/errors.html#{PASTED[query]}")
    expect(tab.locator(f"#{PASTED[query]}")).to_be_in_viewport()
    assert not wrong


@pytest.mark.parametrize(
    ("query", "page"),
    [
        ("How do softmax and a likelihood become F.cross_entropy?", ROADS),
        ("what does backward(v) compute", BACKWARD),
        ("log_softmax", "reference#autograd_notes.log_softmax"),
    ],
)
def test_other_searches_lead_to_a_page_or_the_reference(search, query, page):
    result = found(search, query)
    assert (result if "#" in page else result.partition("#")[0]) == page
