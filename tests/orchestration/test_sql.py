"""What `daybreak sql` shows of a home: every table whole, each row once, and what is damaged."""

import json
from pathlib import Path

import polars as pl
import pytest

from assets.ingest.landing import ingest_landing
from core.home import Home
from core.ingest_settings import IngestSettings
from core.schemas import CLEAN_EVENTS, EVENTS, INTERACTIONS, ITEMS, QUARANTINE, USERS
from core.store import Store
from tests.small_world import SECOND_NIGHT


@pytest.fixture
def asked(nights, daybreak):
    """Asks one query of the home with two nights; returns its rows."""
    daybreak.home = nights

    def ask(query="", *words):
        told = daybreak("sql", *filter(None, [query]), *words, "--json")
        assert (told.code, told.err) == (0, "")
        answer = json.loads(told.out)
        return [{name: row[name] for name in answer["columns"]} for row in answer["rows"]]

    return ask


def test_every_table_that_is_listed_can_be_read(asked):
    names = [row["table_name"] for row in asked()]
    assert {"items", "users", "fold_items", "lists", "lake_events", "release_lists"} <= set(names)
    for name in names:
        asked(f"SELECT * FROM {name} LIMIT 1")


@pytest.mark.parametrize("table", [ITEMS, USERS, CLEAN_EVENTS], ids=lambda table: table.name)
def test_a_table_has_the_rows_of_its_artefact(nights, asked, table):
    artefact = Store(Home(nights).artefacts).current(table.name, SECOND_NIGHT)
    (key,) = table.key
    found = asked(f"SELECT * FROM {table.name} ORDER BY {key}", "--as-of", SECOND_NIGHT)
    assert list(found[0]) == table.names
    stored = artefact.table(table)[key].sort().to_list()
    assert [row[key] for row in found] == stored


def test_what_is_made_by_fold_names_the_fold(nights, asked):
    artefact = Store(Home(nights).artefacts).current("interactions", SECOND_NIGHT)
    found = asked("SELECT fold, count(*) AS n FROM interactions GROUP BY fold")
    stored = {
        Path(name).parent.name: record.rows
        for name, record in artefact.manifest.files.items()
        if Path(name).stem == INTERACTIONS.name
    }
    assert {row["fold"]: row["n"] for row in found} == stored
    folds = {row["fold"] for row in asked("SELECT DISTINCT fold FROM fold_items")}
    assert folds == set(stored)


def test_a_lake_without_rows_has_typed_tables(daybreak):
    assert json.loads(daybreak("sql", "FROM lake_quarantine", "--json").out) == {
        "columns": QUARANTINE.names, "rows": [],
    }  # fmt: skip
    query = "SELECT typeof(max(occurred_us)) AS t, typeof(max(occurred_at)) AS u FROM lake_events"
    (row,) = json.loads(daybreak("sql", query, "--json").out)["rows"]
    assert row == {"t": "BIGINT", "u": "TIMESTAMP WITH TIME ZONE"}


def test_what_a_killed_import_left_is_no_part_of_the_lake(nights_copy, daybreak):
    query = "SELECT count(*) AS n FROM lake_item_rows"
    before = daybreak("sql", query, "--json").out
    one = next((nights_copy / "lake" / "item_rows").glob("*.parquet"))
    one.with_name("99999999-0001.parquet").write_bytes(one.read_bytes())
    assert daybreak("sql", query, "--json").out == before


def test_a_stray_file_among_the_artefacts_is_passed_over(nights_copy, daybreak):
    (nights_copy / "artefacts" / ".DS_Store").write_bytes(b"\0")
    (nights_copy / "artefacts" / ".cache").mkdir()
    (nights_copy / "artefacts" / "notes.txt").write_text("mine")
    assert daybreak("sql", "SELECT 1 AS one", "--json").code == 0


def users_file(home):
    return Store(Home(home).artefacts).current("users", SECOND_NIGHT).table_path(USERS)


@pytest.mark.parametrize("query", ["SELECT 1", "SELECT * FROM users"])
def test_a_table_that_is_no_parquet_is_named(nights_copy, daybreak, query):
    path = users_file(nights_copy)
    path.write_bytes(b"PAR1 and no more")
    told = daybreak("sql", query)
    assert (told.code, told.out, told.err.count("\n")) == (1, "", 1)
    assert told.err.startswith(f"daybreak: {path} has other bytes")


def test_a_table_whose_pages_are_damaged_is_named(nights_copy, daybreak):
    path = users_file(nights_copy)
    content = bytearray(path.read_bytes())
    content[4:200] = bytes(196)  # the first pages; the footer stays whole
    path.write_bytes(content)
    with pytest.raises(pl.exceptions.PolarsError):
        pl.read_parquet(path)
    told = daybreak("sql", "SELECT * FROM Users")
    assert (told.code, told.out, told.err.count("\n")) == (1, "", 1)
    assert told.err.startswith(f"daybreak: {path} has other bytes")


def test_a_lake_file_that_is_gone_is_named(nights_copy, daybreak):
    path = next((nights_copy / "lake" / "item_rows").glob("*.parquet"))
    path.unlink()
    told = daybreak("sql", "SELECT * FROM lake_item_rows")
    assert (told.code, told.out, told.err.count("\n")) == (1, "", 1)
    assert told.err.startswith(f"daybreak: {path} is missing")


def test_no_table_shows_a_row_of_a_hidden_user(nights_copy, asked, daybreak):
    daybreak.home = nights_copy
    everywhere = {"lake_events", "users", "lists", "release_lists", "interactions"}
    named = (
        "FROM information_schema.columns WHERE table_schema = 'main' AND column_name = 'user_id'"
    )
    of_people = {row["table_name"] for row in asked(f"SELECT table_name {named}")}
    listed = [row["user_id"] for row in asked("SELECT DISTINCT user_id FROM lists ORDER BY 1")]
    gone, out, stays = listed[0], listed[1], listed[2]
    counts = "SELECT user_id, count(*) AS n FROM {} GROUP BY 1"

    def rows(table):
        return {row["user_id"]: row["n"] for row in asked(counts.format(table))}

    before = {table: rows(table) for table in of_people}
    named = {table for table, found in before.items() if {gone, out} <= found.keys()}
    assert named >= everywhere
    shown = asked()
    assert daybreak("erase", gone).code == daybreak("optout", out).code == 0
    assert asked() == shown  # no table tells who is left out
    for table, found in before.items():
        left = {user: n for user, n in found.items() if user not in (gone, out)}
        assert rows(table) == left, table
    assert stays in rows("lists")
    assert daybreak("optout", out, "--undo").code == 0
    assert rows("lists")[out] == before["lists"][out]


def test_a_table_that_is_damaged_is_named_where_users_are_hidden_too(nights_copy, daybreak):
    assert daybreak("optout", "u000001").code == 0
    path = users_file(nights_copy)
    content = bytearray(path.read_bytes())
    content[4:200] = bytes(196)
    path.write_bytes(content)
    told = daybreak("sql", "SELECT 1")
    assert (told.code, told.err.count("\n")) == (1, 1)
    assert told.err.startswith(f"daybreak: {path} has other bytes")


@pytest.mark.parametrize("n_old", [0, 1, 2])
def test_lake_files_from_before_a_later_column_are_shown(daybreak, n_old):
    home = Home(daybreak.home)
    home.landing.mkdir(parents=True)
    for n in range(2):
        rows = f"user_id,item_id,action,occurred_at,rung\nu,i{n},click,2025-12-31,session\n"
        (home.landing / f"events-{n}.csv").write_text(rows)
    ingest_landing(home, IngestSettings())
    for path in sorted((home.lake / "events").rglob("*.parquet"))[:n_old]:
        pl.read_parquet(path).drop(EVENTS.later_names).write_parquet(path)
    query = "SELECT item_id, rung, release FROM lake_events ORDER BY item_id"
    told = daybreak("sql", query, "--json")
    assert json.loads(told.out)["rows"] == [
        {"item_id": f"i{n}", "rung": None if n < n_old else "session", "release": None}
        for n in range(2)
    ]
