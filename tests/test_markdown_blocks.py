"""Code as Markdown, when it has Markdown in it; test_doctree_markdown.py has the tables."""

import pytest
from markdown_blocks import block, code


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a", "`a`"),
        ("a`b", "``a`b``"),
        ("`a`", "`` `a` ``"),
        ("a\n b", "`a b`"),
        ("``", "``` `` ```"),
    ],
)
def test_code_in_a_sentence_may_have_backticks(text, written):
    assert code(text) == written


def test_a_block_may_have_a_block():
    assert block("```\n1\n```\n", "ipython3") == "````python\n```\n1\n```\n````"
