"""The inventories: refreshed from published ones; a missing name is an error."""

import zlib

import pytest
from refresh import refreshed

OURS = """# Sphinx inventory version 1
# Project: torch
# Version: 2
torch.b function ?
torch.a function old.html
torch mod ?
"""


def published(lines):
    head = "# Sphinx inventory version 2\n# Project: torch\n# Version: 2\n# zlib\n"
    return head.encode() + zlib.compress(lines.encode())


def test_locations_are_those_published():
    lines = (
        "torch.a py:function 1 a.html#$ -\ntorch.b py:function 1 b/#$ -\n"
        "torch.c py:function 1 c -\ntorch py:module 0 torch.html#module-torch -\n"
    )
    assert refreshed(OURS, published(lines)).splitlines()[3:] == [
        "torch mod torch.html",
        "torch.a function a.html",
        "torch.b function b/",
    ]


def test_a_name_that_is_gone_is_an_error():
    with pytest.raises(SystemExit, match=r"torch\.b: the published inventory has no py:function"):
        refreshed(OURS, published("torch.a py:function 1 a.html#$ -\n"))
