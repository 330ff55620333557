"""Which rows of a table go, and that a person's number stays nobody else's."""

import polars as pl
import pytest

from assets.erasure import tables
from core.erased_users import ErasedUsers
from core.schemas import USERS
from core.tables import write_table
from core.tombstone_log import TombstoneLog

PEOPLE = ["ann", "bob", "cat", "dan", "eve"]


@pytest.fixture
def log(tmp_path):
    return TombstoneLog(tmp_path / "tombstones")


def people(names=PEOPLE):
    rows = [
        {"user_id": name, "country": "NL", "preferences": ["Drama"], "opted_out": False}
        for name in names
    ]
    return pl.DataFrame(
        [{name: row.get(name) for name in USERS.names} for row in rows], schema=USERS.polars
    )


def erased(log, *users):
    for user in users:
        log.erase(user)
    return ErasedUsers(log.state())


@pytest.mark.parametrize(
    ("gone", "expected"),
    [
        (["cat"], ["ann", "bob", "bob\0", "dan", "eve"]),
        (["ann"], ["\0", "bob", "cat", "dan", "eve"]),
        (["eve"], ["ann", "bob", "cat", "dan", "dan\0"]),
        (["bob", "cat"], ["ann", "ann\0", "ann\0\0", "dan", "eve"]),
        (PEOPLE, ["\0", "\0\0", "\0\0\0", "\0\0\0\0", "\0\0\0\0\0"]),
    ],
)
def test_a_blank_keeps_the_number_and_the_order(log, gone, expected):
    found = tables.blanked(people(), erased(log, *gone))
    assert found["user_id"].to_list() == expected
    assert found["user_id"].is_sorted()
    assert found.schema == people().schema
    rows = found.filter(tables.is_blank(found["user_id"]))
    assert rows.height == len(gone)
    assert rows["opted_out"].all()
    for name in ("country", "preferences", "created_us", "dislikes"):
        assert rows[name].null_count() == rows.height
    kept = found.filter(~tables.is_blank(found["user_id"]))
    assert kept.equals(people([name for name in PEOPLE if name not in gone]))


def test_a_later_erasure_takes_a_name_out_of_earlier_blanks(log):
    first = tables.blanked(people(), erased(log, "cat"))
    second = tables.blanked(first, erased(log, "bob"))
    assert second["user_id"].to_list() == ["ann", "ann\0", "ann\0\0", "dan", "eve"]


def test_the_numbers_of_the_erased_are_known_before_and_after(log, tmp_path):
    gone = erased(log, "bob", "eve")
    for users in (people(), tables.blanked(people(), gone)):
        write_table(users, USERS, tmp_path / "users.parquet")
        assert tables.gone_nums(tmp_path / "users.parquet", gone) == [1, 4]


def test_rows_go_row_group_by_row_group(log, tmp_path):
    path = tmp_path / "rows.parquet"
    frame = pl.DataFrame({"user_id": PEOPLE * 3, "n": range(15)})
    frame.write_parquet(path, row_group_size=4)
    assert tables.own_ids(path, erased(log, "bob", "zoe")) == ["bob"]
    left = pl.concat(pl.from_arrow(rows) for rows in tables.without(path, "user_id", ["bob"]))
    assert left.equals(frame.filter(pl.col("user_id") != "bob"))
    some = tables.only(path, "user_id", pl.Series(["ann", "nobody"]))
    assert pl.concat(pl.from_arrow(rows) for rows in some)["n"].to_list() == [0, 5, 10]
