"""Writes the Parquet files of a version anew, without the erased users; see `tables`."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from assets.erasure import tables
from assets.erasure.tables import Rows
from assets.erasure.version import Version, Write
from core.schemas import CLEAN_EVENTS, EXPLANATIONS, LISTS, TABLES, USERS
from core.tables import write_batches


def table_write(version: Version, name: str) -> Write | None:
    """Returns how to write a table anew, or None where it holds no erased user."""
    path = version.artefact.path / name
    columns = pq.read_schema(path).names
    if "user_id" in columns:
        return _owned(version, name, path)
    if "user_num" in columns:
        nums = version.gone_nums
        if not _holds(path, "user_num", nums):
            return None
        return _written(version, name, lambda: tables.without(path, "user_num", nums))
    if name == f"{EXPLANATIONS.name}.parquet":
        return _sentences(version, name, path)
    if columns == ["event_id", "level"]:
        return _held_out(version, name, path)
    return None


def _written(version: Version, name: str, rows: Callable[[], Rows]) -> Write:
    record = version.artefact.manifest.files[name]
    schema = pq.read_schema(version.artefact.path / name)
    table = TABLES.get(Path(name).stem)

    def write(target: Path) -> int:
        if table is not None and record.schema_hash == table.schema_hash:
            return write_batches(rows(), table, target)
        n_rows = 0
        with pq.ParquetWriter(target, schema, compression="zstd") as writer:
            for block in rows():
                writer.write_table(block.cast(schema))
                n_rows += block.num_rows
        return n_rows

    return write


def _owned(version: Version, name: str, path: Path) -> Write | None:
    gone = tables.own_ids(path, version.erased)
    if not gone:
        return None
    if name != f"{USERS.name}.parquet":
        return _written(version, name, lambda: tables.without(path, "user_id", gone))

    def write(target: Path) -> int:
        blanked = tables.blanked(pl.read_parquet(path), version.erased)
        return write_batches([blanked.to_arrow()], USERS, target)

    return write


def _sentences(version: Version, name: str, path: Path) -> Write | None:
    lists = version.artefact.path / f"{LISTS.name}.parquet"
    keys = tables.kept_keys(lists, version.erased)
    if not tables.unheard(path, keys):
        return None
    return _written(version, name, lambda: tables.silenced(path, keys))


def _held_out(version: Version, name: str, path: Path) -> Write | None:
    if not pq.read_metadata(path).num_rows:
        return None
    clean = version.input("clean_events").table_path(CLEAN_EVENTS)
    gone = tables.own_ids(clean, version.erased)
    rows = pl.scan_parquet(clean).filter(~pl.col("user_id").is_in(gone)).select("event_id")
    kept = rows.collect(engine="streaming")["event_id"]
    if not _holds_others(path, "event_id", kept):
        return None
    return _written(version, name, lambda: tables.only(path, "event_id", kept))


def _holds(path: Path, column: str, values: list[int]) -> bool:
    rows = pl.scan_parquet(path).select(pl.col(column).is_in(values).any())
    return bool(values) and bool(rows.collect(engine="streaming").item())


def _holds_others(path: Path, column: str, values: pl.Series) -> bool:
    others = pl.scan_parquet(path).join(values.to_frame(column).lazy(), on=column, how="anti")
    return bool(others.select(pl.len()).collect(engine="streaming").item())
