"""The documentation: its pages are built, and compared by the extension itself."""

import re
from pathlib import Path

import pytest
import sphinx
import sphinx.cmd.build

DOCS = Path(__file__).parents[1] / "docs"
README = Path(__file__).parents[1] / "README.md"

# The pages show the types of warnings, which Sphinx prints since version 8.
new_sphinx = pytest.mark.skipif(sphinx.version_info < (8,), reason="pages are those of Sphinx 8")
# MyST-NB and MyST-Parser use the deprecated `app` of the environment and of transforms.
deprecated = pytest.mark.filterwarnings("ignore:.*app' is deprecated")


@new_sphinx
@deprecated
def test_pages_are_as_stated(tmp_path, capfd, monkeypatch):
    monkeypatch.setenv("CODE_CELL_OUTPUT_EXAMPLES", "")  # conf.py sets it
    options = ["-q", "-n", "-W", "--keep-going", "-E", "-b", "dummy", "-D", "html_theme=basic"]
    code = sphinx.cmd.build.main([*options, str(DOCS), str(tmp_path / "out")])
    assert code == 0, capfd.readouterr().err


def test_every_example_is_on_a_page():
    pages = "".join(page.read_text() for page in DOCS.glob("*.md"))
    shown = set(re.findall(r"^```{literalinclude} examples/(\w+)/", pages, re.MULTILINE))
    assert shown == {folder.name for folder in (DOCS / "examples").iterdir()}


@pytest.mark.parametrize("file", [README, *DOCS.glob("*.md")], ids=lambda file: file.name)
def test_links_lead_to_pages(file):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", file.read_text()):
        assert (file.parent / target).exists(), target


def test_readme_has_the_example_and_the_difference_of_the_first_page():
    readme, example = README.read_text(), DOCS / "examples" / "begin"
    assert (example / "index.md").read_text() in readme
    assert (
        (example / "conf.py")
        .read_text()
        .startswith(re.search("(?s)```python\n(.*?)```", readme)[1])
    )
    printed = re.search("(?s)```text\n(.*?)```", readme)[1]
    assert (
        re.sub("this machine: .*", "this machine: <facts>", printed)
        in (DOCS / "begin.md").read_text()
    )
