"""Carries out the erasures that the tombstones ask for, in every file of a home."""

import shutil
from dataclasses import asdict, dataclass

import polars as pl
import pyarrow.parquet as pq

from assets.erasure import tables
from assets.erasure.artefacts import rewrite_artefacts
from assets.erasure.releases import rewrite_releases
from assets.ingest.event_index import EventIndex
from assets.ingest.lake_redaction import redact_lake, remove_strays
from assets.ingest.landed_redaction import redact_landing
from assets.ingest.ledger import open_ledger
from core.durable import flush_file
from core.erased_users import ErasedUsers
from core.home import Home
from core.home_lock import rewriting
from core.kill_points import reach
from core.redactions import newest, remove_superseded, version_of
from core.release_store import ReleaseStore
from core.settings import load_settings


@dataclass(frozen=True)
class Rewritten:
    """How much an erasure rewrote; never whose it was.

    Attributes:
        erasures: how many users it was for.
        landed_files: files of the landing zone.
        lake_files: files of the lake.
        artefacts: versions of artefacts.
        releases: releases.
    """

    erasures: int = 0
    landed_files: int = 0
    lake_files: int = 0
    artefacts: int = 0
    releases: int = 0

    def as_facts(self) -> dict[str, int]:
        """Returns the numbers as JSON values."""
        return asdict(self)


def carry_out(home: Home) -> Rewritten:
    """Rewrites whatever holds a user whose erasure is asked for and not yet carried out.

    Killed at any moment, the next call ends it: what is to be rewritten is found by looking, and
    the tombstones say that it is done only when it is. Waits for whatever is being made.

    Raises:
        IntegrityError: the tombstones, the ledger, or a version that must be rewritten is damaged.
    """
    log = ReleaseStore(home.releases).tombstones
    if not log.state().pending:
        return Rewritten()
    with rewriting(home):
        now = log.state()
        erased = ErasedUsers(now)
        _remove_litter(home)
        with open_ledger(home) as ledger:
            n_landed = redact_landing(ledger, erased, load_settings().ingest)
            n_lake = redact_lake(ledger, erased)
            n_artefacts = rewrite_artefacts(home, erased)
            n_releases = rewrite_releases(home, erased)
            _rewrite_truth(home, erased)
            remove_strays(ledger)
            EventIndex(home.lake, ledger.entries)  # opened, it drops what is of other rows
        reach("erasure_carried_out")
        log.note_rewrite(now.seq)
    return Rewritten(len(now.pending), n_landed, n_lake, n_artefacts, n_releases)


def _remove_litter(home: Home) -> None:
    """Removes what killed runs left: staged folders, and versions that a redaction replaced."""
    for root in (home.artefacts, ReleaseStore(home.releases).versions):
        for folder in root.rglob(".staging-*"):
            shutil.rmtree(folder)
        for folder in list(root.rglob("*+*")):
            if folder.is_dir():
                remove_superseded(newest(folder.with_name(version_of(folder))))


def _rewrite_truth(home: Home, erased: ErasedUsers) -> None:
    """Takes the users out of a synthetic world's truth."""
    for path in home.truth.glob("*.parquet"):
        if "user_id" not in pq.read_schema(path).names:
            continue
        if gone := tables.own_ids(path, erased):
            beside = path.with_name(f".erasing-{path.name}")
            rows = pl.read_parquet(path)
            rows.filter(~pl.col("user_id").is_in(gone)).write_parquet(beside)
            flush_file(beside)
            beside.replace(path)
