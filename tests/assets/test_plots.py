"""Figures are read back from their artists; drawing them must not warn."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.figure import Figure

from assets import plots


def drawn(figure: Figure) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=80)
    return stream.getvalue()


def test_one_line_for_each_series() -> None:
    figure = plots.lines("loss", {"als": [3.0, 2.0, 1.5], "tower": [9.0, 4.0]}, "epoch")
    (axes,) = figure.axes
    assert axes.get_title(loc="left") == "loss"
    assert axes.get_xlabel() == "epoch"
    assert [line.get_label() for line in axes.get_lines()] == ["als", "tower"]
    assert axes.get_lines()[0].get_xydata().tolist() == [[0, 3.0], [1, 2.0], [2, 1.5]]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["als", "tower"]


def test_one_series_needs_no_legend() -> None:
    assert plots.lines("loss", {"als": [1.0]}, "epoch").axes[0].get_legend() is None


def test_days_stand_in_order_with_few_ticks() -> None:
    counts = {f"2024-01-{day:02}": day for day in range(31, 0, -1)}
    (axes,) = plots.days("events", counts).axes
    ticks = [label.get_text() for label in axes.get_xticklabels()]
    assert ticks[0] == "2024-01-01"
    assert ticks == sorted(ticks)
    assert len(ticks) <= 8
    area = axes.collections[0].get_paths()[0].vertices
    assert area[:, 1].max() == 31
    top = {int(x): y for x, y in area if y > 0}
    assert top[0] == 1
    assert top[30] == 31


def test_the_largest_bar_is_on_top_and_ties_go_by_name() -> None:
    (axes,) = plots.bars("importance", {"b": 2.0, "c": 5.0, "a": 2.0}).axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["a", "b", "c"]  # from the bottom up
    assert [bar.get_width() for bar in axes.patches] == [2.0, 2.0, 5.0]


def test_intervals_keep_their_order_and_the_reference_stands_out() -> None:
    rows = {"lists": (0.3, 0.2, 0.4), "als": (0.2, 0.1, 0.3)}
    (axes,) = plots.intervals("ndcg@10", rows, reference="als").axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["als", "lists"]
    bars, dots = axes.get_lines()[0::2], axes.get_lines()[1::2]
    assert [list(bar.get_xdata()) for bar in bars] == [[0.1, 0.3], [0.2, 0.4]]
    assert [list(dot.get_xdata()) for dot in dots] == [[0.2], [0.3]]
    assert bars[0].get_color() != bars[1].get_color()


SHARES = {"als": {"before": 0.5, "after": 0.75}, "category": {"before": 0.25, "after": 0.0}}


def test_changes_are_users_by_overlap_and_rows_by_source() -> None:
    users, rows = plots.release_changes("new against old", list(range(11)), SHARES).axes
    assert [bar.get_height() for bar in users.patches] == list(range(11))
    assert [label.get_text() for label in users.get_xticklabels()] == [str(n) for n in range(11)]
    assert [label.get_text() for label in rows.get_yticklabels()] == ["category", "als"]
    assert [bar.get_width() for bar in rows.patches] == [25.0, 50.0, 0.0, 75.0]  # before, after
    assert [text.get_text() for text in rows.get_legend().get_texts()] == ["before", "after"]


DRAWINGS: dict[str, Callable[[], Figure]] = {
    "no series": lambda: plots.lines("t", {}, "x"),
    "an empty series": lambda: plots.lines("t", {"a": [], "b": []}, "x"),
    "a series with a gap": lambda: plots.lines("t", {"a": [1.0, float("nan"), 2.0]}, "x"),
    "no day": lambda: plots.days("t", {}),
    "one day": lambda: plots.days("t", {"2024-03-10": 0}),
    "no bar": lambda: plots.bars("t", {}),
    "bars of nothing": lambda: plots.bars("t", {"a": 0.0}),
    "many bars": lambda: plots.bars("t", {f"feature {n}": float(n) for n in range(40)}),
    "no interval": lambda: plots.intervals("t", {}),
    "a point": lambda: plots.intervals("t", {"a": (0.0, 0.0, 0.0)}),
    "no change": lambda: plots.release_changes("t", [0] * 11, {}),
    "changes of a million": lambda: plots.release_changes("$x_{ <b>", [10**6] * 11, SHARES),
    "names from outside": lambda: plots.bars("$\\alpha$_{", {"$x$ <b>é</b>\n": 1.0}),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_anything_can_be_drawn_small_enough_to_show(name: str) -> None:
    image = drawn(DRAWINGS[name]())
    assert image.startswith(b"\x89PNG")
    assert len(image) < 150_000  # the UI's metadata holds 200 kB of base64


def test_drawing_is_repeatable() -> None:
    values = {f"f{n}": float(v) for n, v in enumerate(np.random.default_rng(1).random(9))}
    assert drawn(plots.bars("t", values)) == drawn(plots.bars("t", values))


def test_a_bar_is_drawn_where_there_is_one() -> None:
    rows = {"challenger": (0.01, -0.02, 0.04)}
    assert len(plots.intervals("with", rows).axes[0].get_lines()) == 2
    figure = plots.intervals("with", rows, bar=-0.05)
    *_, line = figure.axes[0].get_lines()
    assert line.get_xdata() == [-0.05, -0.05]
    assert drawn(figure)
