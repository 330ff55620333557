"""One small world, written once, and everything readable in it."""

import csv
import gzip
import io
import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from assets.world.generate import generate
from assets.world.parameters import WorldParameters, load_parameters
from assets.world.summary import WorldSummary
from assets.world.vocabulary import ACTIONS

SIZES = {"n_users": 1_500, "seed": 20, "n_days": 28, "last_day": date(2025, 3, 31)}
EVENT_TYPES = {
    "event_id": pl.String,
    "user_id": pl.String,
    "item_id": pl.String,
    "action": pl.String,
    "occurred_at": pl.Datetime("us", "UTC"),
    "value": pl.Float64,
    "session_id": pl.String,
    "position": pl.Int32,
    "surface": pl.String,
    "experiment_id": pl.String,
    "arm": pl.String,
    "user_agent": pl.String,
    "ip_prefix": pl.String,
}


@dataclass(frozen=True)
class Written:
    """A landing zone, its truth, and its readable events with the day of their file."""

    landing: Path
    truth: Path
    summary: WorldSummary
    events: pl.DataFrame  # every readable row, and file_day
    n_malformed: int
    users: pl.DataFrame  # of the truth

    @property
    def once(self) -> pl.DataFrame:
        """Each event id once: its first row."""
        return self.events.unique("event_id", keep="first", maintain_order=True)


def _text_rows(path: Path) -> tuple[pl.DataFrame, int]:
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()
    rows, n_malformed = [], 0
    is_csv = ".csv" in path.name
    lines = csv.DictReader(io.StringIO(text)) if is_csv else text.splitlines()
    for line in lines:
        try:
            row = line if is_csv else json.loads(line)
            good = row["user_id"] and row["item_id"] and row["action"] in ACTIONS
            good = good and "02-30T" not in row["occurred_at"]
        except (json.JSONDecodeError, TypeError):
            good = False
        if good and row["ip_prefix"]:
            rows.append({name: value if value != "" else None for name, value in row.items()})
        else:
            n_malformed += 1
    texts = pl.DataFrame(rows, schema=dict.fromkeys(EVENT_TYPES, pl.String), strict=False)
    times = pl.col("occurred_at").str.to_datetime("%Y-%m-%dT%H:%M:%S%.6fZ", time_unit="us")
    return texts.with_columns(
        times.dt.replace_time_zone("UTC"),
        pl.col("value").cast(pl.Float64),
        pl.col("position").cast(pl.Int32),
    ), n_malformed


def read_landing(landing: Path) -> tuple[pl.DataFrame, int]:
    """Returns every readable event row with `file_day`, and the number of unreadable lines."""
    frames, n_malformed = [], 0
    for path in sorted(landing.glob("events-*")):
        if path.suffix == ".parquet":
            frame = pl.read_parquet(path)
        else:
            frame, n_bad = _text_rows(path)
            n_malformed += n_bad
        day = date.fromisoformat(path.name.removeprefix("events-")[:10])
        frames.append(frame.with_columns(file_day=pl.lit(day)))
    return pl.concat(frames), n_malformed


@pytest.fixture(scope="session")
def parameters() -> WorldParameters:
    return load_parameters()


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory, parameters: WorldParameters) -> Written:
    landing = tmp_path_factory.mktemp("world") / "landing"
    summary = generate(parameters, **SIZES, out=landing)
    truth = landing.parent / "truth"
    events, n_malformed = read_landing(landing)
    users = pl.read_parquet(truth / "users.parquet")
    return Written(landing, truth, summary, events, n_malformed, users)
