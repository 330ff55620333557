from dataclasses import replace

import polars as pl
import pyarrow as pa
import pytest

from core import columns as c
from core.columns import Column
from core.engine.frames import empty
from core.schemas import SOURCES, TABLES, Table

SMALL = Table(
    "small",
    "One thing.",
    (
        Column("name", "string", "Its name."),
        Column("seen", "bool", "Whether.", nullable=True),
        Column("n", "int64", "How many.", minimum=0),
        Column("place", "int32", "Where."),
        Column("share", "float64", "How much.", nullable=True),
        Column("score", "float32", "How good."),
        Column("at", "timestamp", "When."),
        Column("genres", "list[string]", "Kinds.", nullable=True),
    ),
    ("name",),
)


def test_one_contract_gives_every_type_system() -> None:
    assert SMALL.names == ["name", "seen", "n", "place", "share", "score", "at", "genres"]
    assert SMALL.arrow == pa.schema(
        [
            pa.field("name", pa.large_string(), nullable=False),
            pa.field("seen", pa.bool_()),
            pa.field("n", pa.int64(), nullable=False),
            pa.field("place", pa.int32(), nullable=False),
            pa.field("share", pa.float64()),
            pa.field("score", pa.float32(), nullable=False),
            pa.field("at", pa.timestamp("us", "UTC"), nullable=False),
            pa.field("genres", pa.large_list(pa.large_string())),
        ]
    )
    assert SMALL.polars == {
        "name": pl.String(), "seen": pl.Boolean(), "n": pl.Int64(), "place": pl.Int32(),
        "share": pl.Float64(), "score": pl.Float32(), "at": pl.Datetime("us", "UTC"),
        "genres": pl.List(pl.String()),
    }  # fmt: skip
    assert SMALL.spark == (
        "`name` string, `seen` boolean, `n` bigint, `place` int, `share` double, `score` float, "
        "`at` timestamp, `genres` array<string>"
    )


def test_a_column_is_found_by_name() -> None:
    assert SMALL.column("n").minimum == 0
    with pytest.raises(KeyError, match="nothing"):
        SMALL.column("nothing")


def test_the_hash_changes_when_a_reader_must_know() -> None:
    def changed(**changes: object) -> str:
        first = replace(SMALL.columns[0], **changes)  # type: ignore[arg-type]  # of one kind each
        return replace(SMALL, columns=(first, *SMALL.columns[1:])).schema_hash

    told = [
        SMALL.schema_hash,
        changed(name="title"),
        changed(dtype="int64"),
        changed(nullable=True),
        replace(SMALL, key=("name", "n")).schema_hash,
        replace(SMALL, columns=SMALL.columns[::-1]).schema_hash,
        replace(SMALL, columns=SMALL.columns[:-1]).schema_hash,
    ]
    assert len(set(told)) == 7
    assert changed(meaning="Another sentence.") == SMALL.schema_hash
    assert replace(SMALL, row="Another.").schema_hash == SMALL.schema_hash


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_a_table_is_sound(table: Table) -> None:
    assert TABLES[table.name] is table
    assert table.row.endswith(".")
    assert len(set(table.names)) == len(table.names)
    assert set(table.key) <= set(table.names)
    assert len(set(table.key)) == len(table.key) > 0
    assert not [name for name in table.key if table.column(name).nullable]
    assert empty(table).to_arrow().cast(table.arrow).schema == table.arrow


def test_a_name_means_one_column_wherever_it_stands() -> None:
    shared = {column.name: column for column in vars(c).values() if isinstance(column, Column)}
    own = {  # what a table says of its own
        ("bot_scores", "score"), ("user_categories", "category"),
    }  # fmt: skip
    for table in TABLES.values():
        for column in table.columns:
            if column.name in shared and (table.name, column.name) not in own:
                assert column == shared[column.name], (table.name, column.name)


def test_candidates_hold_every_source() -> None:
    names = TABLES["candidates"].names
    assert [name for name in names if name.endswith("_rank")] == [f"{s}_rank" for s in SOURCES]
    assert [name for name in names if name.endswith("_score")] == [f"{s}_score" for s in SOURCES]
