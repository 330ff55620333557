"""Writing one file's rows into the lake."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pyarrow as pa

from assets.ingest.entry import LakeFile
from core.durable import flush_file, flush_folder
from core.manifest import hash_file
from core.schemas import EVENTS, TABLES, Table
from core.tables import write_batches, write_table

_EPOCH = date(1970, 1, 1)
_FLUSHERS = 16  # the disk commits flushes that wait together as one


class LakeWriter:
    """Collects the rows of one file and writes them below the lake's folder.

    Events go to `events/day=YYYY-MM-DD/`, or `events/month=YYYY-MM/` where one write would touch
    more than `max_days` days; other tables to a folder of their name. Files are called
    `<seq>-<n>.parquet`.
    """

    def __init__(self, lake: Path, seq: int, *, flush_rows: int, max_days: int) -> None:
        self._lake = lake
        self._seq = seq
        self._flush_rows = flush_rows
        self._max_days = max_days
        self._waiting: dict[str, list[pl.DataFrame]] = {}
        self._files: list[LakeFile] = []

    def take(self, table: Table, rows: pl.DataFrame) -> None:
        """Takes rows of a table, without an order."""
        if not len(rows):
            return
        waiting = self._waiting.setdefault(table.name, [])
        waiting.append(rows)
        if sum(len(piece) for piece in waiting) >= self._flush_rows:
            self._write(table)

    def finish(self) -> list[LakeFile]:
        """Writes what is left, flushes everything to disk and returns the files."""
        for name in list(self._waiting):
            self._write(TABLES[name])
        paths = [self._lake / file.path for file in self._files]
        folders = {self._lake, *(f for p in paths for f in _folders(p, self._lake))}
        with ThreadPoolExecutor(_FLUSHERS) as pool:
            list(pool.map(flush_file, paths))
            list(pool.map(flush_folder, sorted(folders, key=lambda f: -len(f.parts))))
        return self._files

    def discard(self) -> None:
        """Removes what was written."""
        for file in self._files:
            (self._lake / file.path).unlink(missing_ok=True)
        self._files, self._waiting = [], {}

    def _write(self, table: Table) -> None:
        waiting = self._waiting.pop(table.name, [])
        if not waiting:
            return
        rows = pl.concat(waiting)
        parts = self._partitions(rows) if table is EVENTS else [(table.name, rows)]
        for folder, part in parts:
            name = f"{folder}/{self._seq:08d}-{len(self._files) + 1:04d}.parquet"
            self._files.append(write_lake_file(self._lake, name, part, table))

    def _partitions(self, rows: pl.DataFrame) -> Iterable[tuple[str, pl.DataFrame]]:
        """Splits events by day, or by month where there are too many days."""
        rows = rows.with_columns(part=pl.col("occurred_at").dt.epoch("d"))
        spelling = "day=%Y-%m-%d"
        if rows["part"].n_unique() > self._max_days:
            rows = rows.with_columns(part=pl.col("occurred_at").dt.truncate("1mo").dt.epoch("d"))
            spelling = "month=%Y-%m"
        parts = (
            {(rows["part"][0],): rows}
            if rows["part"].n_unique() == 1
            else rows.partition_by("part", as_dict=True)
        )
        for (first_day,), part in sorted(parts.items(), key=lambda item: item[0]):
            named = (_EPOCH + timedelta(days=first_day)).strftime(spelling)
            yield f"{EVENTS.name}/{named}", part.drop("part")


def _folders(path: Path, root: Path) -> list[Path]:
    """Returns the folders from a file's up to the one below a root."""
    return [root / folder for folder in path.relative_to(root).parents[:-1]]


def write_lake_file(lake: Path, name: str, rows: pl.DataFrame, table: Table) -> LakeFile:
    """Writes rows as one lake file; a torn one is removed."""
    path = lake / name
    try:
        n_rows = write_table(rows, table, path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    moments = rows["occurred_us"].to_numpy() if "occurred_us" in rows.columns else None
    first, last = (None, None) if moments is None else (int(moments.min()), int(moments.max()))
    return LakeFile(table.name, name, n_rows, first, last, hash_file(path))


def write_lake_blocks(
    lake: Path, name: str, blocks: Iterable[pl.DataFrame], table: Table
) -> LakeFile:
    """Writes sorted pieces of rows as one lake file; a torn one is removed."""
    path = lake / name
    moments: list[int] = []

    def pieces() -> Iterator[pa.Table]:
        for rows in blocks:
            if len(rows) and "occurred_us" in rows.columns:
                told = rows["occurred_us"].to_numpy()
                moments[:] = [min([*moments, told.min()]), max([*moments, told.max()])]
            yield rows.to_arrow()

    try:
        n_rows = write_batches(pieces(), table, path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    first, last = (int(moments[0]), int(moments[1])) if moments else (None, None)
    return LakeFile(table.name, name, n_rows, first, last, hash_file(path))
