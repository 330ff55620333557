"""Carries out the erasures that the tombstones ask for, in every file of a home."""

import contextlib
import shutil
from dataclasses import asdict, astuple, dataclass

from assets.erasure.artefacts import rewrite_artefacts
from assets.erasure.releases import rewrite_releases
from assets.erasure.shared import bring, claiming, send
from assets.erasure.truth import rewrite_truth
from assets.ingest.event_index import EventIndex
from assets.ingest.lake_redaction import redact_lake, remove_strays
from assets.ingest.landed_redaction import redact_landing
from assets.ingest.ledger import open_ledger
from core.departure import ASIDE, STAGING
from core.erased_users import ErasedUsers
from core.erasure_mark import mark_rewritten, rewritten_through
from core.errors import ReleaseConflict
from core.followed_tombstones import copy_tombstones
from core.home import Home
from core.home_lock import rewriting
from core.kill_points import reach
from core.redactions import newest, remove_superseded, version_of
from core.release_copy import STAGING as PULLED
from core.release_copy import copying
from core.release_location import ReleaseLocation, deciding_store, reaching
from core.release_store import ReleaseStore
from core.settings import load_settings
from core.tombstones import Tombstones
from serving.deciding_location import deciding_location


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

    def __add__(self, more: "Rewritten") -> "Rewritten":
        """Returns both together."""
        return Rewritten(*(a + b for a, b in zip(astuple(self), astuple(more), strict=True)))

    def as_facts(self) -> dict[str, int]:
        """Returns the numbers as JSON values."""
        return asdict(self)


def carry_out(home: Home) -> Rewritten:
    """Rewrites whatever holds a user whose erasure is asked for and not yet carried out here.

    Where a location is set, or the home was filled from one, what stands there is rewritten too.
    Killed at any moment, the next call ends it: what is to be rewritten is found by looking, and
    the tombstones and the home say that it is done only when it is. Waits for whatever is being
    made.

    Raises:
        IntegrityError: the tombstones, the ledger, or a version that must be rewritten is damaged.
        MachineFault: the location can't be reached, or there is no room for what lies there alone.
    """
    location = deciding_location(home, load_settings().releases)
    releases = ReleaseStore(home.releases)
    log = deciding_store(home.releases, location).tombstones
    done = Rewritten()
    # Again where somebody asked meanwhile: another home may have forgotten them already, and this
    # one must not put what it rewrote before in the place of that.
    while (now := _followed(releases, location)).pending(rewritten_through(home, now)):
        with rewriting(home), copying(releases):
            try:
                done += _rewritten(home, releases, location, now)
            except ReleaseConflict:  # another home has begun later ones: those are to be done too
                continue
            reach("erasure_carried_out")
            log.note_rewrite(now.seq)
            reach("erasure_noted")
            mark_rewritten(home, now)
    return done


def _followed(releases: ReleaseStore, location: ReleaseLocation | None) -> Tombstones:
    """Returns what the tombstones amount to, once the home has those of the location."""
    if location is not None:
        with reaching(location):
            copy_tombstones(location.tombstones.folder, releases.tombstones.folder)
    return releases.tombstones.state()


def _rewritten(
    home: Home, releases: ReleaseStore, location: ReleaseLocation | None, now: Tombstones
) -> Rewritten:
    pending, erased = now.pending(rewritten_through(home, now)), ErasedUsers(now)
    if location:
        if _is_first(now):
            with reaching(location):
                location.begin_erasures(now.seq)
        bring(releases, location, all_of_them=_is_first(now))
    _remove_litter(home)
    with open_ledger(home) as ledger:
        limits = load_settings().ingest
        n_landed = redact_landing(ledger, erased, limits)
        n_lake = redact_lake(ledger, erased, limits)
        n_artefacts = rewrite_artefacts(home, erased)
        n_releases = _rewrite_releases(home, releases, location, now, erased)
        rewrite_truth(home, erased)
        remove_strays(ledger)
        EventIndex(home.lake, ledger.entries)  # opened, it drops what is of other rows
    return Rewritten(len(pending), n_landed, n_lake, n_artefacts, n_releases)


def _is_first(now: Tombstones) -> bool:
    """Returns whether no home has been through all that the location has yet."""
    return bool(now.pending(now.rewritten))


def _rewrite_releases(
    home: Home,
    releases: ReleaseStore,
    location: ReleaseLocation | None,
    now: Tombstones,
    erased: ErasedUsers,
) -> int:
    if location is None:
        return rewrite_releases(home, erased)
    n_rewritten = 0
    while True:
        n_rewritten += rewrite_releases(home, erased, claiming(location))
        send(releases, location, now.seq)
        if not bring(releases, location, all_of_them=_is_first(now)):
            return n_rewritten  # else another home was faster or has pushed: look at theirs


def _remove_litter(home: Home) -> None:
    """Removes what killed runs left: staged, deleted and damaged versions, and replaced ones."""
    for root in (home.artefacts, ReleaseStore(home.releases).versions):
        for prefix in (STAGING, PULLED, *ASIDE):
            for folder in list(root.rglob(f"{prefix}*")):
                while folder.exists():  # whoever clears up may be at it too
                    with contextlib.suppress(FileNotFoundError):
                        shutil.rmtree(folder)
        for folder in list(root.rglob("*+*")):
            if folder.is_dir():
                remove_superseded(newest(folder.with_name(version_of(folder))))
