"""Transforms that cut clean events into a fold's training part and its truth."""

import narwhals as nw

from assets.evaluation.protocol import Fold
from core.days import DAY_US
from core.engine import Frame


def training_events(events: Frame, holdout: Frame, fold: Fold) -> Frame:
    """Returns the CLEAN_EVENTS that a fold may be fitted on.

    Args:
        events: CLEAN_EVENTS.
        holdout: HOLDOUT; empty except with the per-user protocol.
        fold: the fold.
    """
    before = events.filter(nw.col("occurred_us") < fold.fit_before_us)
    if fold.truth_level == 0:
        return before
    hidden = holdout.filter(~nw.col("level").is_in(list(fold.train_levels))).select("event_id")
    return before.join(hidden, on="event_id", how="anti")


def held_out_events(events: Frame, holdout: Frame, fold: Fold) -> Frame:
    """Returns the CLEAN_EVENTS of a fold's held-out part."""
    if fold.truth_level == 0:
        return events.filter(
            nw.col("occurred_us") >= fold.fit_before_us,
            nw.col("occurred_us") < fold.truth_until_us,
        )
    level = holdout.filter(nw.col("level") == fold.truth_level).select("event_id")
    return events.join(level, on="event_id", how="semi")


def truth(training: Frame, held_out: Frame) -> Frame:
    """Returns TRUTH: what known users newly took to, among the items that could be ranked.

    Args:
        training: INTERACTIONS of the fold's training part.
        held_out: INTERACTIONS of its held-out part alone, with the items known at the fold's cut.
    """
    known = training.select("user_id").unique()
    touched = training.select("user_id", "item_id")
    return (
        held_out.filter(nw.col("weight_micro") > 0)
        .select("user_id", "item_id", "weight_micro")
        .join(known, on="user_id", how="semi")
        .join(touched, on=["user_id", "item_id"], how="anti")
    )


def newcomers_truth(training: Frame, held_out: Frame) -> Frame:
    """Returns TRUTH of those who came after the cut: what they took to, nothing known of them.

    Args:
        training: INTERACTIONS of the fold's training part.
        held_out: as for `truth`.
    """
    known = training.select("user_id").unique()
    return (
        held_out.filter(nw.col("weight_micro") > 0)
        .select("user_id", "item_id", "weight_micro")
        .join(known, on="user_id", how="anti")
    )


def rolling_pairs(events: Frame, first_us: int, before_us: int) -> Frame:
    """Returns the pairs (user_id, item_id) first touched in a span by users known before that day.

    An upper bound of what one-day holdouts over the span can test, from a single pass.
    """
    touches = events.filter(nw.col("action") != "impression", nw.col("occurred_us") < before_us)
    users = touches.group_by("user_id").agg(nw.col("occurred_us").min().alias("user_us"))
    pairs = touches.group_by("user_id", "item_id").agg(nw.col("occurred_us").min().alias("pair_us"))
    return (
        pairs.filter(nw.col("pair_us") >= first_us)
        .join(users, on="user_id", how="inner")
        .filter(nw.col("pair_us") // DAY_US > nw.col("user_us") // DAY_US)
        .select("user_id", "item_id")
    )


def per_user_holdout(events: Frame, share: float) -> Frame:
    """Returns HOLDOUT: each user's last max(1, share) events twice over, latest first.

    Level 1 is the test's part; level 2 is the same share of what remains. Equal times are broken
    by item id. Impressions are never held out; a user with one event keeps it for the test alone.
    """
    permille = round(share * 1000)
    touches = events.filter(nw.col("action") != "impression").select(
        "event_id", "user_id", "item_id", (-nw.col("occurred_us")).alias("minus_us")
    )
    sizes = touches.group_by("user_id").agg(nw.len().cast(nw.Int64).alias("n"))
    place = (
        nw.col("event_id").cum_count().over("user_id", order_by=["minus_us", "item_id", "event_id"])
    )
    placed = touches.join(sizes, on="user_id", how="inner").with_columns(
        place.cast(nw.Int64).alias("place")
    )
    n_test = nw.max_horizontal(nw.col("n") * permille // 1000, nw.lit(1, nw.Int64))
    cut = placed.with_columns(n_test.cast(nw.Int64).alias("n_test"))
    n_label = nw.max_horizontal(
        (nw.col("n") - nw.col("n_test")) * permille // 1000, nw.lit(1, nw.Int64)
    )
    cut = cut.with_columns((nw.col("n_test") + n_label.cast(nw.Int64)).alias("n_held"))
    return cut.filter(nw.col("place") <= nw.col("n_held")).select(
        "event_id",
        nw.when(nw.col("place") <= nw.col("n_test")).then(1).otherwise(2)
        .cast(nw.Int32).alias("level"),
    )  # fmt: skip
