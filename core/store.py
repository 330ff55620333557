"""The artefact store: immutable versions, staged, flushed, then renamed into place."""

import json
import os
import shutil
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from core.code_version import code_version
from core.durable import flush_file, flush_folder, replace_file
from core.errors import IntegrityError, NotFound, NotReproducible, UnsafeName
from core.ids import digest, safe_name
from core.manifest import (
    NAME,
    FileRecord,
    Manifest,
    hash_file,
    library_versions,
    read_manifest,
    verify,
    verify_file,
)
from core.schemas import Table
from core.tables import read_table, write_batches, write_table


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


@dataclass(frozen=True)
class Plan:
    """Everything that determines an artefact's content, before it is computed.

    Attributes:
        kind: the artefact's name.
        as_of: the as-of date, `YYYY-MM-DD`.
        inputs: version of each input artefact by kind.
        config: the settings that shape it, as JSON values.
        seed: the root seed.
    """

    kind: str
    as_of: str
    inputs: Mapping[str, str]
    config: Mapping[str, Any]
    seed: int

    @property
    def version(self) -> str:
        """Hash over the plan and the code: the same version means the same content."""
        known = [self.kind, self.as_of, dict(self.inputs), dict(self.config), self.seed]
        return digest([*known, code_version()])[:16]


class Store:
    """Artefact versions under `<root>/<kind>/<as-of>/<version>/`, and which one is current."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def find(self, plan: Plan) -> Artefact | None:
        """Returns the plan's stored version, or None; raises IntegrityError if it is damaged."""
        folder = self._folder(plan.kind, plan.as_of) / plan.version
        return _stored(folder, plan.kind, plan.as_of) if (folder / NAME).is_file() else None

    def current(self, kind: str, as_of: str) -> Artefact:
        """Returns the version that the latest run of that date made or confirmed.

        Raises:
            NotFound: that date has none yet.
            IntegrityError: the pointer names no version, or the manifest of the one that it
                names is damaged or another's.
        """
        folder = self._folder(kind, as_of)
        try:
            version = safe_name((folder / "CURRENT").read_text(encoding="utf-8").strip())
        except FileNotFoundError:
            raise NotFound(
                f"there is no {kind} as of {as_of}; run `daybreak run --as-of {as_of}`"
            ) from None
        except (UnsafeName, UnicodeDecodeError):
            raise IntegrityError(
                f"{folder / 'CURRENT'} names no version; run `daybreak run --as-of {as_of}`"
            ) from None
        return _stored(folder / version, kind, as_of)

    def dates(self, kind: str) -> list[str]:
        """Returns the as-of dates for which a kind exists, ascending."""
        return sorted(p.parent.name for p in (self.root / safe_name(kind)).glob("*/CURRENT"))

    def begin(self, plan: Plan) -> Staging:
        """Opens an empty staging folder for a plan."""
        folder = self._folder(plan.kind, plan.as_of) / f".staging-{uuid.uuid4().hex}"
        folder.mkdir(parents=True)
        return Staging(folder)

    def commit(self, plan: Plan, staging: Staging) -> Artefact:
        """Flushes and renames a staged version into place; returns it.

        Where the version exists already the staged bytes must equal it.

        Raises:
            NotReproducible: the version exists with other content.
            IntegrityError: the version exists and is damaged.
        """
        manifest = Manifest(
            kind=plan.kind, version=plan.version, as_of=plan.as_of,
            files=_record_files(staging), inputs=dict(plan.inputs), config=dict(plan.config),
            seed=plan.seed, code_version=code_version(), facts=staging.facts,
            libraries=dict(library_versions()),
        )  # fmt: skip
        folder = self._folder(plan.kind, plan.as_of)
        final = folder / plan.version
        replace_file(staging.path / NAME, manifest.to_bytes())
        try:
            staging.path.rename(final)
        except OSError:
            existing = self.find(plan)
            if existing is None:
                if final.exists():
                    raise IntegrityError(
                        f"{final} has no manifest; remove that folder and run again"
                    ) from None
                raise
            shutil.rmtree(staging.path)
            verify(existing.path, existing.manifest)
            if existing.manifest.content_hash != manifest.content_hash:
                raise NotReproducible(
                    f"{plan.kind} {plan.version} as of {plan.as_of} came out differently from "
                    f"the stored one; find the unseeded or unordered step in its code"
                ) from None
            return existing
        flush_folder(folder)
        return Artefact(final, manifest)

    def abandon(self, staging: Staging) -> None:
        """Removes a staging folder whose build failed."""
        shutil.rmtree(staging.path, ignore_errors=True)

    def make_current(self, artefact: Artefact) -> None:
        """Points its date's `current` at a version."""
        folder = self._folder(artefact.manifest.kind, artefact.manifest.as_of)
        replace_file(folder / "CURRENT", artefact.version.encode() + b"\n")

    def _folder(self, kind: str, as_of: str) -> Path:
        return self.root / safe_name(kind) / safe_name(as_of)


def _stored(folder: Path, kind: str, as_of: str) -> Artefact:
    """Returns the version in a folder; raises IntegrityError if its manifest is not its own."""
    manifest = read_manifest(folder)
    if (manifest.kind, manifest.as_of, manifest.version) != (kind, as_of, folder.name):
        raise IntegrityError(
            f"{folder / NAME} is of {manifest.kind} {manifest.version} as of {manifest.as_of}; "
            "remove that folder and run again"
        )
    return Artefact(folder, manifest)


def _record_files(staging: Staging) -> dict[str, FileRecord]:
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
