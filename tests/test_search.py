"""The search of the site: a reader's words lead to the right page among the first three."""

import json

import pytest
from docutils import nodes
from notes_site.search import Section, scores, sections, stems
from sphinx import addnodes
from test_site import PAGES

WORDS = {
    "backward/1-vector-jacobian-product": [
        "broadcasting gradient",
        "shape of gradient argument",
        "vector jacobian product",
    ],
    "backward/2-the-graph": [
        "computational graph visualization",
        "gradient hook",
        "retain graph",
        "zero_grad",
    ],
    "backward/3-jacobians": [
        "forward mode differentiation",
        "full jacobian matrix",
        "numerical gradient check",
        "second order derivative",
    ],
    "backward/4-saved-tensors": [
        "detach vs data",
        "in-place operation allowed",
        "memory leak in training loop",
    ],
    "cross-entropy/1-four-roads": [
        "difference between nll_loss and cross_entropy",
        "do I need softmax before cross entropy",
    ],
    "cross-entropy/2-stability": [
        "bf16",
        "log of zero probability",
        "log sum exp trick",
        "numerically stable softmax",
        "softmax overflow",
    ],
    "cross-entropy/3-gradient-by-hand": [
        "custom autograd function",
        "derivative of cross entropy",
    ],
    "cross-entropy/4-options": [
        "class imbalance",
        "ignore padding tokens",
        "kl divergence",
        "label smoothing",
        "segmentation per pixel loss",
        "soft labels",
    ],
    "cross-entropy/5-large-logits": [
        "cuda out of memory large vocabulary",
        "gradient accumulation micro batches",
    ],
    "cross-entropy/6-nan": [
        "find where nan comes from",
        "loss is nan",
        "sqrt gradient nan",
        "zero times infinity",
    ],
    "errors": [
        "dim argument of softmax",
        "loss negative",
        "one hot labels",
        "target out of bounds",
        "why is grad None",
    ],
}
SEARCH = """words => words.map(query => Search._performSearch(...Search._parseQuery(query))
    .reverse().map(([page, title, anchor]) => [page, title, anchor]))"""


@pytest.fixture(scope="module")
def search(chromium, address):
    """Return a function that searches for many queries in one page: page, title, anchor of each."""
    with chromium.new_context() as context:
        tab = context.new_page()
        tab.goto(f"{address}/search.html")
        tab.wait_for_function("Search.hasIndex()")
        yield lambda *queries: tab.evaluate(SEARCH, queries)


def test_a_readers_words_lead_to_the_page(search):
    asked = [(query, page) for page, queries in WORDS.items() for query in queries]
    assert len(asked) == 40
    found = search(*(query for query, _ in asked))
    missed = {
        query: [place for place, *_ in results[:3]]
        for (query, page), results in zip(asked, found, strict=True)
        if page not in [place for place, *_ in results[:3]]
    }
    assert not missed


def test_each_page_is_found_once_by_its_best_section(search):
    (found,) = search("retain graph")
    assert found[0] == [
        "backward/2-the-graph",
        "What does backward() walk? > retain_graph",
        "#retain-graph",
    ]
    texts = [page for page, title, _ in found if "autograd_notes." not in title]
    assert len(set(texts)) == len(texts)


def test_the_beginning_of_a_word_finds_it(search):
    whole, begun = search("cotangent", "cotang")
    assert begun[0] == whole[0]


def test_a_function_is_found_too(search):
    (found,) = search("linear_cross_entropy")
    assert ["reference", "#autograd_notes.linear_cross_entropy"] in [
        [one[0], one[2]] for one in found
    ]


def test_nothing_is_found_for_no_word(search):
    assert search("", "the", "42", "qqqq") == [[]] * 4


def test_each_section_of_the_site_can_be_found(site):
    script = (site / "_static" / "search_sections.js").read_text()
    data = json.loads(script.removeprefix("const searchSections = ").removesuffix(";\n"))
    assert {page for page, *_ in data["places"]} == set(PAGES)
    for page, anchor, title in data["places"]:
        assert f'id="{anchor[1:]}"' in (site / f"{page}.html").read_text(), title
    assert sorted({int(one) for by in data["scores"].values() for one in by}) == [
        *range(len(data["places"]))
    ]


def test_a_name_is_found_by_its_parts():
    assert stems("Call zero_grad(), 16 times in float16.") == [
        *("call", "zero_grad", "time", "in", "float16"),
        *("zero", "grad"),
    ]


def section(name, *children):
    return nodes.section("", nodes.title("", name), *children, ids=[name.lower()])


def test_words_count_by_their_place():
    page = nodes.document("", None)
    inner = section("Inner", nodes.paragraph("", "leaf leaf"), addnodes.desc("", nodes.Text("api")))
    page += [
        nodes.meta(name="description", content="hessian"),
        nodes.meta(name="keywords", content="bf16, fp16"),
        section("Outer", nodes.paragraph("", "leaf"), inner),
    ]
    first, second = sections("page", page)
    assert first == (
        "page",
        "#outer",
        "Outer",
        {"outer": 7, "leaf": 1, "hessian": 2, "bf16": 12, "fp16": 12},
    )
    assert second == ("page", "#inner", "Outer > Inner", {"outer": 2, "inner": 5, "leaf": 2})


def test_a_rare_word_and_a_short_section_score_higher():
    short, long = (
        Section("page", "#a", "A", {"leaf": 1, "hook": 1}),
        Section("page", "#b", "B", {"leaf": 1, "text": 20}),
    )
    found = scores([short, long])
    assert found["hook"][0] > found["leaf"][0] > found["leaf"][1]
    assert scores([]) == {}
