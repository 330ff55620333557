"""The users known at D."""

import narwhals as nw

from core import schemas
from core.engine import Frame


def users_at(latest_users: Frame, clean_events: Frame, bot_scores: Frame, before_us: int) -> Frame:
    """Returns USERS: who joined before D or did something in clean events, bots left out.

    A user without a day of joining is taken to have joined before D. Who did something but has no
    statement is known by the id alone; to have been shown something makes nobody known, for a
    server shows lists to whatever id it is asked for. Opted-out users stay, marked: they are to be
    recognised.

    Args:
        latest_users: USERS rows, as `latest.latest_users` returns them.
        clean_events: CLEAN_EVENTS.
        bot_scores: BOT_SCORES.
        before_us: D 00:00 UTC.
    """
    acts = clean_events.filter(nw.col("action") != "impression")
    active = acts.select("user_id").unique().with_columns(nw.lit(True).alias("active"))
    everyone = latest_users.join(active, on="user_id", how="full", suffix="_active")
    created = nw.col("created_us")
    known = everyone.filter(created.is_null() | (created < before_us) | ~nw.col("active").is_null())
    named = known.with_columns(
        nw.coalesce(nw.col("user_id"), nw.col("user_id_active")).alias("user_id"),
        nw.col("opted_out").fill_null(False),
    )
    bots = bot_scores.filter(nw.col("is_bot")).select("user_id")
    return named.join(bots, on="user_id", how="anti").select(schemas.USERS.names)
