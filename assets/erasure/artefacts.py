"""Rewrites the stored artefacts that hold an erased user, file by file, by what each file is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from assets.cleaning.exclusion import Account
from assets.erasure.model_files import factors_write, vectors_write
from assets.erasure.table_files import table_write
from assets.erasure.version import InputLost, Version, Write
from assets.ingest.snapshot import snapshot
from assets.ingest.stage import describe, snapshot_files
from core.artefact import Artefact
from core.departure import delete
from core.erased_users import ErasedUsers
from core.errors import IntegrityError
from core.home import Home
from core.manifest import FileRecord, verify
from core.schemas import CLEAN_EVENTS, EXCLUDED_EVENTS
from core.staging import Staging
from core.store import Store

_FIRST = ("lake", "clean_events")
"""Kinds that others' rewriting looks at."""
_UNREADABLE = (
    pa.ArrowException, pl.exceptions.PolarsError, ValueError, FileNotFoundError, IntegrityError,
)  # fmt: skip


def rewrite_artefacts(home: Home, erased: ErasedUsers) -> int:
    """Rewrites every version of every kind that holds an erased user; returns how many.

    A version that is damaged, or whose users nobody can name any more, is of no use to a run and
    may hold anybody: it goes, and counts as rewritten.

    Raises:
        IntegrityError: a version cannot be read though its bytes are those that were written.
    """
    store = Store(home.artefacts)
    return sum(_rewrite(Version(home, store, one, erased)) for one in _stored(store))


def _stored(store: Store) -> Iterator[Artefact]:
    found = sorted(path.name for path in store.root.glob("*") if path.is_dir())
    for kind in sorted(found, key=lambda name: (name not in _FIRST, name != "lake", name)):
        for folder in sorted(path for path in (store.root / kind).glob("*") if path.is_dir()):
            yield from store.versions(kind, folder.name)


def _rewrite(version: Version) -> bool:
    artefact = version.artefact
    try:
        if not (writes := _writes(version)):
            return False
        verify(artefact.path, artefact.manifest)
        staging = _rewritten(version, writes)
    except _UNREADABLE as error:
        if not isinstance(error, InputLost) and _is_whole(artefact):
            raise IntegrityError(
                f"{artefact.path} cannot be rewritten ({error}), though it is what was written; "
                "remove that folder and repeat"
            ) from error
        delete(artefact.path)
    else:
        version.store.redact(artefact, staging)
    return True


def _is_whole(artefact: Artefact) -> bool:
    try:
        verify(artefact.path, artefact.manifest)
    except IntegrityError:
        return False
    return True


def _writes(version: Version) -> dict[str, Write]:
    """Returns how to write anew each file that holds an erased user; empty for none."""
    found = {name: _write(version, name) for name in sorted(version.artefact.manifest.files)}
    return {name: write for name, write in found.items() if write}


def _write(version: Version, name: str) -> Write | None:
    if name.endswith(".parquet"):
        return table_write(version, name)
    if name.endswith("model.safetensors") and version.artefact.manifest.kind == "als":
        return factors_write(version, name)
    if name.endswith("vectors.safetensors"):
        return vectors_write(version, name)
    if name == "snapshot.json":
        return _snapshot_write(version, name)
    return None  # models of items and reports: no person stands in them


def _snapshot_write(version: Version, name: str) -> Write | None:
    stored = version.artefact.json(name)
    now = snapshot_files(snapshot(version.home, stored["position"]))
    if now == stored:
        return None

    def write(target: Path) -> None:
        Staging(target.parent).write_json(target.name, now)

    return write


def _rewritten(version: Version, writes: dict[str, Write]) -> Staging:
    """Stages the version without the erased users; what holds none is not copied."""
    artefact = version.artefact
    staging = version.store.begin_redaction(artefact)
    try:
        staging.facts.update(artefact.facts)
        for name, record in artefact.manifest.files.items():
            target = staging.file(name)
            if name in writes:
                n_rows = writes[name](target)
            else:
                target.hardlink_to(artefact.path / name)
                n_rows = record.rows
            if record.rows is not None:
                staging.records[name] = FileRecord(0, "", n_rows, record.schema_hash)
        staging.facts.update(_facts(version, staging))
    except BaseException:
        version.store.abandon(staging)
        raise
    return staging


def _facts(version: Version, staging: Staging) -> dict[str, Any]:
    """Returns the facts that must go on fitting the rows: the two accounts."""
    if version.artefact.manifest.kind == "lake":
        position = version.artefact.facts["ledger_position"]
        return describe(snapshot(version.home, position))
    if version.artefact.manifest.kind != "clean_events":
        return {}
    accepted = int(version.input("lake").facts["accepted_events"])
    n_clean = pq.read_metadata(staging.file(f"{CLEAN_EVENTS.name}.parquet")).num_rows
    excluded = pl.read_parquet(staging.file(f"{EXCLUDED_EVENTS.name}.parquet"), columns=["reason"])
    by_reason = dict(excluded.group_by("reason").len().iter_rows())
    bot, opted_out = by_reason.get("bot", 0), by_reason.get("opted_out", 0)
    rest = accepted - n_clean - bot - opted_out
    return {"account": Account(accepted, n_clean, bot, opted_out, rest).as_facts()}
