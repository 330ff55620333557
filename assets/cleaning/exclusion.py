"""Which accepted events count at D, and the account of those that don't."""

from dataclasses import asdict, dataclass

import narwhals as nw
import polars as pl

from core import schemas
from core.engine import Frame
from core.errors import CheckFailed


def excluded_users(latest_users: Frame, bot_scores: Frame) -> Frame:
    """Returns the users whose events don't count: user_id, reason `opted_out` or `bot`.

    A user who is both has opted out, so that each of their events is counted once.

    Args:
        latest_users: USERS rows, as `latest_users` returns them.
        bot_scores: BOT_SCORES.
    """
    opted_out = latest_users.filter(nw.col("opted_out")).select(
        "user_id", nw.lit("opted_out").alias("reason")
    )
    bots = bot_scores.filter(nw.col("is_bot")).select("user_id", nw.lit("bot").alias("reason"))
    return nw.concat([opted_out, bots.join(opted_out, on="user_id", how="anti")])


def clean_events(events: Frame, excluded_users: Frame, before_us: int) -> Frame:
    """Returns CLEAN_EVENTS: the events before D of users who are not excluded."""
    earlier = events.filter(nw.col("occurred_us") < before_us)
    return earlier.join(excluded_users, on="user_id", how="anti").select(schemas.CLEAN_EVENTS.names)


def excluded_events(events: Frame, excluded_users: Frame, before_us: int) -> Frame:
    """Returns EXCLUDED_EVENTS: the events before D of excluded users, with the reason."""
    earlier = events.filter(nw.col("occurred_us") < before_us)
    return earlier.join(excluded_users, on="user_id", how="inner").select(
        schemas.EXCLUDED_EVENTS.names
    )


def count_events(events: Frame, excluded_users: Frame, before_us: int) -> Frame:
    """Returns how many accepted events have each fate: fate, n_events.

    The fates are `clean`, `bot`, `opted_out` and `not_before`; one without events has no row.
    """
    later = nw.col("occurred_us") >= before_us
    reason = nw.when(~nw.col("reason").is_null()).then(nw.col("reason"))
    fate = nw.when(later).then(nw.lit("not_before")).otherwise(reason.otherwise(nw.lit("clean")))
    joined = events.select("user_id", "occurred_us").join(excluded_users, on="user_id", how="left")
    fates = joined.select(fate.alias("fate"))
    return fates.group_by("fate").agg(nw.len().cast(nw.Int64).alias("n_events"))


@dataclass(frozen=True)
class Account:
    """Where the accepted events went, as of one date."""

    accepted: int
    clean: int
    bot: int
    opted_out: int
    not_before: int

    def as_facts(self) -> dict[str, int]:
        """Returns the account as JSON values."""
        return asdict(self)


def read_account(counts: pl.DataFrame, accepted: int) -> Account:
    """Returns the account that `count_events` adds up to.

    Args:
        counts: `count_events`, collected.
        accepted: what ingest says it accepted, from its ledger: an independent count.
    """
    by_fate = dict(counts.select("fate", "n_events").iter_rows())
    return Account(
        accepted=accepted,
        clean=by_fate.get("clean", 0),
        bot=by_fate.get("bot", 0),
        opted_out=by_fate.get("opted_out", 0),
        not_before=by_fate.get("not_before", 0),
    )


def check_account(account: Account) -> None:
    """Checks that accepted = clean + bot + opted out + not before D.

    Raises:
        CheckFailed: an event was lost or counted twice.
    """
    found = account.clean + account.bot + account.opted_out + account.not_before
    if found != account.accepted:
        raise CheckFailed(
            f"ingest accepted {account.accepted} events, cleaning found {found} (clean "
            f"{account.clean}, bot {account.bot}, opted out {account.opted_out}, not before D "
            f"{account.not_before}); compare the lake's files with the ledger"
        )
