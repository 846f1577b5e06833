"""The modules of the package import one another in one direction only."""

import ast

import pytest
from conftest import ROOT

PACKAGE = ROOT / "autograd_notes"
# Each module may import those before it.
LAYERS = [
    "_modes",
    "_sharded",
    "_targets",
    "_checks",
    "logits",
    "losses",
    "chunked._checks",
    "chunked._batch",
    "chunked._formulas",
    "chunked._chunk",
    "chunked._autograd",
    "chunked",
    "backward",
    "graph",
    "graph_drawing",
    "",
]


def module(file):
    parts = file.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


FILES = {module(file): file for file in PACKAGE.rglob("*.py")}


def test_each_module_has_a_layer():
    assert sorted(FILES) == sorted(LAYERS)


@pytest.mark.parametrize("name", LAYERS)
def test_imports_point_down(name):
    tree = ast.parse(FILES[name].read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    own = [node.module for node in imports if node.module.split(".")[0] == "autograd_notes"]
    below = LAYERS[: LAYERS.index(name)]
    assert all(node.level == 0 for node in imports)
    assert not {found.partition(".")[2] for found in own} - set(below)
    assert not any(
        alias.name.startswith("autograd_notes")
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    )


@pytest.mark.parametrize("name", ["logits", "losses"])
def test_formulas_name_no_dtensor(name):
    text = FILES[name].read_text()
    assert "DTensor" not in text
    assert "placements" not in text
    assert text.count("pragma") <= 1
    assert len(text.splitlines()) < 185


@pytest.mark.parametrize("name", LAYERS)
def test_modules_have_at_most_220_lines(name):
    assert len(FILES[name].read_text().splitlines()) <= 220
