import math

import numpy as np
import polars as pl
import pytest

from core import schemas
from core.days import DAY_US
from core.schemas import TABLES, Table
from expectations import profile as profile_module
from expectations.invariants import NOT_MEASURED, Limits, Reference, check_name, invariants
from expectations.profile import measure, scan


def profile_of(table: Table, *paths, references=None, limits=None):
    known = references or {}
    frame = scan(paths[0] if len(paths) == 1 else list(paths), table)
    return measure(frame, table, invariants(table, known, limits or Limits()), known)


def broken(table: Table, *paths, **options) -> dict[str, int]:
    """Returns the invariants that a table breaks, with their numbers."""
    limits = options.get("limits") or Limits()
    values = profile_of(table, *paths, **options).values
    return {
        x.name: values[x.name]
        for x in invariants(table, options.get("references") or {}, limits)
        if not x.minimum <= values[x.name] <= (math.inf if x.maximum is None else x.maximum)
    }


@pytest.mark.parametrize("name", TABLES)
def test_a_valid_table_of_each_schema_breaks_nothing(name, valid, stored) -> None:
    table = TABLES[name]
    assert broken(table, stored(valid(table))) == {}


@pytest.mark.parametrize("name", TABLES)
def test_every_invariant_of_each_schema_has_a_name_of_its_own(name) -> None:
    names = [x.name for x in invariants(TABLES[name], {}, Limits())]
    assert len(set(names)) == len(names)
    assert all(check == check_name(check) and check.isascii() for check in names)


FAULTS = {
    "null key": (
        "clean_events", pl.col("event_id").replace("event_id5", None),
        {"event_id_not_null": 1},
    ),
    "blank id": ("users", pl.lit(" ").alias("user_id"), {"user_id_not_blank": 6, "key_unique": 5}),
    "duplicate": (
        "clean_events", pl.col("event_id").replace("event_id1", "event_id0"), {"key_unique": 1},
    ),
    "below range": (
        "clean_events", pl.lit(-1, pl.Int32).alias("position"), {"position_in_range": 6},
    ),
    "before 1990": ("clean_events", pl.col("occurred_us") // 9, {"occurred_us_in_range": 6}),
    "above range": (
        "user_categories", (pl.col("share") + 0.5).alias("share"), {"share_in_range": 6},
    ),
    "unknown action": (
        "events", pl.col("action").replace("click", "cilck"), {"action_in_set": 1},
    ),
    "NaN score": ("lists", pl.lit(math.nan).alias("score"), {"score_finite": 6}),
    "infinite score": ("lists", pl.lit(math.inf).alias("ranker_score"), {"ranker_score_finite": 6}),
    "more bad than all": (
        "interactions", pl.col("n_negative") + 9, {"n_negative_at_most_n_events": 6},
    ),
    "more in a day than in a week": (
        "item_features", pl.col("n_users_1d") + 9, {"n_users_1d_at_most_n_users_7d": 6},
    ),
    "an item twice on a list": (
        "lists", pl.lit("i").alias("item_id"), {"user_id_item_id_unique": 4},
    ),
    "a gap in the ranks": (
        "segment_lists", pl.col("rank").replace(3, 4), {"rank_without_gaps": 2},
    ),
    "ranks from 2": ("recent_items", pl.col("rank") + 1, {"rank_without_gaps": 2}),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_counted_by_its_own_invariant(fault, valid, stored) -> None:
    name, change, expected = FAULTS[fault]
    table = TABLES[name]
    assert broken(table, stored(valid(table).with_columns(change))) == expected


def test_rows_out_of_order(valid, stored) -> None:
    frame = valid(schemas.LISTS)
    assert broken(schemas.LISTS, stored(frame.reverse())) == {"in_key_order": 5}
    swapped = frame[[0, 1, 2, 3, 5, 4]]
    assert broken(schemas.LISTS, stored(swapped)) == {"in_key_order": 1}


def test_an_empty_table(valid, stored) -> None:
    path = stored(valid(schemas.CLEAN_EVENTS).clear())
    assert broken(schemas.CLEAN_EVENTS, path) == {"n_rows": 0}
    assert broken(schemas.CLEAN_EVENTS, path, limits=Limits(min_rows=0)) == {}


def test_no_files_are_no_rows() -> None:
    found = measure(
        scan([], schemas.EVENTS), schemas.EVENTS, invariants(schemas.EVENTS, {}, Limits()), {}
    )
    assert found.n_rows == 0
    assert found.values["n_days"] == found.values["max_rows_per_day"] == 0


def test_dangling_references(valid, stored) -> None:
    items = stored(valid(schemas.ITEMS))
    frame = valid(schemas.CLEAN_EVENTS)
    references = {"item_id": Reference("items", items, "item_id")}
    assert broken(schemas.CLEAN_EVENTS, stored(frame), references=references) == {}
    lost = frame.with_columns(pl.col("item_id").replace("item_id2", "ghost"))
    expected = {"item_id_known_in_items": 1}
    assert broken(schemas.CLEAN_EVENTS, stored(lost), references=references) == expected
    nowhere = {"item_id": Reference("items", [], "item_id")}
    expected = {"item_id_known_in_items": 6}
    assert broken(schemas.CLEAN_EVENTS, stored(frame), references=nowhere) == expected
    seeds = {"seed_item_id": Reference("items", items, "item_id")}
    none = valid(schemas.LISTS).with_columns(seed_item_id=pl.lit(None, dtype=pl.String))
    assert broken(schemas.LISTS, stored(none), references=seeds) == {}


def test_a_column_missing_or_of_another_type_is_told_and_not_measured(valid, stored) -> None:
    frame = valid(schemas.CLEAN_EVENTS)
    path = stored(frame.drop("event_id").with_columns(pl.col("position").cast(pl.String)))
    found = profile_of(schemas.CLEAN_EVENTS, path)
    assert found.values["columns_and_types"] == 2
    assert found.notes["columns_and_types"] == "event_id is missing; position is String"
    for name in ("event_id_not_null", "key_unique", "in_key_order", "position_in_range"):
        assert found.values[name] == NOT_MEASURED
    assert found.values["user_id_not_null"] == 0


def test_volume_by_day(valid, stored) -> None:
    day = 17_000 * DAY_US
    times = [day, day + 1, day + DAY_US - 1, day + DAY_US, day + 3 * DAY_US, day + 3 * DAY_US]
    path = stored(valid(schemas.CLEAN_EVENTS).with_columns(occurred_us=pl.Series(times)))
    values = profile_of(schemas.CLEAN_EVENTS, path).values
    days = ("first_day", "last_day", "n_days", "min_rows_per_day", "max_rows_per_day")
    assert [values[name] for name in days] == [17_000, 17_003, 3, 1, 3]
    limits = Limits(min_rows=7, max_rows=9, min_days=4, min_rows_per_day=2)
    expected = {"n_rows": 6, "n_days": 3, "min_rows_per_day": 1}
    assert broken(schemas.CLEAN_EVENTS, path, limits=limits) == expected
    assert broken(schemas.CLEAN_EVENTS, path, limits=Limits(max_rows=5)) == {"n_rows": 6}


def test_duplicates_across_files_and_passes(valid, stored, monkeypatch) -> None:
    rng = np.random.default_rng(2)
    ids = pl.Series(rng.integers(0, 700, 1_000)).cast(pl.String)
    frame = pl.concat([valid(schemas.CLEAN_EVENTS).head(1)] * 1_000).with_columns(event_id=ids)
    expected = 1_000 - ids.n_unique()
    files = [stored(frame.slice(start, 250)) for start in range(0, 1_000, 250)]
    assert profile_of(schemas.CLEAN_EVENTS, *files).values["key_unique"] == expected
    monkeypatch.setattr(profile_module, "_ROWS_A_PASS", 90)
    assert profile_of(schemas.CLEAN_EVENTS, *files).values["key_unique"] == expected


def test_null_keys_are_equal_to_each_other(valid, stored) -> None:
    frame = valid(schemas.USERS).with_columns(user_id=pl.lit(None, dtype=pl.String))
    assert broken(schemas.USERS, stored(frame)) == {"user_id_not_null": 6, "key_unique": 5}


def test_files_from_before_a_later_column_break_nothing(valid, stored) -> None:
    whole = stored(valid(schemas.EVENTS))
    old = whole.with_name("old.parquet")
    events = pl.read_parquet(whole).drop("release", "rung")
    events.with_columns(event_id="old-" + pl.col("event_id")).write_parquet(old)
    assert broken(schemas.EVENTS, old) == {}
    assert profile_of(schemas.EVENTS, whole, old).values["n_rows"] == 2 * events.height
    assert broken(schemas.EVENTS, whole, old).keys() <= {"in_key_order"}
    events.drop("surface").write_parquet(old)
    assert broken(schemas.EVENTS, old) == {"columns_and_types": 1}
