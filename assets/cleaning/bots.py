"""Who is a machine: evidence, signals, and a score with the reasons that fired."""

import narwhals as nw
import polars as pl

from assets.cleaning.bot_evidence import user_evidence
from assets.cleaning.bot_signals import Signal, signals
from assets.cleaning.crawlers import crawler_agents
from core.engine import Engine, Frame
from core.transform_settings import BotSettings

_NO_REUSE = pl.DataFrame(schema={"user_id": pl.String, "n_reused": pl.Int64})


def bot_scores(
    events: Frame,
    engine: Engine,
    before_us: int,
    settings: BotSettings,
    reused: Frame | None = None,
) -> Frame:
    """Returns BOT_SCORES: one row for each user with an event before D.

    Args:
        events: EVENTS.
        engine: the frame's engine; what it persists here lives until it is closed.
        before_us: D 00:00 UTC; later events say nothing.
        settings: signals, points and the threshold.
        reused: `reused_ids.reused_ids`, where there is a quarantine to read it from.
    """
    earlier = events.filter(nw.col("occurred_us") < before_us)
    agents = engine.collect(earlier.select("user_agent").unique())["user_agent"]
    evidence = user_evidence(
        earlier,
        engine.from_polars(crawler_agents(agents)),
        engine.from_polars(_NO_REUSE) if reused is None else reused,
        engine,
        settings,
    )
    return score_users(engine.persist(evidence), engine, settings)


def score_users(evidence: Frame, engine: Engine, settings: BotSettings) -> Frame:
    """Returns BOT_SCORES from `bot_evidence.user_evidence`."""
    every = signals(settings)
    marked = evidence.with_columns(
        [signal.judged.cast(nw.Int64).alias(f"judged_{signal.name}") for signal in every]
        + [
            (signal.judged & signal.fires).cast(nw.Int64).alias(f"fired_{signal.name}")
            for signal in every
        ]
    )
    telling = _telling(every, marked, engine, settings)
    score = nw.sum_horizontal(
        *(nw.col(f"fired_{signal.name}") * signal.points for signal in telling)
    )
    reasons = nw.concat_str(
        [
            nw.when(nw.col(f"fired_{signal.name}") > 0).then(nw.lit(signal.name))
            for signal in telling
        ],
        separator="|",
        ignore_nulls=True,
    )
    return marked.select(
        "user_id",
        score.cast(nw.Float64).alias("score"),
        (score >= settings.threshold).alias("is_bot"),
        reasons.fill_null("").alias("reasons"),
        "n_events",
    )


def _telling(
    every: tuple[Signal, ...], marked: Frame, engine: Engine, settings: BotSettings
) -> list[Signal]:
    """Returns the signals that are rare among those they can judge, so that they tell something."""
    counts = engine.collect(
        marked.select(
            [
                nw.col(f"{kind}_{signal.name}").sum().cast(nw.Int64)
                for kind in ("judged", "fired")
                for signal in every
            ]
        )
    ).row(0, named=True)
    return [
        signal
        for signal in every
        if signal.by_itself
        or counts[f"fired_{signal.name}"]
        <= max(settings.common_floor, settings.common_share * counts[f"judged_{signal.name}"])
    ]
