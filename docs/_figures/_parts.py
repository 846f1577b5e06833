"""The parts that several figures share."""

from typing import Any

# As in the pictures of the pages: see autograd_notes/figures.mplstyle.
BLUE, ORANGE, GREEN = "#2f7fd1", "#d9622b", "#2e9e5b"
FONT = "DejaVu Sans, Verdana, sans-serif"
MINUS = "\N{MINUS SIGN}"


def slider(
    name: str,
    label: str,
    value: float,
    end: float,
    *,
    step: float = 0.1,
    start: float | None = None,
) -> dict[str, Any]:
    """Return a signal from `start`, or minus `end`, to `end`, and the slider that moves it."""
    first = -end if start is None else start
    bind = {"input": "range", "min": first, "max": end, "step": step, "name": label}
    return {"name": name, "value": value, "bind": bind}


def choice(name: str, label: str, options: list[str], value: str) -> dict[str, Any]:
    """Return a signal that is one of some texts, and the list that selects it."""
    bind = {"input": "select", "options": options, "name": label}
    return {"name": name, "value": value, "bind": bind}


def formulas(texts: dict[str, str]) -> list[dict[str, Any]]:
    """Return signals that are computed."""
    return [{"name": name, "update": text} for name, text in texts.items()]


def mark(kind: str, data: str = "", name: str = "", **settings: Any) -> dict[str, Any]:
    """Return a mark. A setting is a value, or a dict with the expression that computes it."""
    if kind == "text":
        settings = {"fill": "currentColor", "fontSize": 12, "font": FONT, **settings}
    update = {k: v if isinstance(v, dict) else {"value": v} for k, v in settings.items()}
    found: dict[str, Any] = {"type": kind, "aria": "description" in settings}
    if data:
        found["from"] = {"data": data}
    if name:
        found["name"] = name
    return {**found, "encode": {"update": update}}
