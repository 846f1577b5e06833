"""The numbers that matplotlib drew, as text: an option of a block compares them.

A kernel runs the text of this file, and may have neither this package nor matplotlib: it imports
nothing but Python's own modules, and matplotlib's where a figure is shown.
"""

import sys
import textwrap
from typing import Any

KEY = "code_cell_output_figure_data"  # in the metadata of an output
ALL, SOME = 16, 5  # so many points are listed; of more than the first number, so many


def is_wanted(notebook: Any, config: Any) -> bool:
    """Whether the project, or a block of a page, asks for the data of figures."""
    return config.code_cell_output_figure_data or any(
        ("{code-cell-output}" in cell.source and "figure-data" in cell.source)
        or "figure-data" in str(cell.metadata.get("code-cell-output", ""))
        for cell in notebook.cells
    )


def number(value: Any) -> str:
    """Return a number with four digits: the others may depend on the machine."""
    text = f"{float(value):.4g}"
    return "0" if text == "-0" else text


def tuple_of(values: Any) -> str:
    """Return numbers in parentheses."""
    return f"({', '.join(map(number, values))})"


def span(values: Any) -> str:
    """Return the least and the greatest of some numbers."""
    numbers = [one for one in map(float, values) if one == one]  # noqa: PLR0124  # not NaN
    return f"{number(min(numbers))} to {number(max(numbers))}" if numbers else "nan"


def mean(values: Any) -> str:
    """Return the mean of some numbers, without those that are NaN."""
    numbers = [one for one in map(float, values) if one == one]  # noqa: PLR0124
    return number(sum(numbers) / len(numbers)) if numbers else "nan"


def summary(values: Any) -> str:
    """Return the range and the mean of an array of numbers."""
    flat = [row[0] for row in rows(values.reshape(-1, 1))]
    return f"{span(flat)}, mean {mean(flat)}"


def rows(points: Any) -> list[tuple[float, ...]]:
    """Return the points of an array; masked ones are NaN."""
    import numpy as np  # noqa: PLC0415  # matplotlib needs it

    return [tuple(row) for row in np.ma.filled(np.ma.asarray(points, float), np.nan).tolist()]


def listed(points: list[tuple[float, ...]]) -> str:
    """Return all of a few points; some of many, with the means and ranges of all."""
    if len(points) <= ALL:
        return " ".join(map(tuple_of, points))
    some = [points[round(i * (len(points) - 1) / (SOME - 1))] for i in range(SOME)]
    axes = [list(values) for values in zip(*points)]  # noqa: B905  # Python 3.9 kernels
    spans = ", ".join(map(span, axes))
    means = ", ".join(map(mean, axes))
    steps = mean(abs(b - a) for a, b in zip(axes[-1], axes[-1][1:]))  # noqa: B905
    return (
        f"{len(points)} points, {' '.join(map(tuple_of, some))}, from {spans}, mean ({means}), "
        f"mean step {steps}"
    )


def label_of(artist: Any) -> str:
    """Return the label of an artist, if it is for readers."""
    label = str(artist.get_label() or "")
    return f" {label!r}" if label and not label.startswith("_") else ""


def line(artist: Any) -> str:
    """Return a line with its points."""
    drawn = artist.get_data_3d() if hasattr(artist, "get_data_3d") else artist.get_data(orig=False)
    return f"line{label_of(artist)}: {listed(rows(list(zip(*drawn))))}"  # noqa: B905


def bars(container: Any) -> str:
    """Return bars as pairs of a position and a length."""
    across = getattr(container, "orientation", "vertical") == "horizontal"
    pairs = [
        (box.get_y() + box.get_height() / 2, box.get_width())
        if across
        else (box.get_x() + box.get_width() / 2, box.get_height())
        for box in container.patches
    ]
    return f"bars{label_of(container)}: {listed(rows(pairs))}"


def patch(artist: Any) -> str:
    """Return a rectangle, an arrow or another shape with its extent."""
    name = f"{type(artist).__name__.lower()}{label_of(artist)}"
    if ends := getattr(artist, "_posA_posB", None):  # an arrow: its path depends on pixels
        return f"{name}: {tuple_of(ends[0])} to {tuple_of(ends[1])}"
    box = artist.get_path().get_extents(artist.get_patch_transform())
    return f"{name}: x {span(box.intervalx)}, y {span(box.intervaly)}"


def collection(artist: Any) -> str:
    """Return scattered points, or the extent of other shapes; and their values, if any."""
    name, values = type(artist).__name__.lower(), artist.get_array()
    if name == "pathcollection":
        text = f"points{label_of(artist)}: {listed(rows(artist.get_offsets()))}"
    else:
        paths = [path.vertices for path in artist.get_paths()]
        points = [point for path in paths for point in rows(path)]
        text = f"{name}{label_of(artist)}: {len(paths)} shapes {listed(points)}"
    if values is not None:
        text += f", values {summary(values)}"
    return text


def image(artist: Any) -> str:
    """Return the shape, the values and the place of an image."""
    values = artist.get_array()
    shape = " x ".join(map(str, values.shape))
    return f"image {shape}: {summary(values)}, at {tuple_of(artist.get_extent())}"


def text(artist: Any) -> str:
    """Return a text, with its place."""
    target = f", to {tuple_of(artist.xy)}" if hasattr(artist, "xy") else ""
    return f"text {artist.get_text()!r} at {tuple_of(artist.get_position())}{target}"


def axis(name: str, axes: Any) -> str:
    """Return the label, the limits, the scale and the fixed ticks of an axis."""
    one = getattr(axes, f"{name}axis")
    label, scale, locator = one.get_label_text(), one.get_scale(), one.get_major_locator()
    start, end = getattr(axes, f"get_{name}lim")()
    text = f"{name}{f' {label!r}' if label else ''} {number(start)} to {number(end)}"
    if scale != "linear":
        text += f", {scale}"
    places = getattr(locator, "locs", ())  # of ticks that are set
    names = one.get_major_formatter().format_ticks(places)
    ticks = [f"{number(place)} {name!r}" for place, name in zip(places, names)]  # noqa: B905
    return ", ".join([text, *(["ticks " + " ".join(ticks)] if ticks else [])])


def axes_lines(axes: Any) -> list[str]:
    """Return the artists of an axes, in the order in which they were added."""
    boxes = [one for one in axes.containers if type(one).__name__ == "BarContainer"]
    in_bars = {id(box) for container in boxes for box in container.patches}
    found = [axis(name, axes) for name in ("x", "y", "z") if hasattr(axes, f"{name}axis")]
    found = found if getattr(axes, "_axis3don", axes.axison) else []
    artists = [
        *((line, one) for one in axes.lines),
        *((patch, one) for one in axes.patches if id(one) not in in_bars),
        *((collection, one) for one in axes.collections),
        *((image, one) for one in axes.images),
        *((text, one) for one in axes.texts),
    ]
    found += [bars(one) for one in boxes]
    return found + [describe(one) for describe, one in artists if one.get_visible()]


def figure_text(figure: Any) -> str:
    """Return the titles, the axes and the artists of a figure, a line each."""
    lines = [text(one) for one in figure.texts]
    for position, axes in enumerate(figure.axes, 1):
        titles = [axes.get_title(loc) for loc in ("left", "center", "right")]
        lines.append(" ".join([f"axes {position}", *(repr(one) for one in titles if one)]))
        lines += [f"  {one}" for one in axes_lines(axes)]
    wrap = textwrap.TextWrapper(96, subsequent_indent="    ", break_on_hyphens=False)
    return "\n".join(map(wrap.fill, lines))


def attach(formatter: Any) -> None:
    """Add the data of each matplotlib figure that a kernel shows to its metadata."""
    original = formatter.format

    def formatted(shown: Any, *args: Any, **options: Any) -> Any:
        data, metadata = original(shown, *args, **options)
        matplotlib = sys.modules.get("matplotlib.figure")
        if matplotlib and isinstance(shown, matplotlib.Figure):
            metadata[KEY] = figure_text(shown)
        return data, metadata

    formatter.format = formatted


def start() -> None:
    """Begin to report the data of figures, in the kernel that calls this."""
    attach(sys.modules["IPython"].get_ipython().display_formatter)
