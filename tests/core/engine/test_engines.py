"""Every engine keeps the contract of `Engine`, and all write the same bytes."""

import shutil
from pathlib import Path

import narwhals as nw
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from core import engine as engines
from core.columns import SCORE, USER_ID, Column
from core.engine import Engine
from core.errors import CheckFailed, UsageError
from core.manifest import hash_file
from core.schemas import EVENTS, ITEMS, USER_ROWS, Table
from core.staging import Staging
from core.tables import write_table
from tests import toy

ODD = Table(
    "odd",
    "One row of everything that an engine may spell its own way.",
    (
        USER_ID.optional(),
        Column("place", "int32", "A small number.", nullable=True),
        SCORE.optional(),
        Column("flag", "bool", "A truth.", nullable=True),
        Column("names", "list[string]", "A list.", nullable=True),
    ),
    ("user_id", "place"),
)


def odd_rows() -> pl.DataFrame:
    # Unsorted, with nulls in the key, int64 where the table says int32, and ids beyond ASCII.
    return pl.DataFrame(
        {
            "names": [["b", "a"], None, [], ["é"], ["x"]],
            "user_id": ["b", "Z", None, "é", "b"],
            "place": [2, None, 7, 1, None],
            "score": [0.1, None, -0.0, 1e300, 2.5],
            "flag": [True, False, None, True, None],
        },
        schema_overrides={"place": pl.Int64},
    )


def test_sink_writes_the_canonical_bytes(engine: Engine, tmp_path: Path) -> None:
    staging = Staging(tmp_path / "sunk")
    n_rows = engine.sink(engine.from_polars(odd_rows()), ODD, staging, "part")
    write_table(odd_rows(), ODD, tmp_path / "canonical.parquet")
    assert n_rows == 5
    assert staging.records["part/odd.parquet"].rows == 5
    assert hash_file(staging.file("part/odd.parquet")) == hash_file(tmp_path / "canonical.parquet")
    assert pl.read_parquet(staging.file("part/odd.parquet"))["user_id"].to_list() == [
        None, "Z", "b", "b", "é",
    ]  # fmt: skip


def test_sink_of_no_rows_writes_the_canonical_bytes(engine: Engine, tmp_path: Path) -> None:
    staging = Staging(tmp_path / "sunk")
    assert engine.sink(engine.from_polars(odd_rows().clear()), ODD, staging) == 0
    write_table(odd_rows().clear(), ODD, tmp_path / "canonical.parquet")
    assert hash_file(staging.file("odd.parquet")) == hash_file(tmp_path / "canonical.parquet")


def test_sink_refuses_a_missing_column(engine: Engine, tmp_path: Path) -> None:
    frame = engine.from_polars(odd_rows().drop("flag"))
    with pytest.raises(CheckFailed, match="table odd lacks column 'flag', it has names, user_id"):
        engine.sink(frame, ODD, Staging(tmp_path))


def test_sink_refuses_a_null_that_may_not_be(engine: Engine, tmp_path: Path) -> None:
    strict = Table("odd", "row", (USER_ID,), ("user_id",))
    with pytest.raises(CheckFailed, match="table odd has a null in 'user_id'"):
        engine.sink(engine.from_polars(odd_rows()), strict, Staging(tmp_path))


def test_scan_reads_files_of_day_and_month_folders(engine: Engine, tmp_path: Path) -> None:
    events = toy.events()
    days = tmp_path / "events" / "day=2024-03-01" / "1-0.parquet"
    months = tmp_path / "events" / "month=2024-03" / "2-0.parquet"
    hidden = tmp_path / ".staging-1" / "events.parquet"
    write_table(events[:5], EVENTS, days)
    write_table(events[5:9], EVENTS, months)
    write_table(events[9:], EVENTS, hidden)
    read = engine.collect(engine.scan([days, months, hidden], EVENTS))
    assert dict(read.schema) == EVENTS.polars
    assert_frame_equal(read.sort("event_id"), events.sort("event_id"))


@pytest.mark.parametrize("old", [(0,), (1,), (0, 1)], ids=["first", "last", "all"])
def test_scan_reads_files_from_before_a_later_column(
    engine: Engine, tmp_path: Path, old: tuple[int, ...]
) -> None:
    events = toy.events().with_columns(release=pl.lit("r"), rung=pl.lit("session"))
    paths = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    halves = [events[:5], events[5:]]
    for place, path in enumerate(paths):
        write_table(halves[place], EVENTS, path)
        if place in old:
            halves[place] = halves[place].with_columns(
                pl.lit(None, pl.String).alias(name) for name in EVENTS.later_names
            )
            pl.read_parquet(path).drop(EVENTS.later_names).write_parquet(path)
    read = engine.collect(engine.scan(paths, EVENTS))
    assert dict(read.schema) == EVENTS.polars
    assert_frame_equal(read.sort("event_id"), pl.concat(halves).sort("event_id"))
    shown = engine.scan(paths, EVENTS).filter(nw.col("rung") == "session")
    assert engine.collect(shown).height == sum(half["rung"].count() for half in halves)


@pytest.mark.parametrize("table", [EVENTS, ITEMS, USER_ROWS], ids=lambda table: table.name)
def test_scan_of_no_files_has_the_schema_and_no_rows(engine: Engine, table: Table) -> None:
    read = engine.collect(engine.scan([], table))
    assert read.height == 0
    assert dict(read.schema) == table.polars


def test_persist_computes_once(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    write_table(toy.events(), EVENTS, path)
    stored = engine.persist(engine.scan([path], EVENTS).filter(nw.col("user_id") == "ann"))
    assert engine.collect(stored).height == 6
    path.unlink()
    assert engine.collect(stored.filter(nw.col("action") == "click")).height == 2


def test_whole_division_rounds_down(engine: Engine) -> None:
    numbers = pl.DataFrame({"n": [7, -7, -1, 0], "by": [2, 2, 1_000_000, 5]})
    frame = engine.from_polars(numbers).select("n", (nw.col("n") // nw.col("by")).alias("q"))
    assert sorted(engine.collect(frame).rows()) == [(-7, -4), (-1, -1), (0, 0), (7, 3)]


def test_microseconds_are_cut_into_days_exactly(engine: Engine) -> None:
    day = 86_400_000_000
    moments = [n * day + shift for n in (7_305, 19_800, 47_481) for shift in (-1, 0, 1)]
    frame = engine.from_polars(pl.DataFrame({"us": moments}))
    days = engine.collect(frame.select("us", (nw.col("us") // day).alias("day"))).sort("us")
    assert days["day"].to_list() == [us // day for us in moments]


def test_an_unknown_engine_is_named() -> None:
    with (
        pytest.raises(
            UsageError, match="engine 'dask' is unknown; use one of polars, duckdb, spark"
        ),
        engines.open_engine("dask"),
    ):
        pass


def test_duckdb_leaves_nothing_behind() -> None:
    import duckdb

    count = "SELECT count(*) FROM duckdb_tables()"
    before = duckdb.execute(count).fetchone()
    with engines.open_engine("duckdb", threads=1, memory_gb=0.5) as engine:
        stored = engine.persist(engine.from_polars(toy.events()))
        assert engine.collect(stored).height == 74
        spill = duckdb.execute("SELECT current_setting('temp_directory')").fetchone()
        assert duckdb.execute("SELECT current_setting('TimeZone')").fetchone() == ("UTC",)
    assert duckdb.execute(count).fetchone() == before
    assert spill is not None
    assert not Path(spill[0]).exists()


def test_spark_without_java_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    assert shutil.which("java") is None
    with (
        pytest.raises(UsageError, match="engine 'spark' needs Java 17 and none is on the PATH"),
        engines.open_engine("spark"),
    ):
        pass
