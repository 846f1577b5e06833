"""The directive `{definition} package.function`: a function as its module defines it.

The code is read from the source when the page is, without the docstring, and links to the page of
the source. `literalinclude` has no option that leaves a docstring out.
"""

import ast
import inspect
from importlib import import_module
from typing import Any

from docutils import nodes
from sphinx.ext.viewcode import viewcode_anchor
from sphinx.util.docutils import SphinxDirective


def definition(function: Any) -> str:
    """Return the source of a function without its docstring."""
    source = inspect.getsource(function)
    body = ast.parse(source).body[0]
    if not isinstance(body, ast.FunctionDef):
        raise TypeError(f"{function!r}: expected a function")
    lines = source.splitlines()
    if ast.get_docstring(body) is not None:
        del lines[body.body[0].lineno - 1 : body.body[0].end_lineno]
    return "\n".join(lines)


class Definition(SphinxDirective):
    """The code of a function, with a link to its source."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the code and the link; the page is read again when the source changes."""
        module, _, name = self.arguments[0].rpartition(".")
        function = getattr(import_module(module), name)
        self.env.note_dependency(inspect.getsourcefile(function) or "")
        code = definition(function)
        block = nodes.literal_block(code, code, language="python", classes=["definition"])
        page = f"_modules/{function.__module__.replace('.', '/')}"
        link = viewcode_anchor(reftarget=page, refid=name, refdoc=self.env.docname)
        return [block, nodes.paragraph("", "", link)]
