"""One stored version of an artefact, as those who read it see it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from core.errors import IntegrityError, NotFound
from core.ids import safe_name
from core.manifest import NAME, Manifest, read_manifest, verify_file
from core.redactions import folder_name
from core.schemas import Table
from core.tables import read_table


@dataclass(frozen=True)
class Artefact:
    """One stored version: a folder and what its manifest says."""

    path: Path
    manifest: Manifest

    @property
    def version(self) -> str:
        """The version's id."""
        return self.manifest.version

    @property
    def facts(self) -> dict[str, Any]:
        """Small results recorded with the version."""
        return self.manifest.facts

    def file(self, name: str) -> Path:
        """Returns a data file's path; raises NotFound for a name the manifest lacks."""
        if name not in self.manifest.files:
            raise NotFound(
                f"{self.manifest.kind} {self.version} has no file {name!r}; "
                f"it has {', '.join(sorted(self.manifest.files)[:8])}"
            )
        return self.path / name

    def table_path(self, table: Table, part: str = "") -> Path:
        """Returns the file of one of its tables (or of a named part of it)."""
        return self.file(table_file(table, part))

    def table(self, table: Table, part: str = "", columns: list[str] | None = None) -> pl.DataFrame:
        """Reads one of its tables."""
        return read_table(self.table_path(table, part), table, columns)

    def json(self, name: str) -> Any:
        """Reads one of its JSON files; raises IntegrityError where its bytes were altered."""
        path = self.file(name)
        verify_file(path, self.manifest.files[name])
        return json.loads(path.read_bytes())


def table_file(table: Table, part: str = "") -> str:
    """Returns a table's file name inside an artefact: `lists.parquet`, `test/lists.parquet`."""
    return f"{safe_name(part)}/{table.name}.parquet" if part else f"{table.name}.parquet"


def open_artefact(folder: Path, kind: str, as_of: str) -> Artefact:
    """Returns the version in a folder; raises IntegrityError if its manifest is not its own."""
    manifest = read_manifest(folder)
    named = folder_name(manifest.version, manifest.redaction)
    if (manifest.kind, manifest.as_of, named) != (kind, as_of, folder.name):
        raise IntegrityError(
            f"{folder / NAME} is of {manifest.kind} {manifest.version} as of {manifest.as_of}; "
            "remove that folder and run again"
        )
    return Artefact(folder, manifest)
