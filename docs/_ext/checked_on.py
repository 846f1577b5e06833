"""Say, below the title of an executable page, on which day it ran, and with which versions.

`checked_with = {"name": version}` names the versions. The day is that of the run which made the
outputs of the page, or that of SOURCE_DATE_EPOCH, both in UTC: a page that a later build does not
run again keeps its line.
"""

import os
from datetime import UTC, datetime
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.i18n import format_date
from sphinx.util.typing import ExtensionMetadata

OTHER_WRITERS = ("latex", "man", "texinfo", "text")


class CheckedOn(nodes.Invisible, nodes.Element):
    """The line. It has no text of its own: to a search or a summary the page begins after it."""


def day(env: Any) -> datetime | None:
    """Return when the page that is read was executed; nothing if it never is."""
    data = getattr(env, "nb_metadata", {}).get(env.docname, {}).get("exec_data")
    if not data:
        return None
    return datetime.fromtimestamp(float(os.getenv("SOURCE_DATE_EPOCH", data["mtime"])), tz=UTC)


def add(app: Sphinx, doctree: nodes.document) -> None:
    """Put the line below the title of the page."""
    title, when = next(doctree.findall(nodes.title), None), day(app.env)
    if title is None or when is None:
        return
    versions = [f"{name} {version}" for name, version in app.config.checked_with.items()]
    line = CheckedOn(
        date=format_date("%Y-%m-%d", date=when, language="en"),
        words=format_date("%-d %B %Y", date=when, language="en"),
        versions=f" with {', '.join(versions)}" if versions else "",
    )
    title.parent.insert(title.parent.index(title) + 1, line)


def write(translator: Any, line: CheckedOn) -> None:
    """Write the line as HTML."""
    time = translator.starttag(line, "time", "", datetime=line["date"])
    start = translator.starttag(line, "div", "", CLASS="checked-on")
    versions = translator.encode(line["versions"])
    translator.body.append(f"{start}Checked on {time}{line['words']}</time>{versions}</div>\n")


def leave(_translator: Any, _line: CheckedOn) -> None:
    """Do nothing more: all is written."""


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the setting, and the line."""
    # A page that does not run again did not run with a new version: no setting reads it again.
    app.add_config_value("checked_with", default={}, rebuild="", types=dict)
    others: dict[str, Any] = dict.fromkeys(OTHER_WRITERS, (leave, leave))
    app.add_node(CheckedOn, html=(write, leave), **others)
    app.connect("doctree-read", add)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
