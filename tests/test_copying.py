"""The buttons that copy: their text is code that runs as it is pasted, without prompts and outputs."""

import doctest
import re
import shutil
import subprocess

import nbformat
import pytest
from conftest import ROOT
from IPython.core.inputtransformer2 import TransformerManager
from test_downloads import EXECUTED
from test_site import PAGES

# Each button's language, the text of its block, and the text that ClipboardJS copies.
COPIED = """() => {
    let copied;
    document.execCommand = () => {
        copied = document.querySelector("body > textarea").value;
        return true;
    };
    return [...document.querySelectorAll("button.copybtn")].map(button => {
        const block = button.closest("[class*=highlight-]");
        copied = null;
        button.click();
        return [block.className.match(/highlight-(\\w+)/)[1], block.textContent, copied];
    });
}"""


@pytest.fixture(scope="module")
def copied(chromium, address):
    """Press each button of each page."""
    found = {}
    with chromium.new_context() as context:
        tab = context.new_page()
        for page in PAGES:
            tab.goto(f"{address}/{page}.html")
            found[page] = tab.evaluate(COPIED)
    return found


def lines(code):
    return [line for line in code.splitlines() if line.strip()]


def test_each_cell_is_copied_as_it_was_executed(site, copied):
    for page in EXECUTED:
        cells = nbformat.read(site / f"{page}.ipynb", 4).cells
        hidden = {"remove-input", "remove-cell"}
        sources = [
            cell.source
            for cell in cells
            if cell.cell_type == "code" and not hidden & {*cell.metadata.get("tags", ())}
        ]
        found = [text for language, _, text in copied[page] if language == "ipython3"]
        assert [lines(text) for text in found] == [lines(source) for source in sources], page


def test_a_doctest_is_copied_without_prompts_and_outputs(copied):
    number = 0
    for page, buttons in copied.items():
        for language, block, text in buttons:
            if language in ("pycon", "default"):
                examples = doctest.DocTestParser().get_examples(block)
                assert examples, (page, block)
                source = "".join(example.source for example in examples)
                assert lines(text) == lines(source), page
                number += 1
    assert number > 60


def test_all_copied_text_is_python_or_shell(copied):
    bash = shutil.which("bash")
    languages = set()
    for page, buttons in copied.items():
        for language, _, text in buttons:
            languages.add(language)
            if language == "sh":
                assert bash
                subprocess.run([bash, "-n", "-c", text], check=True)
                program = re.search(r"\S+\.py", text)
                assert not program or (ROOT / program[0]).is_file()
            else:
                # A cell may configure Jupyter, by a line that begins with a percent sign.
                code = TransformerManager().transform_cell(text) if language == "ipython3" else text
                compile(code, page, "exec")
    assert languages == {"ipython3", "python", "pycon", "default", "sh"}


def test_an_output_has_no_button(tab, address):
    tab.goto(f"{address}/errors.html")
    tab.locator("button.copybtn").first.wait_for(state="attached")
    outputs = ":is(.cell_output, .error-version)"
    assert tab.locator(f"{outputs} pre").count() > 50
    assert not tab.locator(f"{outputs} button.copybtn").count()
