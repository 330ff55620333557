"""Every spelling of an id, through a file of each format."""

import json

import polars as pl
import pytest

from assets.ingest.text import whole_numbers
from core.ingest_settings import IngestSettings

LEGAL = {
    "0": "0",
    "-1": "-1",
    "NULL ISLAND": "NULL ISLAND",
    " u1\u00a0\u3000": "u1",
    "Cafe\u0301": "Caf\u00e9",
    "Caf\u00e9": "Caf\u00e9",
    "ABC": "ABC",
    "abc": "abc",
    "\uff21\uff22": "\uff21\uff22",
    "../../etc/passwd": "../../etc/passwd",
    "a/b": "a/b",
    "%2e%2e": "%2e%2e",
    "\u05d0\u05d1": "\u05d0\u05d1",
    "12.0": "12.0",
    "x" * 256: "x" * 256,
}
REFUSED = {
    "": "user_id is missing",
    "  \u2003": "user_id is missing",
    "null": "user_id is missing",
    "NULL": "user_id is missing",
    "None": "user_id is missing",
    "nan": "user_id is missing",
    "x" * 10_000: "user_id is longer than 256 bytes",
    "\u00e9" * 129: "user_id is longer than 256 bytes",
    "a\u200bb": "user_id holds a control or invisible character",
    "\ufeffa": "user_id holds a control or invisible character",
    "a\u202eb": "user_id holds a control or invisible character",
    "a\u2066b": "user_id holds a control or invisible character",
    "a\nb": "user_id holds a control or invisible character",
    "a\u2028b": "user_id holds a control or invisible character",
    "a\tb": "user_id holds a control or invisible character",
    "a\x7fb": "user_id holds a control or invisible character",
}
NUL = {"a\0b": "user_id holds a control or invisible character"}


def csv_of(ids):
    return "country,user_id\n" + "".join(',"' + one.replace('"', '""') + '"\n' for one in ids)


def json_of(ids):
    return "".join(json.dumps({"user_id": one}) + "\n" for one in ids)


def parquet_of(ids):
    return pl.DataFrame({"user_id": list(ids)})


@pytest.mark.parametrize(("name", "write"), [
    ("users.csv", csv_of), ("users.jsonl", json_of), ("users.parquet", parquet_of),
])  # fmt: skip
def test_legal_ids(zone, name, write):
    zone.land(name, write(LEGAL))
    # The twins in two normal forms are one user, and the second row repeats the first.
    assert zone.counts(zone.ingest()) == (15, 14, 1, 0)
    assert zone.rows("user_rows")["user_id"].to_list() == list(dict.fromkeys(LEGAL.values()))


@pytest.mark.parametrize(("name", "write", "more"), [
    ("users.csv", csv_of, {}), ("users.jsonl", json_of, NUL), ("users.parquet", parquet_of, NUL),
])  # fmt: skip
def test_refused_ids(zone, name, write, more):
    refused = {**REFUSED, **more}
    zone.land(name, write([*refused, "good"]))
    assert zone.counts(zone.ingest()) == (len(refused) + 1, 1, 0, len(refused))
    assert [reason for _, reason in zone.refusals()] == list(refused.values())


def test_many_repeated_ids_take_the_short_way_round(zone):
    ids = ["Cafe\u0301", "null", "a\u200bb", None, " x "] * 1_000
    zone.land(
        "users.parquet", pl.DataFrame({"user_id": ids, "country": [f"c{n}" for n in range(5000)]})
    )
    assert zone.counts(zone.ingest()) == (5000, 2000, 0, 3000)
    assert zone.rows("user_rows")["user_id"].value_counts(sort=True).rows() in (
        [("Caf\u00e9", 1000), ("x", 1000)],
        [("x", 1000), ("Caf\u00e9", 1000)],
    )
    assert [reason for _, reason in zone.refusals()[:3]] == [
        "user_id is missing",
        "user_id holds a control or invisible character",
        "user_id is missing",
    ]


def test_what_counts_as_missing_is_a_setting(zone):
    zone.settings = IngestSettings(missing_spellings=("-",))
    zone.land("users.csv", "user_id,x\nnull,\n-,\n")
    assert zone.counts(zone.ingest()) == (2, 1, 0, 1)


def test_ids_never_become_paths(zone):
    ids = ["../../x", "/etc/passwd", "..", "a/../../b", "%2e%2e%2f", "C:\\x"]
    before = set(zone.home.root.parent.rglob("*"))
    zone.land("users.jsonl", json_of(ids))
    zone.ingest()
    new = {
        p.relative_to(zone.home.root).as_posix() for p in zone.home.root.rglob("*") if p.is_file()
    }
    assert new == {
        "landing/users.jsonl",
        "lake/user_rows/00000001-0001.parquet",
        "lake/ledger/00000001.json",
        "lake/ledger/.lock",
    }
    assert set(zone.home.root.parent.iterdir()) - before == {zone.home.root}


def test_whole_numbers():
    texts = pl.Series(
        ["12", "12.0", "-3.0", "1.5", "1e3", "NaN", "999999999999999.0", "1" * 23, None]
    )
    assert whole_numbers(texts).to_list() == [
        "12", "12", "-3", None, None, None, "999999999999999", "1" * 23, None,
    ]  # fmt: skip


def test_titles_keep_what_ids_may_not_hold(zone):
    zone.land_lines(
        "items.jsonl",
        {"item_id": "i1", "title": " a\u200bb\nc null "},
        {"item_id": "i2", "title": "None"},
    )
    zone.ingest()
    assert zone.rows("item_rows")["title"].to_list() == ["a\u200bb\nc null", "None"]
