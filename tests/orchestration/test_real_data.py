"""MovieLens and Deskdrop: every record accounted for, the protocol, and (slow) the whole path."""

import json
import os
from pathlib import Path

import polars as pl
import pytest

from assets.cleaning.stage import make_bot_scores, make_clean_events
from assets.evaluation.folds import make_folds, read_folds
from assets.ingest.stage import check_totals, make_lake
from core.home import Home
from core.night import Night, Workspace
from core.release_store import ReleaseStore
from core.schemas import TRUTH
from core.settings import load_settings

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("DAYBREAK_DATA", ROOT.parent / "shared" / "data"))
MOVIELENS, DESKDROP = DATA / "ml-latest-small", DATA / "deskdrop" / "users_interactions.csv.gz"
needs_movielens = pytest.mark.skipif(
    not MOVIELENS.is_dir(), reason=f"no MovieLens folder at {MOVIELENS}; set DAYBREAK_DATA"
)
needs_deskdrop = pytest.mark.skipif(
    not DESKDROP.is_file(), reason=f"no Deskdrop file at {DESKDROP}; set DAYBREAK_DATA"
)
DESKDROP_FLAGS = (
    "--columns",
    "user_id=personId,item_id=contentId,action=eventType,occurred_at=timestamp,"
    "session_id=sessionId,user_agent=userAgent",
    "--actions",
    "VIEW=view,LIKE=like,BOOKMARK=like,COMMENT CREATED=like,FOLLOW=like",
    "--time-unit",
    "s",
)


def cut(home: Path, as_of: str) -> Night:
    """Runs the path up to the folds."""
    night = Workspace(Home(home), load_settings(ROOT / "daybreak.toml", {})).night(as_of)
    for make in (make_lake, make_bot_scores, make_clean_events, make_folds):
        make(night)
    check_totals(night.get("lake").facts)
    return night


@needs_movielens
def test_movielens_is_cut_by_user(daybreak):
    told = daybreak("import", "movielens", str(MOVIELENS), "--json")
    counts = {row["file"]: (row["read"], row["accepted"]) for row in json.loads(told.out)["files"]}
    assert counts == {
        "movies.csv": (9_125, 9_125),
        "tags.csv": (1_296, 1_296),
        "ratings.csv": (100_004, 100_004),
    }
    night = cut(daybreak.home, "2016-10-17")
    assert night.get("clean_events").facts["account"] == {
        "accepted": 100_004, "clean": 100_004, "bot": 0, "opted_out": 0, "not_before": 0,
    }  # fmt: skip
    facts = night.get("folds").facts
    assert facts["protocol"] == "per-user, not time-safe"
    assert (facts["n_test_users"], facts["n_test_pairs"]) == (628, 4_619)


@needs_movielens
def test_what_movielens_holds_of_a_later_day_does_not_count(daybreak):
    daybreak("import", "movielens", str(MOVIELENS))
    account = cut(daybreak.home, "2010-01-01").get("clean_events").facts["account"]
    assert account["accepted"] == 100_004
    assert account["clean"] + account["not_before"] == 100_004
    assert account["not_before"] > 20_000


@needs_deskdrop
def test_deskdrop_is_cut_by_rolling_days(daybreak):
    told = daybreak("import", "events", str(DESKDROP), *DESKDROP_FLAGS, "--json")
    (file,) = json.loads(told.out)["files"]
    assert {name: file[name] for name in ("read", "accepted", "duplicate", "quarantined")} == {
        "read": 72_312, "accepted": 71_620, "duplicate": 692, "quarantined": 0,
    }  # fmt: skip
    night = cut(daybreak.home, "2017-03-01")
    assert night.get("clean_events").facts["account"] == {
        "accepted": 71_620, "clean": 71_620, "bot": 0, "opted_out": 0, "not_before": 0,
    }  # fmt: skip
    facts = night.get("folds").facts
    assert facts["protocol"] == "rolling one-day holdouts"
    assert (facts["n_test_users"], facts["n_test_pairs"]) == (756, 2_402)
    tests = read_folds(night).of("test")
    assert len(tests) == 54, "six of sixty days hold nothing to foretell and cost no fit"
    assert all(night.get("folds").table(TRUTH, fold.name).height > 0 for fold in tests)


def check_whole_path(daybreak, as_of: str, protocol: str) -> pl.DataFrame:
    """Runs the path and checks what holds of every release; returns its lists with texts."""
    told = daybreak("run", "--as-of", as_of, "--json")
    assert told.code == 0, told.err
    outcome = json.loads(told.out)
    assert outcome["protocol"] == protocol
    night = Workspace(Home(daybreak.home), load_settings(ROOT / "daybreak.toml", {})).night(as_of)
    evaluation = night.get("evaluation")
    assert protocol in evaluation.file("report.md").read_text(encoding="utf-8")
    against = evaluation.json("report.json")["against_popularity"]
    bounds = {
        name: against[name]["difference_lower"] for name in ("als", "neighbours", "two_tower")
    }
    assert min(bounds.values()) > 0, f"NDCG@10 less popularity's, lower 95 % bounds: {bounds}"
    tables = ReleaseStore(night.home.releases).path(outcome["release"]) / "tables"
    texts = pl.read_parquet(tables / "explanations.parquet").select("explanation_key", "text")
    lists = pl.read_parquet(tables / "lists.parquet").join(texts, on="explanation_key", how="left")
    assert lists["text"].null_count() == 0
    assert lists["text"].str.strip_chars().str.len_chars().min() > 0
    touched = pl.read_parquet(
        night.get("interactions").path / "release" / "interactions.parquet",
        columns=["user_id", "item_id"],
    )
    assert lists.join(touched, on=["user_id", "item_id"], how="semi").height == 0
    return lists


@pytest.mark.slow
@needs_movielens
def test_movielens_whole(daybreak):
    daybreak("import", "movielens", str(MOVIELENS))
    lists = check_whole_path(daybreak, "2016-10-17", "per-user, not time-safe")
    assert lists["user_id"].n_unique() == 671
    assert lists.group_by("user_id").len()["len"].min() >= 10


@pytest.mark.slow
@needs_deskdrop
def test_deskdrop_whole(daybreak):
    daybreak("import", "events", str(DESKDROP), *DESKDROP_FLAGS)
    check_whole_path(daybreak, "2017-03-01", "rolling one-day holdouts")
