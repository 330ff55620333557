"""A release's own tables, each held against the manifest before anyone reads it."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow.parquet as pq

from core.artefact import table_file
from core.errors import IntegrityError
from core.manifest import verify_file
from core.release_store import own_manifest
from core.schemas import Table


def released_table(folder: Path, table: Table, columns: Iterable[str] = ()) -> Path:
    """Returns the file of one of a release's tables, after a look at every byte.

    Args:
        folder: the release's folder.
        table: the table.
        columns: what the caller will read; a table of an earlier version may lack others.

    Raises:
        IntegrityError: the manifest or the table is gone, damaged or another's, or a column is
            not there.
    """
    name = f"tables/{table_file(table)}"
    path = folder / name
    record = own_manifest(folder).files.get(name)
    if record is None:
        raise IntegrityError(f"{path} is not in the release's manifest; restore or rebuild it")
    verify_file(path, record)
    there = set(pq.read_schema(path).names)
    if lacking := [column for column in columns if column not in there]:
        raise IntegrityError(
            f"{path} has no column {lacking[0]!r}, it was written by another version of Daybreak; "
            f"read {folder.name} with that version"
        )
    return path
