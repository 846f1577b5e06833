"""The questions at the end of the pages: three each, with a computed answer that is folded away."""

import pytest
from playwright.sync_api import expect
from test_site import BACKWARD, PAGES, parsed

ASKING = [
    page
    for page in PAGES
    if page.startswith(("backward/", "cross-entropy/")) or page in {"checks", "errors"}
]


@pytest.mark.parametrize("page", ASKING)
def test_a_page_asks_three_questions_and_folds_computed_answers(site, page):
    soup = parsed(site / f"{page}.html")
    questions = soup.select("section#check-yourself > ol > li")
    assert len(questions) == 3
    assert len(soup.select("details.answer")) == 3
    for question in questions:
        assert "?" in question.p.get_text()
        (answer,) = question.select(":scope > details.answer")
        assert not answer.has_attr("open")
        assert answer.summary.get_text() == "Answer"
        assert answer.p.get_text()
        assert answer.select(".highlight-pycon pre, .cell_output pre")


@pytest.mark.parametrize("tab", [{"java_script_enabled": False}], indirect=True)
def test_an_answer_opens_without_script(tab, address):
    tab.goto(f"{address}/{BACKWARD}.html")
    clicked, entered, untouched = tab.locator("details.answer").all()
    expect(clicked.locator("pre")).to_be_hidden()
    clicked.locator("summary").click()
    expect(clicked.locator("pre")).to_be_visible()
    entered.locator("summary").press("Enter")
    expect(entered.locator("pre")).to_be_visible()
    entered.locator("summary").press("Enter")
    expect(entered.locator("pre")).to_be_hidden()
    expect(untouched.locator("pre")).to_be_hidden()


def test_a_folded_answer_is_printed(tab, address):
    tab.goto(f"{address}/{BACKWARD}.html")
    tab.emulate_media(media="print")
    for answer in tab.locator("details.answer").all():
        expect(answer).not_to_have_attribute("open", "")
        expect(answer.locator("pre")).to_be_visible()


@pytest.mark.parametrize("tab", [{"viewport": {"width": 390, "height": 900}}], indirect=True)
def test_open_answers_fit_a_narrow_window(tab, address):
    for page in ASKING:
        tab.goto(f"{address}/{page}.html")
        tab.evaluate("document.querySelectorAll('details').forEach(one => (one.open = true))")
        assert not tab.evaluate("document.documentElement.scrollWidth > innerWidth"), page
