"""The code of a function, as the pages show it."""

import ast
import inspect
import io
import tokenize

import pytest
from notes_site.definitions import definition

import autograd_notes


def undocumented(x):
    return x  # as it is


def commented(x):  # at the name
    """Return x."""
    # above a line
    return x  # beside it


def comments(text):
    """Return the comments of some code."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "cross_entropy"])
def test_only_the_docstring_is_left_out(name):
    function = getattr(autograd_notes, name)
    code = definition(function)
    shown, source = (ast.parse(text).body[0] for text in (code, inspect.getsource(function)))
    assert ast.get_docstring(shown) is None
    assert list(map(ast.dump, shown.body)) == list(map(ast.dump, source.body[1:]))
    assert comments(code) == comments(inspect.getsource(function))
    assert '"""' not in code


def test_comments_stay():
    assert comments(definition(commented)) == ["# at the name", "# above a line", "# beside it"]


def test_a_function_without_docstring_is_unchanged():
    assert definition(undocumented) == inspect.getsource(undocumented).rstrip()


def test_a_class_is_refused():
    with pytest.raises(TypeError, match="expected a function"):
        definition(pytest.MonkeyPatch)
