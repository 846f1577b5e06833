"""Print the fingerprint of the code that `speed.py` measures."""

import ast
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Modules without a loss. Every other file of the package counts.
OTHER = {"__init__.py", "backward.py", "graph.py", "graph_drawing.py"}
PROGRAMS = ["busy.py", "contenders.py", "measuring.py"]


def measured_files() -> list[Path]:
    """Return the files of the losses, and those that measure them."""
    package = ROOT / "autograd_notes"
    files = [file for file in package.rglob("*.py") if str(file.relative_to(package)) not in OTHER]
    return [*files, *(ROOT / "benchmarks" / name for name in PROGRAMS)]


def measured_code() -> str:
    """Return a fingerprint of the measured definitions.

    Comments, docstrings, imports and moves between these files do not change it.
    """
    definitions = []
    for file in measured_files():
        tree = ast.parse(file.read_text("utf-8"))
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
                body[:1] = [] if isinstance(body[0].value, ast.Constant) else body[:1]
        imports = ast.Import, ast.ImportFrom, ast.If  # `if TYPE_CHECKING`, `if __name__`
        definitions += [ast.dump(node) for node in tree.body if not isinstance(node, imports)]
    return sha256("\n".join(sorted(definitions)).encode()).hexdigest()


if __name__ == "__main__":
    print(measured_code())
