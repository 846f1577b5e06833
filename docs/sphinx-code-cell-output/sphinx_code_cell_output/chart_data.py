"""The data of a chart that a browser draws, such as one of Plotly or Vega: a digest of its JSON."""

import json
import re
from hashlib import sha256
from typing import Any

from sphinx_code_cell_output.figure_data import number

# Other kinds have random identifiers: widgets, and the charts of Bokeh.
CHART = re.compile(r"application/(?:vnd\.(?:plotly|vega|vegalite)\b.*json|(?:geo\+)?json)")


def chart_data(data: dict[str, Any]) -> str:
    """Return a line for each chart of an output, with a digest of its data; empty if it has none.

    Numbers count to four digits, as those of figures do: the others may depend on the machine.
    """
    return "\n".join(
        f"<{kind}> {sha256(json.dumps(rounded(spec), sort_keys=True).encode()).hexdigest()[:12]}"
        for kind, spec in data.items()
        if CHART.fullmatch(kind)
    )


def rounded(spec: Any) -> Any:
    """Return JSON whose fractions have four digits."""
    if isinstance(spec, dict):
        return {key: rounded(value) for key, value in spec.items()}
    if isinstance(spec, list):
        return [rounded(value) for value in spec]
    return number(spec) if isinstance(spec, float) else spec
