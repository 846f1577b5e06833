"""The setup of the site's extension: its tables, and that of docs/_ext/README.md, are complete."""

import json
import re
import subprocess
import sys

import pytest
from conftest import ROOT
from notes_site import EVENTS

README = (ROOT / "docs" / "_ext" / "README.md").read_text()
ROW = re.compile(r"^\| `([\w-]+)` \| (\d+) \| `([\w.]+)` \| (.+) \|$", re.MULTILINE)
# A separate process: the settings of the site register directives for the whole process.
PROGRAM = """
import json, sys
from pathlib import Path
from sphinx.application import Sphinx
root, out = Path(sys.argv[1]), sys.argv[2]
app = Sphinx(root / "docs", root, out, out, "html", status=None)
print(json.dumps([
    (event, one.priority, f"{one.handler.__module__}.{one.handler.__qualname__}")
    for event, listeners in app.events.listeners.items()
    for one in sorted(listeners, key=lambda one: one.priority)
    if Path(sys.modules[one.handler.__module__].__file__).is_relative_to(root / "docs")
]))
"""


def by_event(rows):
    """Return the rows of each event, in their order."""
    events = {event for event, *_ in rows}
    return {event: [tuple(rest) for name, *rest in rows if name == event] for event in events}


@pytest.fixture(scope="module")
def listeners(tmp_path_factory):
    """Return event, priority and name of each handler of the project, as Sphinx calls them."""
    command = [sys.executable, "-c", PROGRAM, str(ROOT), str(tmp_path_factory.mktemp("app"))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_the_readme_lists_the_handlers_in_their_order(listeners):
    rows = [(event, int(number), name) for event, number, name, _ in ROW.findall(README)]
    assert len(rows) > 30
    found = [(event, number, name.removeprefix("notes_site.")) for event, number, name in listeners]
    assert by_event(rows) == by_event(found)


def test_the_readme_gives_the_reasons_of_the_setup():
    reasons = {(event, name): reason for event, _, name, reason in ROW.findall(README)}
    for event, _, handler, reason in EVENTS:
        name = f"{handler.__module__.removeprefix('notes_site.')}.{handler.__qualname__}"
        assert reasons[event, name] == reason


def test_the_readme_names_each_module():
    modules = {file.stem for file in (ROOT / "docs" / "_ext" / "notes_site").glob("[!_]*.py")}
    assert set(re.findall(r"^\| `(\w+)` \| ", README, re.MULTILINE)) == modules
