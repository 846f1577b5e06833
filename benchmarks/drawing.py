"""The picture of time and memory against the number of classes."""

from typing import Any


def draw(run: dict[str, Any]) -> Any:
    """Draw a run's series of classes, and return the figure of matplotlib."""
    import matplotlib.pyplot as plt  # noqa: PLC0415  # only the picture needs it

    plt.style.use("autograd_notes.figures")
    figure, panels = plt.subplots(2, 1, figsize=(4.4, 5.4), sharex=True, layout="constrained")
    cases = [entry for entry in run["results"] if entry["case"]["series"] == "classes"]
    points = [(entry["case"]["shape"][1], row) for entry in cases for row in entry["rows"]]
    for axes, key, unit, title in zip(
        panels,
        ("seconds", "peak"),
        (1e-3, 2**20),
        ("forward and backward, ms", "memory beyond the logits, MiB"),
        strict=True,
    ):
        shown = [(classes, row) for classes, row in points if row.get(key)]
        for index, name in enumerate(dict.fromkeys(row["name"] for _, row in shown)):
            own = [(classes, row[key]) for classes, row in shown if row["name"] == name]
            axes.loglog(
                [classes for classes, _ in own],
                [(value[1] if key == "seconds" else value) / unit for _, value in own],
                marker="osD^"[index],
                label=name,
            )
        axes.set_title(title)
    panels[0].legend()
    panels[1].set_xlabel("classes")
    return figure
