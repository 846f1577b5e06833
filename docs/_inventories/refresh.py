"""Rewrite the inventories beside this file from the ones that the projects publish.

The site links to other projects' references without asking the network: each inventory holds
just the names that the pages use. To link to a new name, add a line `name type ?` and run
`tox -e docs-inventories`; a name that a project no longer has is an error.
"""

import sys
from pathlib import Path

import requests
from sphinx.util.inventory import InventoryFile

sys.path.insert(0, str(Path(__file__).parents[2]))
from conf import intersphinx_mapping


def refreshed(text: str, published: bytes) -> str:
    """Return the inventory with each location as published."""
    inventory = InventoryFile.loads(published, uri="")
    lines = text.splitlines()
    for number, line in enumerate(lines[3:], start=3):
        name, kind, _ = line.split()
        key = "py:module" if kind == "mod" else f"py:{kind}"
        try:
            location = inventory[key, name].uri.partition("#")[0]
        except KeyError:
            raise SystemExit(f"{name}: the published inventory has no {key} of this name") from None
        lines[number] = f"{name} {kind} {location}"
    return "\n".join([*lines[:3], *sorted(lines[3:])]) + "\n"


if __name__ == "__main__":
    for uri, file in intersphinx_mapping.values():
        answer = requests.get(f"{uri}objects.inv", timeout=60)
        answer.raise_for_status()
        path = Path(file)
        path.write_text(refreshed(path.read_text(), answer.content))
