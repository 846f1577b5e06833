"""The measurements of `speed.py`: all that the site quotes, and a quick selection."""

import json
from collections.abc import Iterator

from contenders import FORWARD, IN_PLACE, Case, Shape, names

TABLE: Shape = (2048, 32000)
LONG: Shape = (1024, 128000)
SHAPES: list[Shape] = [(5, 3), (128, 1000), (4096, 1000), TABLE, LONG]
HIDDEN: Shape = (2048, 512, 32000)  # samples, hidden size, classes
IMAGES: Shape = (4, 21, 256, 256)
SERIES: list[Shape] = [(512, 1000 * 4**power) for power in range(1, 5)]
DRAWN = ["F.cross_entropy", "cross_entropy", "chunked", IN_PLACE]
LIMITS = ["softmax alone, by chunks", "a copy of the logits"]
COMPILED = ["compiled F.cross_entropy", "compiled cross_entropy"]
PAIR = ["linear, F.cross_entropy", "linear_cross_entropy"]
ROWS = [1, 4, 16, 64, 256, 1024]  # in a chunk of TABLE
LOOPS = [0, 1, 2, 4]


def variants(shown: list[str]) -> list[Case]:
    """Return the cases with another dtype, other options, another target or fewer threads."""
    case = Case("variants", TABLE, shown)
    half = case._replace(dtype="bfloat16")
    return [
        half,
        case._replace(dtype="float16"),
        half._replace(shape=LONG),
        half._replace(shape=(8192, 32000)),
        case._replace(smoothing=0.1),
        case._replace(probabilities=True),
        case._replace(shape=IMAGES),
        case._replace(shape=IMAGES, smoothing=0.1),
        case._replace(threads=1),
    ]


def full_plan(device: str) -> Iterator[Case]:
    """Yield every measurement; on a GPU, in bfloat16 and with the compiler."""
    if device == "cuda":
        for case in full_plan("cpu"):
            if case.series != "busy" and not case.threads and case.dtype != "float16":
                extra = [] if case.linear or case.series != "variants" else COMPILED
                yield case._replace(dtype="bfloat16", names=[*case.names, *extra])
        return
    for shape in SHAPES:
        if shape in {SHAPES[0], TABLE}:  # the page shows them
            yield Case("shapes", shape, names(shape), kind=FORWARD)
        yield Case("shapes", shape, names(shape))
    yield Case("shapes", HIDDEN, names(HIDDEN))
    yield Case("shapes", HIDDEN, names(HIDDEN), dtype="bfloat16")
    for shape in SERIES:
        yield Case("classes", shape, DRAWN)
    yield Case("chunks", TABLE, ["F.cross_entropy", *(f"chunked, {rows} rows" for rows in ROWS)])
    yield from variants([*DRAWN, *LIMITS])
    for smoothing in (0.0, 0.1):
        for loops in LOOPS:
            shown = ["F.cross_entropy", "chunked", IN_PLACE]
            yield Case("busy", TABLE, shown, smoothing=smoothing, busy=loops)


def quick_plan() -> list[Case]:
    """Return the measurements of two minutes."""
    shown = ["F.cross_entropy", "cross_entropy", "chunked", IN_PLACE]
    bfloat16, float16, long, _, smoothed, probabilities, *_ = variants(shown)
    linear = Case("shapes", HIDDEN, PAIR)
    plain = Case("shapes", TABLE, shown)
    half = linear._replace(dtype="bfloat16")
    return [plain, bfloat16, float16, smoothed, probabilities, long, linear, half]


def unique(cases: Iterator[Case]) -> list[Case]:
    """Return the cases without repetitions, which the GPU's single dtype makes."""
    return [*{json.dumps(case): case for case in cases}.values()]
