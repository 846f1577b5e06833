"""The figure `memory`: the peak memory of each loss, by vocabulary, tokens, hidden size and dtype.

Bytes at the peak of forward and backward on the CPU, without the hidden states, the matrix and
their gradients. The limits of a chunk are those of the package.
"""

from typing import Any

from _figures._parts import BLUE, choice, formulas, mark, slider

from autograd_notes import chunked

SIZES = {"float32": 4, "bfloat16": 2, "float16": 2}
# The signal of each loss: the memory beyond the logits.
LOSSES = {
    "torch": "F.cross_entropy",
    "plain": "cross_entropy of the package",
    "chunks": "chunked_cross_entropy",
    "inplace": "chunked_cross_entropy, in place",
    "linear": "linear_cross_entropy: no logits",
}
ROW, ABOVE, BAR, WIDTH = 42, 62, 14, 352  # in pixels


def rows(limit: int) -> str:
    """Return the rows of a chunk of at most so many logits."""
    return f"min(tokens, max(1, floor({limit} / vocabulary)))"


FORMULAS = {
    "size": f"{SIZES}[dtype]",
    "table": "tokens * vocabulary * size",
    "torch": "3 * table",
    "plain": "(size == 4 ? 3 : 8) * table",  # 16 bits are computed in float32
    "inplace": f"4 * vocabulary * {rows(chunked._LOGITS)}",  # noqa: SLF001
    "chunks": "table + inplace",
    "rows": rows(chunked._LINEAR_LOGITS),  # noqa: SLF001
    # With 16 bits, the hidden states, the matrix and their gradients are in float32, too.
    "wide": "hidden * (6 * vocabulary + 4 * rows + 2 * tokens)",
    "linear": "4 * rows * (vocabulary + hidden) + (size == 4 ? 0 : wide)",
    "largest": "max(table + max(torch, plain), linear)",
}


def amount(text: str) -> str:
    """Return an expression that writes bytes in MiB or GiB."""
    gibi = 2**30
    return (
        f"(({text}) < {gibi} ? format(({text}) / {2**20}, ',.1f') + ' MiB' "
        f": format(({text}) / {gibi}, ',.2f') + ' GiB')"
    )


def row(number: int, name: str, title: str) -> list[dict[str, Any]]:
    """Return a loss: its name, its sum, a gray bar for the logits, a blue one for the rest."""
    y = ABOVE + ROW * number
    table = "0" if name == "linear" else "table"
    total = amount(f"{table} + {name}")
    scale = f"{WIDTH} / largest"
    bar = {"y": y + 6, "height": BAR}
    said = {"signal": f"'{title}: ' + {total}"}
    return [
        mark("text", x=4, y=y, text=title),
        mark("text", x=4 + WIDTH, y=y, text={"signal": total}, align="right"),
        mark("rect", x=4, x2=4 + WIDTH, **bar, fill="currentColor", opacity=0.08),
        mark(
            "rect",
            x=4,
            x2={"signal": f"4 + {table} * {scale}"},
            **bar,
            fill="currentColor",
            opacity=0.55,
        ),
        mark(
            "rect",
            name=name,
            x={"signal": f"4 + {table} * {scale}"},
            x2={"signal": f"4 + ({table} + {name}) * {scale}"},
            **bar,
            fill=BLUE,
            description=said,
        ),
    ]


LOGITS = {
    "signal": "'logits: ' + format(tokens, ',') + ' × ' + format(vocabulary, ',') + ' × ' + size "
    f"+ ' bytes = ' + {amount('table')}"
}

spec: dict[str, Any] = {
    "$schema": "https://vega.github.io/schema/vega/v6.json",
    "description": "The memory of each loss for other sizes.",
    "width": 360,
    "height": ABOVE + ROW * len(LOSSES) - 18,
    "autosize": "none",
    "signals": [
        slider("vocabulary", "vocabulary", 256_000, 256_000, step=1000, start=1000),
        slider("tokens", "tokens", 8192, 32_768, step=1024, start=1024),
        slider("hidden", "hidden size", 4096, 8192, step=512, start=512),
        choice("dtype", "dtype", list(SIZES), "float32"),
        *formulas(FORMULAS),
    ],
    "marks": [
        mark("text", x=4, y=16, text=LOGITS, description=LOGITS, fontWeight="bold"),
        mark("rect", x=4, y=26, width=12, height=12, fill="currentColor", opacity=0.55),
        mark("text", x=21, y=36, text="logits"),
        mark("rect", x=76, y=26, width=12, height=12, fill=BLUE),
        mark("text", x=93, y=36, text="beyond, at the peak"),
        *(part for i, (name, title) in enumerate(LOSSES.items()) for part in row(i, name, title)),
    ],
}
