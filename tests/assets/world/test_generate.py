from datetime import date, timedelta

import polars as pl
import pytest
from upath import UPath

from assets.world.generate import generate
from core.errors import UsageError

from .conftest import EVENT_TYPES, SIZES

SMALL = {"n_users": 400, "seed": 9, "n_days": 12, "last_day": date(2025, 3, 31)}


def _bytes(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory, parameters):
    folder = tmp_path_factory.mktemp("whole") / "landing"
    generate(parameters, **SMALL, out=folder, to_day=date(2025, 4, 2))
    return _bytes(folder)


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(tmp_path, parameters, whole):
    generate(parameters, **SMALL, out=tmp_path / "a", to_day=date(2025, 4, 2))
    assert _bytes(tmp_path / "a") == whole
    generate(parameters, **{**SMALL, "seed": 10}, out=tmp_path / "b", to_day=date(2025, 4, 2))
    assert not set(_bytes(tmp_path / "b").values()) & set(whole.values())


def test_days_may_be_written_one_by_one_and_in_any_order(tmp_path, parameters, whole):
    first = SMALL["last_day"] - timedelta(days=SMALL["n_days"] - 1)
    days = [first + timedelta(days=number) for number in (13, 4, 0, 7, 12, 2)]
    for day in days:
        generate(parameters, **SMALL, out=tmp_path / "landing", from_day=day, to_day=day)
    written = _bytes(tmp_path / "landing")
    assert written == {name: whole[name] for name in written}
    assert {name for name in written if name.startswith("events-")} == {
        name for name in whole if any(name.startswith(f"events-{day}") for day in days)
    }


def test_a_second_night_continues_the_world(tmp_path, parameters, whole):
    landing, night = tmp_path / "landing", SMALL["last_day"] + timedelta(days=1)
    first = generate(parameters, **SMALL, out=landing)
    assert first.days[-1].day == SMALL["last_day"]
    assert not list(landing.glob(f"*{night}*"))
    second = generate(parameters, **SMALL, out=landing, from_day=night)
    assert [counts.day for counts in second.days] == [night]
    assert second.n_users > first.n_users == SMALL["n_users"]
    assert second.n_items > first.n_items
    expected = {name: content for name, content in whole.items() if "2025-04-02" not in name}
    assert _bytes(landing) == expected


def test_a_folder_may_be_in_a_bucket(parameters, whole):
    landing = UPath("memory://world/landing")
    generate(parameters, **SMALL, out=landing, from_day=date(2025, 3, 20), to_day=date(2025, 3, 21))
    written = {path.name: path.read_bytes() for path in landing.iterdir()}
    assert len(written) == 6
    assert written == {name: whole[name] for name in written}
    assert (landing.parent / "truth" / "world.json").exists()


def test_days_outside_the_world_are_refused(tmp_path, parameters):
    with pytest.raises(UsageError, match="2025-01-01"):
        generate(parameters, **SMALL, out=tmp_path, from_day=date(2025, 1, 1))


def test_files_have_the_projects_columns_and_types(written):
    assert dict(written.events.drop("file_day").schema) == EVENT_TYPES
    assert {path.suffix for path in written.landing.glob("events-*")} == {".parquet", ".gz", ".csv"}
    utc = pl.Datetime("us", "UTC")
    assert dict(pl.read_parquet(next(written.landing.glob("users-*.parquet"))).schema) == {
        "user_id": pl.String,
        "created_at": utc,
        "preferences": pl.List(pl.String),
        "dislikes": pl.List(pl.String),
        "country": pl.String,
        "opted_out": pl.Boolean,
    }
    assert dict(pl.read_parquet(next(written.landing.glob("items-*.parquet"))).schema) == {
        "item_id": pl.String,
        "title": pl.String,
        "category": pl.String,
        "genres": pl.List(pl.String),
        "creators": pl.List(pl.String),
        "themes": pl.List(pl.String),
        "released_at": utc,
        "available_from": utc,
        "available_until": utc,
        "facts": pl.String,
    }
    header = next(written.landing.glob("items-*.csv")).read_text().splitlines()[0]
    assert header == (
        "item_id,title,category,genres,creators,themes,released_at,available_from,"
        "available_until,facts"
    )


def test_every_day_brings_events_items_and_users(written):
    first = SIZES["last_day"] - timedelta(days=SIZES["n_days"] - 1)
    for number in range(SIZES["n_days"]):
        day = first + timedelta(days=number)
        names = sorted(path.name.split("-")[0] for path in written.landing.glob(f"*-{day}.*"))
        assert names == ["events", "items", "users"]
    assert sorted(written.summary.files) == sorted(p.name for p in written.landing.iterdir())


def test_the_summary_counts_what_is_there(written):
    events, summary = written.events, written.summary
    assert summary.n_events == len(events)
    assert summary.total("n_impressions") == (events["action"] == "impression").sum()
    assert summary.n_planted_malformed == written.n_malformed > 20
    n_copies = summary.total("n_replayed_copies")
    repeats = events.drop("file_day").is_duplicated().sum()
    distinct = events.drop("file_day").unique()
    assert len(events) - len(distinct) == summary.n_planted_duplicates + n_copies
    assert repeats > summary.n_planted_duplicates > 100
    assert len(distinct) - len(written.once) == summary.total("n_replayed_conflicts") > 100
    assert summary.n_accepted == events["event_id"].n_unique()
    n_before = events.filter(pl.col("occurred_at").dt.date() < pl.col("file_day"))
    n_late = n_before.unique("event_id").join(
        events.filter(pl.col("occurred_at").dt.date() == pl.col("file_day")), "event_id", "anti"
    )
    assert summary.n_late == len(n_late) > 100


def test_volumes_are_what_the_platform_was_planned_for(written):
    people = written.users.filter(~pl.col("is_bot"))
    events = written.once.join(people, "user_id", "semi")
    actions = events.filter(pl.col("action") != "impression")
    # 20 to 25 in 45 days.
    assert 12 < len(actions) / len(people) < 25
    assert 2.0 < (len(events) - len(actions)) / len(actions) < 5.0


def test_the_truth_is_apart_from_the_data(written):
    assert not [path for path in written.landing.rglob("*") if path.is_dir()]
    names = {"is_bot", "bot_kind", "taste", "niche", "quality", "appeal", "popularity", "farm"}
    for path in written.landing.glob("*.parquet"):
        assert not names & set(pl.read_parquet_schema(path))
    assert {path.name for path in written.truth.iterdir()} == {
        "world.json",
        "users.parquet",
        "items.parquet",
        "days",
    }
    assert len(list((written.truth / "days").iterdir())) == SIZES["n_days"]


def test_nothing_unfinished_is_left(written):
    assert not list(written.landing.glob(".*"))
