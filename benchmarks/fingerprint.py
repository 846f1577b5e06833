"""Print the fingerprint of the code that `speed.py` measures."""

import ast
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).parents[1]
MEASURED = [
    "autograd_notes/_checks.py",
    "autograd_notes/_sharded.py",
    "autograd_notes/_targets.py",
    "autograd_notes/logits.py",
    "autograd_notes/losses.py",
    "autograd_notes/chunked/__init__.py",
    "autograd_notes/chunked/_autograd.py",
    "autograd_notes/chunked/_checks.py",
    "autograd_notes/chunked/_chunk.py",
    "benchmarks/speed.py",
]


def measured_code() -> str:
    """Return a fingerprint of the measured definitions.

    Comments, docstrings, imports and moves between these files do not change it.
    """
    definitions = []
    for name in MEASURED:
        tree = ast.parse((ROOT / name).read_text("utf-8"))
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
                body[:1] = [] if isinstance(body[0].value, ast.Constant) else body[:1]
        imports = ast.Import, ast.ImportFrom, ast.If  # `if TYPE_CHECKING`, `if __name__`
        definitions += [ast.dump(node) for node in tree.body if not isinstance(node, imports)]
    return sha256("\n".join(sorted(definitions)).encode()).hexdigest()


if __name__ == "__main__":
    print(measured_code())
