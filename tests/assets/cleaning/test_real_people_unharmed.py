"""Real logs without impressions or agents: no one in them is taken for a machine."""

import os
from pathlib import Path

import polars as pl
import pytest

from assets.cleaning.bots import bot_scores
from core.engine import open_engine
from core.schemas import EVENTS
from core.transform_settings import BotSettings

DATA = Path(os.environ.get("DAYBREAK_DATA", Path(__file__).parents[4] / "shared" / "data"))


def bots(log: pl.DataFrame) -> tuple[int, int]:
    """Returns the numbers of users and of bots in a log of some of the columns of EVENTS."""
    events = log.with_row_index("event_id").with_columns(pl.col("event_id").cast(pl.String))
    missing = [name for name in EVENTS.names if name not in events.columns]
    typed = events.with_columns(pl.lit(None).alias(name) for name in missing).cast(EVENTS.polars)
    with open_engine("polars") as engine:
        found = engine.collect(bot_scores(engine.from_polars(typed), engine, 2**62, BotSettings()))
    return found.height, found["is_bot"].sum()


def need(path: Path) -> Path:
    if not path.exists():
        pytest.skip(f"{path} is absent; set DAYBREAK_DATA")
    return path


@pytest.mark.parametrize("action", ["rating", "view"])
def test_movielens(action: str) -> None:
    # Read as views too: a hundred films at one sitting, seconds apart, none of them shown.
    ratings = pl.read_csv(need(DATA / "ml-latest-small" / "ratings.csv"))
    log = ratings.select(
        user_id="userId",
        item_id="movieId",
        value="rating",
        occurred_us=pl.col("timestamp") * 1_000_000,
        action=pl.lit(action),
    )
    assert bots(log) == (671, 0)


def test_deskdrop() -> None:
    visits = pl.read_csv(need(DATA / "deskdrop" / "users_interactions.csv.gz"))
    log = visits.select(
        user_id="personId",
        item_id="contentId",
        occurred_us=pl.col("timestamp") * 1_000_000,
        user_agent="userAgent",
        action=pl.when(pl.col("eventType") == "VIEW")
        .then(pl.lit("view"))
        .otherwise(pl.lit("like")),
    )
    assert bots(log) == (1_895, 0)
