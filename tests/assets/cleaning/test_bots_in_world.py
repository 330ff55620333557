"""Bots found in a synthetic world that came in through ingest, against the world's truth."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from assets.cleaning.bots import bot_scores
from assets.cleaning.reused_ids import reused_ids
from assets.ingest.landing import ingest_landing
from assets.ingest.snapshot import snapshot
from assets.world.generate import generate
from assets.world.parameters import load_parameters
from core.days import day_start_us
from core.engine import open_engine
from core.home import Home
from core.ingest_settings import IngestSettings
from core.schemas import EVENTS, QUARANTINE
from core.transform_settings import BotSettings

LAST_DAY = date(2024, 3, 31)


def judged(folder: Path, *, n_users: int, seed: int, n_days: int) -> pl.DataFrame:
    """Returns the truth about every account, with its score (null where it has no event)."""
    home = Home(folder / "home")
    generate(
        load_parameters(),
        n_users=n_users,
        seed=seed,
        n_days=n_days,
        last_day=LAST_DAY,
        out=home.landing,
        truth=folder / "truth",
    )
    ingest_landing(home, IngestSettings())
    lake, before_us = snapshot(home), day_start_us(LAST_DAY + timedelta(days=1))
    with open_engine("polars") as engine:
        events = engine.scan(lake.paths("events"), EVENTS)
        reused = reused_ids(engine.scan(lake.paths("quarantine"), QUARANTINE), before_us)
        scores = engine.collect(bot_scores(events, engine, before_us, BotSettings(), reused))
    truth = pl.read_parquet(folder / "truth" / "users.parquet").rename({"is_bot": "truly_bot"})
    return truth.join(scores, on="user_id", how="left").with_columns(
        pl.col("is_bot").fill_null(False)
    )


def precision_and_recall(users: pl.DataFrame) -> tuple[float, float]:
    found = users.filter("truly_bot", "is_bot").height
    return found / users["is_bot"].sum(), found / users["truly_bot"].sum()


def check(users: pl.DataFrame) -> None:
    precision, recall = precision_and_recall(users)
    assert precision >= 0.97
    assert recall >= 0.93
    slow = users.filter("is_slow_bot")
    assert slow.height >= 0.2 * users["truly_bot"].sum()
    assert precision_and_recall(slow)[1] >= 0.93
    heavy = users.filter("is_heavy")
    assert heavy.height > 0
    assert not heavy["is_bot"].any()


def test_bots_of_a_small_world(tmp_path: Path) -> None:
    users = judged(tmp_path, n_users=1_500, seed=1, n_days=14)
    assert set(users.filter("truly_bot")["bot_kind"]) == {
        "scraper", "click_farm", "fast_clicker", "replayer",
    }  # fmt: skip
    check(users)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_bots_of_a_world_of_20_000_users(tmp_path: Path, seed: int) -> None:
    check(judged(tmp_path, n_users=20_000, seed=seed, n_days=45))
