"""What is known of each user's manner, as exact counts: the evidence that bot signals judge.

An act is anything that a user does in answer to the page. Impressions are no acts, and nor are
ratings: people rate a hundred films at one sitting, seconds apart, and mean every one.
"""

import narwhals as nw

from assets.cleaning.shared_prefix import pushed_acts
from core.days import DAY_US
from core.engine import Engine, Frame
from core.transform_settings import BotSettings

QUARTERS = ("n_quarter_0", "n_quarter_1", "n_quarter_2", "n_quarter_3")
_QUARTER_US = DAY_US // 4


def user_evidence(
    events: Frame, crawlers: Frame, reused: Frame, engine: Engine, settings: BotSettings
) -> Frame:
    """Returns one row for each user with an event, with a count for every kind of evidence.

    Args:
        events: EVENTS before D.
        crawlers: user_agent, one row for each that a crawler sends.
        reused: user_id, n_reused, as `reused_ids` returns them.
        engine: the frames' engine.
        settings: what counts as a fast step, an even day and a pushed item.

    Returns:
        user_id and int64 columns. Of all events: n_rows (those that the user's client sent: no
        impressions without an agent, which the server logs), n_events (no impressions),
        n_crawler_rows, n_reused. Of acts: n_acts, n_moves (steps to another item), n_fast_moves,
        n_timed_days (days with enough gaps), n_even_days, max_day_acts, n_quarter_0 to _3 (by six
        hours of the day), n_items, n_unprompted, n_pushed. Of items shown: n_shown, n_answered.
    """
    acts = events.filter(~nw.col("action").is_in(["impression", "rating"]))
    parts = [
        _crawler_rows(events, crawlers),
        reused.select("user_id", "n_reused"),
        _user_habits(_user_days(acts, settings), settings),
        _user_pairs(events),
        pushed_acts(acts, engine, settings),
    ]
    evidence = _user_totals(events)
    for part in parts:
        evidence = evidence.join(part, on="user_id", how="left")
    counts = [name for name in evidence.collect_schema().names() if name != "user_id"]
    return evidence.with_columns([nw.col(name).fill_null(0) for name in counts])


def _count(condition: nw.Expr) -> nw.Expr:
    return condition.cast(nw.Int64).sum().cast(nw.Int64)


def _total(name: str) -> nw.Expr:
    return nw.col(name).sum().cast(nw.Int64)


def _user_totals(events: Frame) -> Frame:
    is_shown = nw.col("action") == "impression"
    return events.group_by("user_id").agg(
        _count(~(is_shown & nw.col("user_agent").is_null())).alias("n_rows"),
        _count(~is_shown).alias("n_events"),
    )


def _crawler_rows(events: Frame, crawlers: Frame) -> Frame:
    sent = events.select("user_id", "user_agent").join(crawlers, on="user_agent", how="inner")
    return sent.group_by("user_id").agg(nw.len().cast(nw.Int64).alias("n_crawler_rows"))


def _user_days(acts: Frame, settings: BotSettings) -> Frame:
    """Counts and gaps of each user's day; gaps in milliseconds, so that squares fit in 64 bits."""
    day = ["user_id", "day"]
    order = ["occurred_us", "event_id"]
    placed = acts.select(
        *order,
        "user_id",
        "item_id",
        (nw.col("occurred_us") // DAY_US).alias("day"),
        (nw.col("occurred_us") % DAY_US // _QUARTER_US).alias("quarter"),
    )
    stepped = placed.with_columns(
        nw.col("occurred_us").shift(1).over(*day, order_by=order).alias("previous_us"),
        nw.col("item_id").shift(1).over(*day, order_by=order).alias("previous_item"),
    )
    # Equal times are a client that sends a batch, not a hand or a clock: no gap.
    gap = (nw.col("occurred_us") - nw.col("previous_us")) // 1000
    gapped = stepped.with_columns(nw.when(gap > 0).then(gap).otherwise(None).alias("gap_ms"))
    is_gap = ~nw.col("gap_ms").is_null()
    moved = is_gap & (nw.col("item_id") != nw.col("previous_item"))
    fast = moved & (nw.col("gap_ms") < round(settings.fast_gap_seconds * 1000))
    return (
        gapped.with_columns(
            is_gap.cast(nw.Int64).alias("is_gap"),
            moved.cast(nw.Int64).alias("moved"),
            fast.cast(nw.Int64).alias("fast"),
            (nw.col("gap_ms") * nw.col("gap_ms")).alias("gap_square"),
        )
        .group_by(day)
        .agg(
            nw.len().cast(nw.Int64).alias("n_acts"),
            _total("is_gap").alias("n_gaps"),
            _total("moved").alias("n_moves"),
            _total("fast").alias("n_fast_moves"),
            _total("gap_ms").alias("gap_sum"),
            _total("gap_square").alias("gap_square_sum"),
            *(_count(nw.col("quarter") == n).alias(name) for n, name in enumerate(QUARTERS)),
        )
    )


def _user_habits(days: Frame, settings: BotSettings) -> Frame:
    # spread² = n·Σg² / (Σg)² − 1, compared without a division.
    mean_square = nw.col("n_gaps").cast(nw.Float64) * nw.col("gap_square_sum").cast(nw.Float64)
    square_mean = nw.col("gap_sum").cast(nw.Float64) * nw.col("gap_sum").cast(nw.Float64)
    timed = nw.col("n_gaps") >= settings.gaps_from
    even = timed & (mean_square <= square_mean * (1 + settings.regular_gap_spread**2))
    return days.group_by("user_id").agg(
        _total("n_acts"),
        _total("n_moves"),
        _total("n_fast_moves"),
        _count(timed).alias("n_timed_days"),
        _count(even).alias("n_even_days"),
        nw.col("n_acts").max().alias("max_day_acts"),
        *(_total(name) for name in QUARTERS),
    )


def _user_pairs(events: Frame) -> Frame:
    """What was shown, what was touched, and what was touched without having been shown."""
    is_act = ~nw.col("action").is_in(["impression", "rating"])
    pairs = events.group_by("user_id", "item_id").agg(
        _count(nw.col("action") == "impression").alias("shown"), _count(is_act).alias("acts")
    )
    shown, touched = nw.col("shown") > 0, nw.col("acts") > 0
    return (
        pairs.with_columns((nw.col("acts") * (~shown).cast(nw.Int64)).alias("unprompted"))
        .group_by("user_id")
        .agg(
            _count(touched).alias("n_items"),
            _total("unprompted").alias("n_unprompted"),
            _count(shown).alias("n_shown"),
            _count(shown & touched).alias("n_answered"),
        )
    )
