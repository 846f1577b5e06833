"""codeautolink's imports: early, and without the blocks for type checkers."""

import sys
from types import SimpleNamespace

import pytest
from notes_site.links import import_modules
from sphinx_codeautolink.extension import resolve

CODE = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    ran = True\n"


@pytest.fixture
def name(tmp_path, monkeypatch, request):
    """Return the name of a new module with a block for type checkers."""
    name = f"linked_{request.node.name}"
    (tmp_path / f"{name}.py").write_text(CODE)
    monkeypatch.syspath_prepend(tmp_path)
    yield name
    sys.modules.pop(name, None)


def start(name, pages):
    config = SimpleNamespace(codeautolink_imports=[name])
    import_modules(SimpleNamespace(config=config), None, pages)


def test_a_module_is_imported_without_its_type_checking_block(name):
    start(name, ["page"])
    assert name in sys.modules
    module, _ = resolve.closest_module((name,))
    assert not hasattr(module, "ran")


def test_codeautolink_runs_the_block_of_other_modules(name):
    module, _ = resolve.closest_module((name,))
    assert module.ran


def test_nothing_is_imported_if_no_page_is_read(name):
    start(name, [])
    assert name not in sys.modules
