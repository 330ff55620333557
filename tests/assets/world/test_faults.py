import json
from datetime import date

import polars as pl
import pyarrow as pa
import pytest

from assets.world.events import to_arrow
from assets.world.faults import KINDS, duplicated_rows, malformed_lines
from assets.world.keys import item_ids, user_ids
from assets.world.sessions import ON_TIME, people_events
from assets.world.world import World


@pytest.fixture(scope="module")
def world(parameters):
    return World.create(parameters, n_users=2_000, seed=5, n_days=9, last_day=date(2025, 3, 31))


@pytest.fixture(scope="module")
def piece(world) -> pa.Table:
    oldest = pl.CompatLevel.oldest()
    users = user_ids(0, 2_000).to_arrow(compat_level=oldest)
    items = item_ids(0, len(world.items)).to_arrow(compat_level=oldest)
    return to_arrow(people_events(world, 3, 0, ON_TIME), users, items)


def test_json_lines_are_broken_in_five_ways(world, piece):
    lines = malformed_lines(world, 3, 0, piece, is_csv=False).sort("kind")
    assert lines["kind"].unique(maintain_order=True).to_list() == sorted(KINDS)
    ids = set(piece["event_id"].to_pylist())
    for kind, line in lines.select("kind", "line").iter_rows():
        if kind == "torn":
            with pytest.raises(json.JSONDecodeError):
                json.loads(line)
            continue
        row = json.loads(line)
        assert row["event_id"] not in ids
        assert (row["user_id"] is None) == (kind == "no_user")
        assert (row["item_id"] is None) == (kind == "no_item")
        assert (row["action"] == "teleport") == (kind == "unknown_action")
        assert (row["occurred_at"] == "2025-02-30T25:61:61.000000Z") == (kind == "bad_time")


def test_csv_lines_are_broken_without_an_open_quote(world, piece):
    lines = malformed_lines(world, 3, 0, piece, is_csv=True)
    assert set(lines["kind"]) == set(KINDS)
    for kind, line in lines.select("kind", "line").iter_rows():
        assert line.count('"') % 2 == 0
        if kind == "torn":
            assert line.count(",") == 3


def test_malformed_lines_grow_with_the_file(world, piece):
    many = pa.concat_tables([piece] * 20)
    assert len(malformed_lines(world, 3, 1, many, is_csv=False)) == round(0.001 * len(many))
    assert len(malformed_lines(world, 3, 1, piece.slice(0, 10), is_csv=False)) == 0
    assert len(malformed_lines(world, 3, 0, piece.slice(0, 10), is_csv=False)) == len(KINDS)
    assert len(malformed_lines(world, 3, 0, piece.slice(0, 0), is_csv=False)) == 0


def test_about_two_rows_in_a_thousand_stand_twice(world):
    rows = duplicated_rows(world, 3, 0, 200_000)
    assert len(rows) == pytest.approx(400, rel=0.2)
    assert len(set(rows.tolist())) == len(rows)
