"""The text of a figure: it changes with every number that is drawn."""

import sys
from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from sphinx_code_cell_output import figure_data
from sphinx_code_cell_output.figure_data import KEY, figure_text
from test_cells import HEAD, block, build, cell

mpl.use("agg")


def drawn(draw, **options):
    """Return the lines of a figure with one axes, without that of its number."""
    figure = Figure()
    draw(figure.subplots(**options))
    first, *lines = figure_text(figure).split("\n")
    assert first.startswith("axes 1")
    return [line.strip() for line in lines]


def artist(draw):
    """Return the lines of an axes, without those of its limits."""

    def alone(axes):
        draw(axes)
        axes.axis("off")

    return drawn(alone)


CASES = {
    "line": (lambda a: a.plot([0, 1], [2, -0.0], label="loss"), ["line 'loss': (0, 2) (1, 0)"]),
    "masked": (
        lambda a: a.plot([0, 1], np.ma.masked_array([2.0, 3.0], [False, True])),
        ["line: (0, 2) (1, nan)"],
    ),
    "dates": (
        lambda a: a.plot(np.array(["1970-01-02"], "datetime64[D]"), [1]),
        ["line: (1, 1)"],
    ),
    "bars": (lambda a: a.bar([0, 1], [3, 4]), ["bars: (0, 3) (1, 4)"]),
    "horizontal bars": (lambda a: a.barh([0, 1], [3, 4], label="x"), ["bars 'x': (0, 3) (1, 4)"]),
    "points": (
        lambda a: a.scatter([0, 1], [2, 3], c=[5, 7]),
        ["points: (0, 2) (1, 3), values 5 to 7, mean 6"],
    ),
    "area": (
        lambda a: a.fill_between([0, 1], [2, 3]),
        ["fillbetweenpolycollection: 1 shapes (0, 0) (0, 2) (1, 3) (1, 0) (1, 0) (0, 0) (0, 0)"],
    ),
    "image": (
        lambda a: a.imshow([[0, 1], [2, 3]]),
        ["image 2 x 2: 0 to 3, mean 1.5, at (-0.5, 1.5, 1.5, -0.5)"],
    ),
    "mesh": (lambda a: a.pcolormesh([[1.0, 2.0]]), ["values 1 to 2, mean 1.5"]),
    "rectangle": (
        lambda a: a.add_patch(mpl.patches.Rectangle((1, 2), 3, 4)),
        ["rectangle: x 1 to 4, y 2 to 6"],
    ),
    "arrow": (
        lambda a: a.add_patch(mpl.patches.FancyArrowPatch((0, 1), (2, 3))),
        ["fancyarrowpatch: (0, 1) to (2, 3)"],
    ),
    "text": (lambda a: a.text(1, 2, "a\nb"), ["text 'a\\nb' at (1, 2)"]),
    "annotation": (
        lambda a: a.annotate("a", (1, 2), (3, 4)),
        ["text 'a' at (3, 4), to (1, 2)"],
    ),
    "nothing": (lambda a: a.plot([], []), ["line:"]),
    "invisible": (lambda a: a.plot([1], [2], visible=False), []),
    "many": (
        lambda a: a.plot(range(100), np.arange(100) ** 2),
        [
            "line: 100 points, (0, 0) (25, 625) (50, 2500) (74, 5476) (99, 9801), from 0 to 99, 0 to 9801,",
            "mean (49.5, 3284), mean step 99",
        ],
    ),
    "many that are nan": (
        lambda a: a.plot(range(17), [float("nan")] * 17),
        ["from 0 to 16, nan, mean (8, nan), mean step nan"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_artist_is_described_by_its_numbers(name):
    draw, lines = CASES[name]
    found = artist(draw)
    if name in ("mesh", "many that are nan"):
        assert lines[0] in " ".join(found)
    else:
        assert found == lines


def test_one_point_of_many_is_noticed():
    right, wrong = np.arange(1000) ** 0.5, np.arange(1000) ** 0.5
    wrong[[300, 301]] = wrong[[301, 300]] + 1
    assert artist(lambda a: a.plot(right)) != artist(lambda a: a.plot(wrong))


def test_axes_and_figure_have_their_words():
    figure = Figure()
    left, right = figure.subplots(1, 2)
    figure.suptitle("both")
    left.set(title="a", xlabel="size", xlim=(1, 100), xscale="log", ylim=(0, 1))
    right.set_title("b", loc="left")
    right.set(xlim=(0, 2), ylim=(3, 1))
    right.set_xticks([0, 1], ["no", "yes"])
    assert figure_text(figure).split("\n") == [
        "text 'both' at (0.5, 0.98)",
        "axes 1 'a'",
        "  x 'size' 1 to 100, log",
        "  y 0 to 1",
        "axes 2 'b'",
        "  x 0 to 2, ticks 0 'no' 1 'yes'",
        "  y 3 to 1",
    ]


def test_line_in_space_has_three_numbers():
    found = drawn(lambda a: a.plot([0, 1], [2, 3], [4, 5]), subplot_kw={"projection": "3d"})
    assert found[-1] == "line: (0, 2, 4) (1, 3, 5)"
    assert [line[0] for line in found[:-1]] == ["x", "y", "z"]


def test_kernel_attaches_the_data_to_figures_alone(monkeypatch):
    formatter = SimpleNamespace(format=lambda shown: ({"text/plain": repr(shown)}, {}))
    shell = SimpleNamespace(display_formatter=formatter)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    figure_data.start()
    assert formatter.format(1) == ({"text/plain": "1"}, {})
    figure = Figure()
    figure.subplots().plot([0], [1])
    assert "line: (0, 1)" in formatter.format(figure)[1][KEY]


CODE = """%config InlineBackend.figure_formats = ["svg"]
import matplotlib.pyplot as plt
plt.figure().add_subplot().plot([0, 1], [2, 4])
plt.axis([0, 1, 2, 4])
plt.show()"""
DATA = "<figure>\naxes 1\n  x 0 to 1\n  y 2 to 4\n  line: (0, 2) (1, 4)"


@pytest.mark.filterwarnings("ignore:'sphinx.environment.BuildEnvironment.app'")
@pytest.mark.parametrize("mode", ["force", "inline"])
def test_line_through_the_wrong_points_is_a_difference(tmp_path, mode):
    pages = {
        "index.md": HEAD + cell(CODE) + block(DATA, "figure-data"),
        "wrong.md": HEAD + cell(CODE) + block(DATA.replace("(1, 4)", "(1, 3)"), "figure-data"),
        "none.md": HEAD + cell("1") + block("1", "figure-data"),
        "kind.md": HEAD + cell(CODE) + block("<figure>"),
    }
    _, warnings = build(tmp_path, pages, nb_execution_mode=mode)
    assert "-  line: (0, 2) (1, 3)\n+  line: (0, 2) (1, 4)" in warnings
    message = "figure-data: expected a chart, or a figure drawn in this build; got none"
    assert f"none.md:13: WARNING: {message}" in warnings
    assert warnings.count("WARNING") == 3 + 3  # a page in no toctree is one, too


@pytest.mark.filterwarnings("ignore:'sphinx.environment.BuildEnvironment.app'")
def test_project_asks_for_the_data_of_all_figures(tmp_path):
    page = {"index.md": HEAD + cell(CODE) + block(DATA)}
    assert not build(tmp_path, page, "dummy", code_cell_output_figure_data=True)[1]
