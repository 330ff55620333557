import hashlib
import itertools
import random
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from polars.testing import assert_frame_equal

from core.columns import Column
from core.errors import CheckFailed, IntegrityError
from core.schemas import Table
from core.tables import (
    ROW_GROUP,
    conform,
    read_blocks,
    read_table,
    write_batches,
    write_table,
)

TABLE = Table(
    "things",
    "One thing.",
    (
        Column("name", "string", "Its name."),
        Column("n", "int64", "How many.", nullable=True),
        Column("place", "int32", "Where."),
        Column("score", "float64", "How good."),
        Column("seen", "bool", "Whether."),
        Column("at", "timestamp", "When."),
        Column("genres", "list[string]", "Kinds.", nullable=True),
    ),
    ("name", "place"),
)
AT = datetime(2024, 3, 10, tzinfo=UTC)
ROWS = pl.DataFrame(
    {
        "name": ["a", "a", "b", "é"],
        "n": [1, None, 3, 2**62],
        "place": [1, 2, 1, 1],
        "score": [0.5, -0.0, 1e300, 2.0],
        "seen": [True, False, True, True],
        "at": [AT, AT, AT, AT],
        "genres": [["x", "y"], [], None, [None]],
    },
    schema=TABLE.polars,
)
MANY = Table(
    "many",
    "One thing of many.",
    (
        Column("key", "int64", "Its place."),
        Column("text", "string", "A text.", nullable=True),
        Column("tags", "list[string]", "Tags.", nullable=True),
    ),
    ("key",),
)


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def many(n: int) -> pl.DataFrame:
    key = np.arange(n)
    frame = pl.DataFrame({"key": key, "text": [f"t{k % 977}" if k % 5 else None for k in key]})
    tags = pl.when(pl.col("key") % 3 == 0).then(pl.concat_list("text", "text"))
    return frame.with_columns(tags=tags)


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    assert write_table(ROWS, TABLE, tmp_path / "deep" / "things.parquet") == 4
    assert_frame_equal(read_table(tmp_path / "deep" / "things.parquet", TABLE), ROWS)
    chosen = read_table(tmp_path / "deep" / "things.parquet", TABLE, ["score", "name"])
    assert_frame_equal(chosen, ROWS.select("score", "name"))


def test_the_file_declares_types_nullability_and_zstd(tmp_path: Path) -> None:
    write_table(ROWS, TABLE, tmp_path / "t.parquet")
    stored = pq.ParquetFile(tmp_path / "t.parquet")
    assert stored.schema_arrow.equals(TABLE.arrow)
    column = stored.metadata.row_group(0).column(0)
    assert column.compression == "ZSTD"
    assert (column.statistics.min, column.statistics.max) == ("a", "é")


def test_equal_rows_have_equal_bytes_in_any_order_and_spelling(tmp_path: Path) -> None:
    write_table(ROWS, TABLE, tmp_path / "one.parquet")
    others = [
        ROWS.reverse(),
        ROWS.select(reversed(ROWS.columns)).with_columns(extra=pl.lit(1)),
        ROWS.with_columns(pl.col("place").cast(pl.UInt8), pl.col("name").cast(pl.Categorical)),
        pl.concat([ROWS[3:], ROWS[:1], ROWS[1:3]], rechunk=False),
    ]
    for place, other in enumerate(others):
        write_table(other, TABLE, tmp_path / f"{place}.parquet")
        assert sha(tmp_path / f"{place}.parquet") == sha(tmp_path / "one.parquet")


def test_the_bytes_do_not_depend_on_the_pieces(tmp_path: Path) -> None:
    whole = many(2 * ROW_GROUP + 1_000)
    assert write_table(whole, MANY, tmp_path / "whole.parquet") == whole.height
    stored = pq.ParquetFile(tmp_path / "whole.parquet").metadata
    assert [stored.row_group(i).num_rows for i in range(3)] == [ROW_GROUP, ROW_GROUP, 1_000]
    draw = random.Random(7)
    cuts = [
        [ROW_GROUP],
        [ROW_GROUP - 1, ROW_GROUP + 1],
        sorted(draw.randrange(whole.height) for _ in range(40)),
        [5, 5, 5, 2 * ROW_GROUP],
    ]
    for cut in cuts:
        edges = [0, *cut, whole.height]
        pieces = (whole[a:b].to_arrow() for a, b in itertools.pairwise(edges))
        assert write_batches(pieces, MANY, tmp_path / "pieces.parquet") == whole.height
        assert sha(tmp_path / "pieces.parquet") == sha(tmp_path / "whole.parquet")


def test_pieces_of_other_engines_have_the_same_bytes(tmp_path: Path) -> None:
    write_table(ROWS, TABLE, tmp_path / "polars.parquet")
    narrow = ROWS.to_arrow().cast(
        pa.schema(
            [
                pa.field("name", pa.string()),
                pa.field("n", pa.decimal128(38, 0)),
                pa.field("place", pa.int64()),
                pa.field("score", pa.float64()),
                pa.field("seen", pa.bool_()),
                pa.field("at", pa.timestamp("us", "UTC")),
                pa.field("genres", pa.list_(pa.string())),
            ]
        )
    )
    write_batches([narrow], TABLE, tmp_path / "other.parquet")
    assert sha(tmp_path / "other.parquet") == sha(tmp_path / "polars.parquet")


def test_a_table_without_rows_is_a_file_too(tmp_path: Path) -> None:
    none = ROWS.clear()
    assert write_table(none, TABLE, tmp_path / "a.parquet") == 0
    assert write_batches([], TABLE, tmp_path / "b.parquet") == 0
    assert write_batches([none.to_arrow()] * 3, TABLE, tmp_path / "c.parquet") == 0
    assert sha(tmp_path / "a.parquet") == sha(tmp_path / "b.parquet") == sha(tmp_path / "c.parquet")
    assert_frame_equal(read_table(tmp_path / "a.parquet", TABLE), none)


def test_conforming_sorts_by_the_key_and_orders_the_columns() -> None:
    mixed = ROWS.select("score", "place", "name", "n", "seen", "at", "genres")[[2, 3, 1, 0]]
    assert_frame_equal(conform(mixed, TABLE), ROWS)


@pytest.mark.parametrize("column", ["name", "place", "score", "seen", "at"])
def test_a_null_is_refused_where_none_may_be(tmp_path: Path, column: str) -> None:
    holed = ROWS.with_columns(
        pl.when(pl.int_range(pl.len()) == 2).then(None).otherwise(pl.col(column)).alias(column)
    )
    with pytest.raises(CheckFailed, match=f"table things has a null in '{column}'"):
        write_table(holed, TABLE, tmp_path / "t.parquet")
    with pytest.raises(CheckFailed, match=f"table things has a null in '{column}'"):
        write_batches([ROWS.to_arrow(), holed.to_arrow()], TABLE, tmp_path / "t.parquet")


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("name", [1, 2, 3, 4]),
        ("n", ["1", "2", "3", "4"]),
        ("n", [1.0, 2.0, 3.5, 4.0]),
        ("n", [True, False, True, True]),
        ("score", ["0.5", "1", "1", "1"]),
        ("seen", [0, 1, 1, 0]),
        ("seen", ["true", "false", "true", "true"]),
        ("at", ["2024-03-10"] * 4),
        ("genres", ["x", "y", "z", "w"]),
        ("genres", [[1], [2], [3], [4]]),
    ],
)
def test_another_kind_of_value_is_refused_not_converted(
    tmp_path: Path, column: str, values: list[object]
) -> None:
    other = ROWS.with_columns(pl.Series(column, values))
    with pytest.raises(CheckFailed, match=f"table things has .* in '{column}', it must be") as no:
        write_table(other, TABLE, tmp_path / "t.parquet")
    assert "\n" not in str(no.value)
    with pytest.raises(CheckFailed, match=f"table things has .* in '{column}', it must be"):
        write_batches([other.to_arrow()], TABLE, tmp_path / "t.parquet")


def test_a_value_beyond_its_type_is_refused(tmp_path: Path) -> None:
    large = ROWS.with_columns(place=pl.lit(2**31))
    with pytest.raises(CheckFailed, match="table things has a value of another type"):
        write_table(large, TABLE, tmp_path / "t.parquet")
    with pytest.raises(CheckFailed, match="table things has a value of another type"):
        write_batches([large.to_arrow()], TABLE, tmp_path / "t.parquet")


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckFailed, match="table things lacks column 'score'"):
        write_table(ROWS.drop("score"), TABLE, tmp_path / "t.parquet")
    with pytest.raises(CheckFailed, match="table things lacks column 'score'"):
        write_batches([ROWS.drop("score").to_arrow()], TABLE, tmp_path / "t.parquet")


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_torn_file_is_refused_in_one_line(tmp_path: Path, share: float) -> None:
    path = tmp_path / "t.parquet"
    write_table(ROWS, TABLE, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(IntegrityError, match="is no file of table things") as refusal:
        read_table(path, TABLE)
    assert "\n" not in str(refusal.value)


def test_a_missing_file_and_one_of_another_table_are_refused(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="is no file of table things"):
        read_table(tmp_path / "none.parquet", TABLE)
    write_table(many(3), MANY, tmp_path / "many.parquet")
    with pytest.raises(IntegrityError, match="is no file of table things"):
        read_table(tmp_path / "many.parquet", TABLE)


def test_a_later_column_is_null_in_files_from_before_it(tmp_path: Path) -> None:
    later = Column("note", "string", "A note.", nullable=True, is_later=True)
    grown = Table("many", MANY.row, (*MANY.columns, later), MANY.key)
    path = tmp_path / "many.parquet"
    write_table(many(3), MANY, path)
    wanted = many(3).with_columns(note=pl.lit(None, pl.String))
    assert_frame_equal(read_table(path, grown), wanted)
    assert_frame_equal(pl.concat(read_blocks(path, grown)), wanted)
    assert read_table(path, grown, ["note", "key"]).columns == ["note", "key"]
    noted = wanted.with_columns(note=pl.lit("n"))
    write_table(noted, grown, path)
    assert_frame_equal(read_table(path, grown), noted)
    write_table(
        many(3).drop("text"), Table("many", "", (MANY.columns[0], MANY.columns[2]), ("key",)), path
    )
    with pytest.raises(IntegrityError, match="is no file of table many"):
        read_table(path, grown)
