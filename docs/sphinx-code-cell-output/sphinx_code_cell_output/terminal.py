"""The terminal: coloured diffs, and the question whether an output is accepted."""

import sys

from pygments import highlight
from pygments.formatters import TerminalFormatter
from pygments.lexers import DiffLexer
from sphinx.util.console import color_terminal

from sphinx_code_cell_output.results import Result


def colored(text: str) -> str:
    """Return a message with its diff in colours."""
    head, mark, diff = text.partition("\n--- ")
    shown = highlight(f"--- {diff}", DiffLexer(stripnl=False), TerminalFormatter())
    return f"{head}\n{shown.rstrip()}" if mark else text


def show(result: Result) -> None:
    """Print the problems of a result, in colours if the terminal has them."""
    colors = sys.stdout.isatty() and color_terminal()
    for problem in result.problems:
        print(f"{problem.place}: {colored(problem.message) if colors else problem.message}")


def ask() -> str:
    """Ask whether an output is accepted; return y, n or q, and q at the end of the input."""
    answer = ""
    while answer not in ("y", "n", "q"):
        try:
            answer = input("accept this output? [y]es, [n]o, [q]uit: ").strip().lower()[:1]
        except EOFError:
            answer = "q"
    return answer


def plural(number: int, noun: str) -> str:
    """Return a number and its noun."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
