import json
import math
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from core import schemas
from core.schemas import TABLES
from expectations.great import load
from expectations.invariants import Limits, Reference
from expectations.result import CheckRow, SuiteResult
from expectations.run import raised_exception, validate

MAIN = (
    "events", "clean_events", "items", "users", "interactions", "user_features", "item_features",
    "lists", "explanations",
)  # fmt: skip


def failed(result: SuiteResult) -> set[str]:
    return {row.name for row in result.failed}


@pytest.mark.parametrize("name", MAIN)
def test_a_valid_table_passes_every_check(name, valid, stored) -> None:
    table = TABLES[name]
    result = validate(table, stored(valid(table)))
    assert result.failed == ()
    assert result.passed
    assert result.n_rows == 6
    names = [row.name for row in result.rows]
    assert len(set(names)) == len(names)
    assert {"readable", "n_rows", "columns_and_types", "key_unique", "sample_columns"} <= set(names)


FAULTS = {
    "null key": (
        "users", pl.lit(None, dtype=pl.String).alias("user_id"),
        {"user_id_not_null", "key_unique", "sample_user_id_not_null"},
    ),
    "duplicate key": (
        "users", pl.lit("u").alias("user_id"), {"key_unique", "sample_key_unique"},
    ),
    "duplicate compound key": (
        "lists", pl.lit("u").alias("user_id"),
        {"key_unique", "in_key_order", "rank_without_gaps", "sample_key_unique"},
    ),
    "out of range": (
        "clean_events", pl.lit(-2, pl.Int32).alias("position"),
        {"position_in_range", "sample_position_in_range"},
    ),
    "unknown action": (
        "clean_events", pl.lit("buy").alias("action"), {"action_in_set", "sample_action_in_set"},
    ),
    "not finite": (
        "lists", pl.lit(math.nan).alias("score"), {"score_finite", "sample_score_not_null"},
    ),
    "infinite": ("lists", pl.lit(-math.inf).alias("score"), {"score_finite"}),
    "another type": (
        "interactions", pl.lit("5").alias("n_events"),
        {
            "columns_and_types", "n_events_not_null", "n_events_in_range",
            "n_negative_at_most_n_events", "sample_n_events_type", "sample_n_events_in_range",
        },
    ),
    "invisible characters": (
        "items", pl.format("{}\u200b", "item_id").alias("item_id"), {"sample_item_id_visible"},
    ),
    "an id too long": (
        "items", pl.format("{}{}", "item_id", pl.lit("x" * 600)).alias("item_id"),
        {"sample_item_id_length"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_fails_its_checks_and_no_others(fault, valid, stored) -> None:
    name, change, expected = FAULTS[fault]
    result = validate(TABLES[name], stored(valid(TABLES[name]).with_columns(change)))
    assert failed(result) == expected
    assert not result.passed


def test_a_dangling_reference_fails(valid, stored) -> None:
    items = stored(valid(schemas.ITEMS).head(3))
    known = {"item_id": Reference("items", items, "item_id")}
    result = validate(schemas.CLEAN_EVENTS, stored(valid(schemas.CLEAN_EVENTS)), references=known)
    assert failed(result) == {"item_id_known_in_items"}
    assert result.failed[0] == CheckRow("item_id_known_in_items", False, 3, "0")


def test_an_empty_table_fails_unless_it_may_be_empty(valid, stored) -> None:
    path = stored(valid(schemas.LISTS).clear())
    refused = validate(schemas.LISTS, path)
    assert failed(refused) == {"n_rows"}
    assert refused.failure_line() == (
        "table lists: n_rows is 0, expected at least 1; see its Data Docs page"
    )
    assert validate(schemas.LISTS, path, limits=Limits(min_rows=0)).passed


def test_a_missing_column_raises_inside_and_so_fails(valid, stored) -> None:
    result = validate(schemas.CLEAN_EVENTS, stored(valid(schemas.CLEAN_EVENTS).drop("action")))
    assert failed(result) == {
        "columns_and_types", "action_not_null", "action_in_set", "sample_columns",
        "sample_action_not_null", "sample_action_type", "sample_action_in_set",
    }  # fmt: skip
    rows = {row.name: row for row in result.rows}
    assert rows["columns_and_types"].note == "action is missing"
    assert rows["action_in_set"].observed is None
    assert rows["action_in_set"].note.startswith("not measured")
    assert rows["sample_action_in_set"].note.startswith("raised: ")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no parquet at all" * 99])
def test_a_file_that_cannot_be_read_fails(tmp_path, content) -> None:
    path = tmp_path / "events.parquet"
    path.write_bytes(content)
    result = validate(schemas.EVENTS, path)
    assert failed(result) == {"readable"}
    assert result.n_rows == 0
    assert validate(schemas.EVENTS, tmp_path / "absent.parquet").failed[0].name == "readable"


def test_a_file_torn_in_its_pages_fails(valid, stored) -> None:
    path = stored(pl.concat([valid(schemas.CLEAN_EVENTS)] * 2_000))
    content = bytearray(path.read_bytes())
    content[8 : len(content) // 2] = bytes(len(content) // 2 - 8)
    path.write_bytes(content)
    assert not validate(schemas.CLEAN_EVENTS, path).passed


def test_an_unreadable_reference_fails(valid, stored, tmp_path) -> None:
    known = {"item_id": Reference("items", tmp_path / "absent.parquet", "item_id")}
    result = validate(schemas.CLEAN_EVENTS, stored(valid(schemas.CLEAN_EVENTS)), references=known)
    assert failed(result) == {"readable"}


@pytest.mark.parametrize(
    ("info", "message"),
    [
        (None, ""),
        ({}, ""),
        ({"raised_exception": False, "exception_message": None}, ""),
        ({"raised_exception": True, "exception_message": "a\nb"}, "raised: a"),
        ({"raised_exception": True, "exception_message": None}, "raised: no message"),
        (
            {"m1": {"raised_exception": False}, "m2": {"raised_exception": True}},
            "raised: no message",
        ),
        ({"m1": {"raised_exception": False, "exception_message": None}}, ""),
    ],
)
def test_an_exception_is_found_in_both_shapes(info, message) -> None:
    assert raised_exception(info) == message


def test_no_checks_are_no_pass() -> None:
    assert not SuiteResult("lists", (), 5).passed
    assert "no check ran" in SuiteResult("lists", (), 5).failure_line()


def test_several_files_are_one_table(valid, stored) -> None:
    frame = valid(schemas.EVENTS)
    files = [stored(frame.tail(3)), stored(frame.head(3))]
    result = validate(schemas.EVENTS, files)
    assert result.passed
    assert result.n_rows == 6
    assert "in_key_order" not in {row.name for row in result.rows}
    assert failed(validate(schemas.EVENTS, [*files, files[0]])) == {
        "key_unique",
        "sample_key_unique",
    }


def test_the_sample_is_small_and_the_same_each_time(valid, stored) -> None:
    frame = pl.concat([valid(schemas.CLEAN_EVENTS)] * 500).with_columns(
        event_id=pl.int_range(3_000).cast(pl.String).str.zfill(6), action=pl.lit("view")
    )
    spoiled = frame.with_columns(
        action=pl.when(pl.int_range(pl.len()) % 30 == 0).then(pl.lit("buy")).otherwise("action")
    )
    found = validate(schemas.CLEAN_EVENTS, stored(spoiled), sample_rows=100)
    observed = {row.name: row.observed for row in found.rows}
    assert observed["action_in_set"] == 100
    assert observed["sample_action_in_set"] == 100  # every 30th row is sampled, and spoiled
    again = validate(schemas.CLEAN_EVENTS, stored(spoiled), sample_rows=100)
    assert again.as_dict() == found.as_dict()
    assert again.pages == found.pages


def test_the_verdicts_are_plain_json_without_anyone_in_them(valid, stored) -> None:
    frame = valid(schemas.LISTS).with_columns(
        user_id=pl.lit("canary"), score=pl.lit(math.nan), stage=pl.lit("odd")
    )
    result = validate(schemas.LISTS, stored(frame))
    text = json.dumps([result.as_dict(), result.pages], allow_nan=False)
    assert "canary" not in text
    assert json.loads(text)[0]["passed"] is False


def test_loading_is_late_and_quiet() -> None:
    code = (
        "import sys; import expectations.run, expectations.docs; "
        "assert 'great_expectations' not in sys.modules; assert 'pandas' not in sys.modules"
    )
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)
    assert load().__version__.startswith("1.")
