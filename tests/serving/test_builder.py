import hashlib

import polars as pl
import pytest

from core.errors import CheckFailed
from core.release_store import ReleaseStore
from serving.reader import open_release


def files(root, name):
    folder = ReleaseStore(root).path(name)
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_two_builds_have_identical_bytes(tmp_path, toy):
    homes = [tmp_path / "one" / "releases", tmp_path / "two" / "releases"]
    first, second = (files(home, toy.publish(home, "1970-01-11", 1)) for home in homes)
    assert first == second
    assert {
        "golden.json", "items.records", "layout.json", "manifest.json", "tables/lists.parquet",
        "users/default/shard-00.records", "users/default/shard-01.records",
    } < set(first)  # fmt: skip


def test_small_blocks_give_the_same_bytes(tmp_path, toy, monkeypatch):
    whole = files(
        tmp_path / "a" / "releases", toy.publish(tmp_path / "a" / "releases", "1970-01-11", 1)
    )
    monkeypatch.setattr("core.tables.ROW_GROUP", 2)
    monkeypatch.setattr("serving.sorted_blocks.ROW_GROUPS", 1)
    parts = files(
        tmp_path / "b" / "releases", toy.publish(tmp_path / "b" / "releases", "1970-01-11", 1)
    )
    packed = {name for name in whole if not name.startswith(("tables/", "manifest", "golden"))}
    assert {name: whole[name] for name in packed} == {name: parts[name] for name in packed}


def test_the_facts_and_records_say_what_is_inside(tmp_path, toy):
    name = toy.publish(tmp_path / "releases", "1970-01-11", 1)
    manifest = ReleaseStore(tmp_path / "releases").verify(name)
    bytes_of = {name: record.bytes for name, record in manifest.files.items()}
    assert manifest.facts == {
        "n_users": 5,  # ann, bob, cat, rex, zoë; `out` opted out
        "n_items": 7,
        "n_rows": 7,
        "n_explanations": 8,
        "n_segments": 3,
        "n_neighbours": 4,
        "record_bytes": 2 * (2 * 5 + 3 * 7 + 3 + 3),  # headers, rows, recent, segments
        "user_bytes": sum(n for name, n in bytes_of.items() if name.startswith("users/")),
        "fragment_bytes": bytes_of["fragments.bin"],
        "why_bytes": bytes_of["tables/lists.parquet"],
    }
    assert manifest.files["tables/lists.parquet"].rows == 7
    assert manifest.files["tables/items.parquet"].schema_hash is not None


def test_only_the_rows_that_an_answer_can_need_are_packed(tmp_path, toy):
    tables = toy.tables()
    ids = [f"x{n:03d}" for n in range(100)]

    def copies(frame, column, value, *columns):
        """Returns one row a hundred times, with the new ids in some columns."""
        row = frame.filter(pl.col(column) == value)
        new = pl.Series("new", ids).to_frame()
        return row.join(new, how="cross").with_columns(
            *(pl.col("new").alias(name) for name in columns)
        ).drop("new")  # fmt: skip

    lists = copies(tables.lists, "user_id", "zoë", "item_id", "explanation_key").with_columns(
        item_num=pl.int_range(7, 107, dtype=pl.Int32)  # the new ids come after the seven
    )
    keys = ("explanation_key", "target_item_id")
    sentences = copies(tables.explanations, "explanation_key", "m1", *keys)
    many = toy.replace(
        tables,
        lists=lists.with_columns(rank=pl.int_range(1, 101, dtype=pl.Int32, eager=True)),
        items=pl.concat([tables.items, copies(tables.items, "item_id", "m1", "item_id")]),
        explanations=sentences,
    )
    name = toy.publish(tmp_path / "releases", "1970-01-11", 1, many)
    releases = ReleaseStore(tmp_path / "releases")
    assert open_release(releases.path(name)).user("zoë").n_rows == 64
    assert releases.manifest(name).files["tables/lists.parquet"].rows == 100


def test_an_empty_world_with_something_trending_can_be_published(tmp_path, toy):
    tables = toy.tables()
    name = toy.publish(
        tmp_path / "releases",
        "1970-01-11",
        1,
        toy.replace(
            tables,
            lists=tables.lists.clear(),
            explanations=tables.explanations.clear(),
            recent_items=tables.recent_items.clear(),
            users=tables.users.clear(),
            neighbour_lists=tables.neighbour_lists.clear(),
        ),
    )
    assert ReleaseStore(tmp_path / "releases").verify(name).facts["n_users"] == 0


def on(column, value, change):
    """Returns an expression that changes a column in the rows where it has a value."""
    return pl.when(pl.col(column) == value).then(change).otherwise(pl.col(column)).alias(column)


DEFECTS = {
    "lists names an unknown item": (
        "lists", lambda x: x.with_columns(on("item_num", 2, pl.lit(7))),
        "a row of `lists` has item_num 7, but there are 7 items",
    ),
    "a row lacks its explanation": (
        "explanations", lambda x: x.filter(pl.col("explanation_key") != "m5"),
        "a row of `lists` has reason_num 0, but the row's item has 0 `explanations`",
    ),
    "a reason with a negative number": (
        "lists", lambda x: x.with_columns(on("reason_num", 1, pl.lit(-1))),
        "a row of `lists` has reason_num -1, but the row's item has 2",
    ),
    "reasons with a gap": (
        "explanations", lambda x: x.with_columns(on("reason_num", 1, pl.lit(2))),
        "item number 1 the reason number 2 where 1 belongs",
    ),
    "two reasons of one number": (
        "explanations", lambda x: x.with_columns(on("reason_num", 1, pl.lit(0))),
        "item number 1 the reason number 0 where 1 belongs",
    ),
    "an explanation of an unknown item": (
        "explanations", lambda x: x.with_columns(on("target_item_id", "m7", pl.lit("m0"))),
        "explanations names item 'm0'",
    ),
    "an item twice on a list": (
        "lists",
        lambda x: x.with_columns(
            on("item_num", 2, pl.lit(0)),
        ),
        "a list holds an item twice",
    ),
    "a score that is no number": (
        "lists", lambda x: x.with_columns(on("score", 0.5, pl.lit(float("nan")))), "finite",
    ),
    "an infinite segment score": (
        "segment_lists", lambda x: x.with_columns(on("score", 99.0, pl.lit(float("inf")))),
        "finite",
    ),
    "an unknown neighbour": (
        "neighbour_lists", lambda x: x.with_columns(on("neighbour_id", "m5", pl.lit("m0"))),
        "neighbour_lists names item 'm0'",
    ),
    "an unknown recent item": (
        "recent_items", lambda x: x.with_columns(on("item_id", "m4", pl.lit("m0"))),
        "recent_items names item 'm0'",
    ),
    "nothing trending": (
        "segment_lists", lambda x: x.filter(pl.col("segment") != "trending"), "last rung",
    ),
    "a user id that is too long": (
        "lists", lambda x: x.with_columns(on("user_id", "ann", pl.lit("a" * 600))), "can't take",
    ),
}  # fmt: skip


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_in_the_tables_stops_the_build(tmp_path, toy, defect):
    name, change, message = DEFECTS[defect]
    tables = toy.tables()
    spoilt = toy.replace(tables, **{name: change(getattr(tables, name))})
    with pytest.raises(CheckFailed, match=message):
        toy.publish(tmp_path / "releases", "1970-01-11", 1, spoilt)
    assert ReleaseStore(tmp_path / "releases").ids() == []


def test_more_reasons_of_one_item_than_can_be_numbered_stop_the_build(tmp_path, toy, monkeypatch):
    tables = toy.tables()
    counts = tables.explanations.group_by("target_item_id").len().sort("len", "target_item_id")
    item_id, most = counts.row(-1)
    assert most == counts["len"].max()
    monkeypatch.setattr("serving.builder.WIDE", max(most, tables.items.height))
    if most <= tables.items.height:
        more = tables.explanations.filter(pl.col("target_item_id") == item_id).head(1)
        n_more = tables.items.height + 1 - most
        more = pl.concat([more] * n_more).with_columns(
            reason_num=pl.int_range(most, most + n_more).cast(more["reason_num"].dtype),
            explanation_key=pl.format("more-{}", pl.int_range(n_more)),
        )
        tables = toy.replace(tables, explanations=pl.concat([tables.explanations, more]))
    with pytest.raises(CheckFailed, match=f"item '{item_id}' has .* reasons, more than the"):
        toy.publish(tmp_path / "releases", "1970-01-11", 1, tables)
    assert ReleaseStore(tmp_path / "releases").ids() == []


def test_an_unsorted_table_stops_the_build(tmp_path, toy, monkeypatch):
    monkeypatch.setattr("core.tables.conform", lambda frame, table: frame.select(table.names))
    tables = toy.tables()
    sentences = tables.explanations.sort("target_item_id", "reason_num")
    spoilt = toy.replace(tables, lists=tables.lists.reverse(), explanations=sentences)
    with pytest.raises(CheckFailed, match="order"):
        toy.publish(tmp_path / "releases", "1970-01-11", 1, spoilt)
