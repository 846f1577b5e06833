"""Let extensions change a page once it is written as HTML: Sphinx has no event for that.

`app.setup_extension("rendered_pages")` first. Then each handler of the event `page-rendered` gets
the application and a dict, whose `html` it may replace.
"""

from typing import Any

from sphinx.application import Sphinx
from sphinx.builders import Builder
from sphinx.config import Config
from sphinx.jinja2glue import BuiltinTemplateLoader
from sphinx.util.typing import ExtensionMetadata


class Templates(BuiltinTemplateLoader):
    """Sphinx's own templates, with an event behind."""

    def init(self, builder: Builder, *rest: Any, **named: Any) -> None:
        """Learn whom to tell."""
        super().init(builder, *rest, **named)
        self.events = builder.events

    def render(self, template: str, context: dict[str, Any]) -> str:  # type: ignore[override]
        """Return a page as the handlers leave it."""
        page = {"html": super().render(template, context)}
        self.events.emit("page-rendered", page)
        return page["html"]


def use_templates(_app: Sphinx, config: Config) -> None:
    """Let the pages be made by our templates."""
    config.template_bridge = f"{__name__}.Templates"


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the event."""
    app.add_event("page-rendered")
    app.connect("config-inited", use_templates)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
