"""The signals of a machine: whom each can judge, when it fires, and what it is worth."""

from dataclasses import dataclass

import narwhals as nw

from assets.cleaning.bot_evidence import QUARTERS
from core.transform_settings import BotSettings


@dataclass(frozen=True)
class Signal:
    """One kind of evidence.

    Attributes:
        name: how it is reported.
        points: what it adds to the score.
        judged: on `user_evidence`, whether there is enough to judge the user by.
        fires: whether the user, if judged, behaves like a machine.
        by_itself: whether it holds however common it is.
    """

    name: str
    points: int
    judged: nw.Expr
    fires: nw.Expr
    by_itself: bool = False


def signals(settings: BotSettings) -> tuple[Signal, ...]:
    """Returns every signal, in the order in which reasons are given."""
    rows, acts, shown = nw.col("n_rows"), nw.col("n_acts"), nw.col("n_shown")
    enough_acts = acts >= settings.acts_from
    habits = acts >= settings.habits_from
    ratio = nw.col("n_items")  # to acts
    quiet = nw.min_horizontal(*QUARTERS)
    return (
        Signal(
            "crawler_agent", settings.crawler_agent,
            judged=rows > 0, fires=nw.col("n_crawler_rows") * 2 >= rows, by_itself=True,
        ),
        Signal(
            "reused_ids", settings.reused_ids,
            judged=nw.col("n_reused") >= settings.reused_ids_from,
            fires=nw.col("n_reused") >= rows, by_itself=True,
        ),
        Signal(
            "fast_gaps", settings.fast_gaps,
            judged=nw.col("n_moves") >= settings.gaps_from,
            fires=nw.col("n_fast_moves") >= nw.col("n_moves") * settings.fast_gap_share,
        ),
        Signal(
            "regular_gaps", settings.regular_gaps,
            judged=nw.col("n_timed_days") > 0,
            fires=nw.col("n_even_days") >= nw.col("n_timed_days") * settings.regular_day_share,
        ),
        Signal(
            "shared_prefix", settings.shared_prefix,
            judged=enough_acts, fires=nw.col("n_pushed") >= acts * settings.shared_prefix_share,
        ),
        Signal(
            "unprompted", settings.unprompted,
            judged=enough_acts, fires=nw.col("n_unprompted") >= acts * settings.unprompted_share,
        ),
        Signal(
            "clicks_all", settings.clicks_all,
            judged=shown >= settings.acts_from,
            fires=nw.col("n_answered") >= shown * settings.clicks_all_share,
        ),
        Signal(
            "ignores_all", settings.ignores_all,
            judged=shown >= settings.ignores_all_from, fires=acts == 0,
        ),
        Signal(
            "high_rate", settings.high_rate,
            judged=enough_acts, fires=nw.col("max_day_acts") >= settings.high_rate_from,
        ),
        Signal(
            "few_items", settings.few_items,
            judged=habits, fires=ratio <= acts * settings.few_items_ratio,
        ),
        Signal(
            "all_items", settings.all_items,
            judged=habits, fires=ratio >= acts * settings.all_items_ratio,
        ),
        Signal(
            "no_night", settings.no_night,
            judged=habits, fires=quiet >= acts * settings.no_night_share,
        ),
    )  # fmt: skip
