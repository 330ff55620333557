"""The small plots that a person looks at in the Dagster UI; numbers in, a figure out."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

_INK = "#2f5d8a"
_ACCENT = "#c8553d"
_FAINT = "#a9c1d9"


def _axes(title: str, size: tuple[float, float] = (6.0, 2.4)) -> tuple[Figure, Axes]:
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    return figure, axes


def lines(title: str, series: Mapping[str, Sequence[float]], x_label: str) -> Figure:
    """Returns one line for each series over its index."""
    figure, axes = _axes(title)
    for name, values in series.items():
        axes.plot(range(len(values)), values, label=name, linewidth=1.4)
    axes.set_xlabel(x_label, fontsize=8)
    if len(series) > 1:
        axes.legend(fontsize=8, frameon=False)
    return figure


def days(title: str, counts: Mapping[str, int]) -> Figure:
    """Returns counts by day (`YYYY-MM-DD`) as an area over time."""
    figure, axes = _axes(title)
    names = sorted(counts)
    axes.fill_between(range(len(names)), [counts[name] for name in names], color=_INK, alpha=0.7)
    ticks = list(range(0, len(names), max(1, len(names) // 6)))
    axes.set_xticks(ticks, [names[place] for place in ticks])
    return figure


def bars(title: str, values: Mapping[str, float]) -> Figure:
    """Returns horizontal bars, the largest on top."""
    ordered = sorted(values.items(), key=lambda pair: (pair[1], pair[0]))
    figure, axes = _axes(title, (6.0, 0.8 + 0.24 * max(1, len(ordered))))
    axes.barh([name for name, _ in ordered], [value for _, value in ordered], color=_INK)
    return figure


def intervals(
    title: str,
    rows: Mapping[str, tuple[float, float, float]],
    reference: str | None = None,
    bar: float | None = None,
) -> Figure:
    """Returns means with intervals, (mean, lower, upper) by name.

    The reference stands out; the bar, a limit that lower ends are held against, is a dashed line.
    """
    figure, axes = _axes(title, (6.0, 0.9 + 0.3 * len(rows)))
    for place, (name, (mean, lower, upper)) in enumerate(reversed(list(rows.items()))):
        colour = _ACCENT if name == reference else _INK
        axes.plot([lower, upper], [place, place], color=colour, linewidth=2)
        axes.plot([mean], [place], "o", color=colour)
    axes.set_yticks(range(len(rows)), list(reversed(list(rows))))
    if bar is not None:
        axes.axvline(bar, color=_ACCENT, linestyle="--", linewidth=1)
    return figure


def release_changes(
    title: str, overlaps: Sequence[int], shares: Mapping[str, Mapping[str, float]]
) -> Figure:
    """Returns two panels: users by what their lists have in common, and rows by source.

    Args:
        title: what is compared.
        overlaps: (11,) users by items in common of their top tens, 0 to 10.
        shares: `before` and `after` by source, in [0, 1].
    """
    figure = Figure(figsize=(9.0, 2.8), layout="constrained")
    users, rows = figure.subplots(1, 2, width_ratios=(3, 2))
    figure.suptitle(title, x=0.01, ha="left", fontsize=10, parse_math=False)
    users.bar(range(len(overlaps)), overlaps, color=_INK)
    users.set_xticks(range(len(overlaps)))
    users.set_xlabel("items in common of a user's two top tens", fontsize=8)
    users.set_ylabel("users", fontsize=8)
    names = sorted(shares, key=lambda name: (shares[name]["after"], name))
    for side, place, colour in (("before", 0.2, _FAINT), ("after", -0.2, _INK)):
        values = [100 * shares[name][side] for name in names]
        rows.barh([n + place for n in range(len(names))], values, 0.38, color=colour, label=side)
    rows.set_yticks(range(len(names)), names, parse_math=False)
    rows.set_xlabel("% of rows that a source proposed", fontsize=8)
    for axes in (users, rows):
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    rows.legend(fontsize=8, frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1, 1))
    return figure
