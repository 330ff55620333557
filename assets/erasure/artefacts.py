"""Rewrites the stored artefacts that hold an erased user, file by file, by what each file is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from assets.cleaning.exclusion import Account
from assets.erasure import tables
from assets.erasure.tables import Rows
from assets.ingest.snapshot import snapshot
from assets.ingest.stage import describe, snapshot_files
from core.artefact import Artefact
from core.erased_users import ErasedUsers, whole_words
from core.errors import IntegrityError, NotFound
from core.home import Home
from core.manifest import FileRecord, verify
from core.schemas import CLEAN_EVENTS, EXCLUDED_EVENTS, EXPLANATIONS, LISTS, TABLES, USERS
from core.staging import Staging
from core.store import Store
from core.tables import write_batches
from training.als import AlsModel
from training.export import load_arrays, save_arrays
from training.fitted import load_model, save_model

_TEXTS = (".html", ".json", ".md", ".txt")
_FIRST = ("lake", "clean_events")
"""Kinds that others' rewriting looks at."""
Write = Callable[[Path], int | None]
"""Writes a file anew; returns its rows where it is a table."""


def rewrite_artefacts(home: Home, erased: ErasedUsers) -> int:
    """Rewrites every version of every kind that holds an erased user; returns how many.

    Raises:
        IntegrityError: a version that must be rewritten is damaged, or lacks what it refers to.
    """
    store = Store(home.artefacts)
    n_rewritten = 0
    for artefact in _stored(store):
        rewriter = Rewriter(home, store, artefact, erased)
        if writes := rewriter.writes():
            verify(artefact.path, artefact.manifest)
            rewriter.rewrite(writes)
            n_rewritten += 1
    return n_rewritten


def _stored(store: Store) -> Iterator[Artefact]:
    found = sorted(path.name for path in store.root.glob("*") if path.is_dir())
    for kind in sorted(found, key=lambda name: (name not in _FIRST, name != "lake", name)):
        for folder in sorted(path for path in (store.root / kind).glob("*") if path.is_dir()):
            yield from store.versions(kind, folder.name)


@dataclass(frozen=True)
class Rewriter:
    """One version on its way to forget someone."""

    home: Home
    store: Store
    artefact: Artefact
    erased: ErasedUsers

    def writes(self) -> dict[str, Write]:
        """Returns how to write anew each file that holds an erased user; empty for none."""
        found = {}
        for name in sorted(self.artefact.manifest.files):
            path = self.artefact.path / name
            write: Write | None = None
            if name.endswith(".parquet"):
                write = self._table(name, path)
            elif name.endswith("model.safetensors") and self.artefact.manifest.kind == "als":
                write = self._factors(path)
            elif name.endswith("vectors.safetensors"):
                write = self._vectors(path)
            elif name == "snapshot.json":
                write = self._snapshot(path)
            elif name.endswith(_TEXTS):
                write = self._text(path)
            if write:
                found[name] = write
        return found

    def rewrite(self, writes: dict[str, Write]) -> Artefact:
        """Writes the version anew and puts it in the old one's place."""
        staging = self.store.begin_redaction(self.artefact)
        staging.facts.update(self.artefact.facts)
        for name, record in self.artefact.manifest.files.items():
            target = staging.file(name)
            if name in writes:
                n_rows = writes[name](target)
            else:
                target.hardlink_to(self.artefact.path / name)
                n_rows = record.rows
            if record.rows is not None:
                staging.records[name] = FileRecord(0, "", n_rows, record.schema_hash)
        staging.facts.update(self._facts(staging))
        return self.store.redact(self.artefact, staging)

    def _table(self, name: str, path: Path) -> Write | None:
        columns = pq.read_schema(path).names
        if "user_id" in columns:
            gone = tables.own_ids(path, self.erased)
            if name == f"{USERS.name}.parquet":
                return self._users(path) if gone else None
            rows = lambda: tables.without(path, "user_id", gone)  # noqa: E731  # read when written
        elif "user_num" in columns:
            gone_nums = self._gone_nums()
            if not _holds(path, "user_num", gone_nums):
                return None
            return self._written(name, path, lambda: tables.without(path, "user_num", gone_nums))
        elif name == f"{EXPLANATIONS.name}.parquet":
            return self._sentences(name, path)
        elif columns == ["event_id", "level"]:
            return self._held_out(name, path)
        else:
            return None
        return self._written(name, path, rows) if gone else None

    def _written(self, name: str, path: Path, rows: Callable[[], Rows]) -> Write:
        schema = pq.read_schema(path)
        table = TABLES.get(Path(name).stem)
        record = self.artefact.manifest.files[name]

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

    def _users(self, path: Path) -> Write:
        def write(target: Path) -> int:
            blanked = tables.blanked(pl.read_parquet(path), self.erased)
            return write_batches([blanked.to_arrow()], USERS, target)

        return write

    def _sentences(self, name: str, path: Path) -> Write | None:
        lists = self.artefact.path / f"{LISTS.name}.parquet"
        keys = kept_keys(lists, self.erased)
        if not tables.unheard(path, keys):
            return None
        return self._written(name, path, lambda: tables.silenced(path, keys))

    def _held_out(self, name: str, path: Path) -> Write | None:
        if not pq.read_metadata(path).num_rows:
            return None
        clean = self._input("clean_events").table_path(CLEAN_EVENTS)
        gone = tables.own_ids(clean, self.erased)
        rows = pl.scan_parquet(clean).filter(~pl.col("user_id").is_in(gone)).select("event_id")
        kept = rows.collect(engine="streaming")["event_id"]
        if not _holds_others(path, "event_id", kept):
            return None
        return self._written(name, path, lambda: tables.only(path, "event_id", kept))

    def _factors(self, path: Path) -> Write | None:
        nums = self._gone_nums()
        model = load_model(path, AlsModel)
        if not nums or not model.user_factors[nums].any():
            return None

        def write(target: Path) -> None:
            factors = model.user_factors.copy()
            factors[nums] = 0
            save_model(AlsModel(factors, model.item_factors), target)

        return write

    def _vectors(self, path: Path) -> Write | None:
        users = path.with_name("users.parquet")
        if not tables.own_ids(users, self.erased):
            return None
        kept = ~self.erased.own(pl.read_parquet(users, columns=["user_id"])["user_id"])

        def write(target: Path) -> None:
            arrays = load_arrays(path)
            save_arrays({**arrays, "users": arrays["users"][kept.to_numpy()]}, target)

        return write

    def _snapshot(self, path: Path) -> Write | None:
        stored = self.artefact.json(path.name)
        now = snapshot_files(snapshot(self.home, stored["position"]))
        if now == stored:
            return None

        def write(target: Path) -> None:
            staging = Staging(target.parent)
            staging.write_json(target.name, now)

        return write

    def _text(self, path: Path) -> Write | None:
        content = path.read_text(encoding="utf-8")
        if not (names := self.erased.names_in(pl.Series([content]))):
            return None

        def write(target: Path) -> None:
            pattern = whole_words(names)
            redacted = content
            while (cut := pl.Series([redacted]).str.replace_all(f"({pattern})", "erased"))[
                0
            ] != redacted:
                redacted = cut[0]
            target.write_text(redacted, encoding="utf-8")

        return write

    def _facts(self, staging: Staging) -> dict[str, Any]:
        """Returns the facts that must go on fitting the rows: the two accounts."""
        if self.artefact.manifest.kind == "lake":
            position = self.artefact.facts["ledger_position"]
            return describe(snapshot(self.home, position))
        if self.artefact.manifest.kind != "clean_events":
            return {}
        accepted = int(self._input("lake").facts["accepted_events"])
        n_clean = pq.read_metadata(staging.file(f"{CLEAN_EVENTS.name}.parquet")).num_rows
        excluded = pl.read_parquet(
            staging.file(f"{EXCLUDED_EVENTS.name}.parquet"), columns=["reason"]
        )
        by_reason = dict(excluded.group_by("reason").len().iter_rows())
        bot, opted_out = by_reason.get("bot", 0), by_reason.get("opted_out", 0)
        rest = accepted - n_clean - bot - opted_out
        return {"account": Account(accepted, n_clean, bot, opted_out, rest).as_facts()}

    def _gone_nums(self) -> list[int]:
        return tables.gone_nums(self._input("users").table_path(USERS), self.erased)

    def _input(self, kind: str) -> Artefact:
        manifest = self.artefact.manifest
        try:
            return self.store.version(kind, manifest.as_of, manifest.inputs[kind])
        except (KeyError, NotFound) as error:
            raise IntegrityError(
                f"{self.artefact.path} cannot be rewritten without the {kind} that it was made "
                "from; remove that folder and repeat"
            ) from error


def kept_keys(lists: Path, erased: ErasedUsers) -> pl.Series:
    """Returns the keys of the sentences on the lists of users who are not erased."""
    gone = tables.own_ids(lists, erased)
    rows = pl.scan_parquet(lists).filter(~pl.col("user_id").is_in(gone)).select("explanation_key")
    return rows.unique().collect(engine="streaming")["explanation_key"]


def _holds(path: Path, column: str, values: list[int]) -> bool:
    rows = pl.scan_parquet(path).select(pl.col(column).is_in(values).any())
    return bool(values) and bool(rows.collect(engine="streaming").item())


def _holds_others(path: Path, column: str, values: pl.Series) -> bool:
    others = pl.scan_parquet(path).join(values.to_frame(column).lazy(), on=column, how="anti")
    return bool(others.select(pl.len()).collect(engine="streaming").item())
