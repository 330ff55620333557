"""A version being written: nothing of it is visible before it is committed."""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from core.artefact import table_file
from core.durable import flush_file, flush_folder
from core.errors import IntegrityError, UnsafeName
from core.ids import safe_name
from core.manifest import NAME, FileRecord, hash_file
from core.schemas import Table
from core.tables import write_batches, write_table


@dataclass
class Staging:
    """A version being written; nothing of it is visible before `Store.commit`."""

    path: Path
    records: dict[str, FileRecord] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def file(self, name: str) -> Path:
        """Returns where to write a data file; whatever lies there at commit is recorded.

        Raises:
            UnsafeName: the name could leave the folder, or is the manifest's own.
        """
        if name == NAME:
            raise UnsafeName(f"name {name!r} is the manifest's own; give the data file another")
        target = self.path.joinpath(*(safe_name(part) for part in name.split("/")))
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def write_table(self, frame: pl.DataFrame, table: Table, part: str = "") -> int:
        """Writes a table (or a named part of it) canonically; returns its row count."""
        name = table_file(table, part)
        return self._record(name, write_table(frame, table, self.file(name)), table)

    def write_batches(self, batches: Iterable[pa.Table], table: Table, part: str = "") -> int:
        """Writes a table from sorted pieces; returns its row count."""
        name = table_file(table, part)
        return self._record(name, write_batches(batches, table, self.file(name)), table)

    def write_json(self, name: str, value: Any) -> None:
        """Writes a JSON file with sorted keys; NaN is refused (ValueError)."""
        text = json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
        self.file(name).write_text(text + "\n", encoding="utf-8")

    def _record(self, name: str, n_rows: int, table: Table) -> int:
        self.records[name] = FileRecord(0, "", n_rows, table.schema_hash)
        return n_rows


def flushed_records(staging: Staging) -> dict[str, FileRecord]:
    """Flushes every staged file and returns its record."""
    records = {}
    for path in sorted(p for p in staging.path.rglob("*") if p.is_file()):
        name = path.relative_to(staging.path).as_posix()
        flush_file(path)
        known = staging.records.get(name, FileRecord(0, ""))
        records[name] = FileRecord(
            path.stat().st_size, hash_file(path), known.rows, known.schema_hash
        )
    if missing := sorted(set(staging.records) - set(records)):
        raise IntegrityError(f"staged file {missing[0]!r} vanished before the commit; run again")
    for folder in {staging.path, *(p for p in staging.path.rglob("*") if p.is_dir())}:
        flush_folder(Path(os.fspath(folder)))
    return records
