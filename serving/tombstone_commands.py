"""What `daybreak takedown`, `optout` and `erase` do at once, as functions that return dicts."""

import contextlib
import unicodedata
from collections.abc import Iterator
from typing import Any

from core.errors import NotFound, UsageError
from core.followed_tombstones import copy_tombstones
from core.home import Home
from core.ids import MAX_ID_BYTES, check_utf8
from core.release_location import deciding_store
from core.release_store import ReleaseStore
from core.settings import load_settings
from core.tombstone_log import TombstoneLog
from serving.deciding_location import deciding_location
from serving.release import Release


def take_down(
    home: Home, item_id: str, *, undo: bool = False, force: bool = False
) -> dict[str, Any]:
    """Hides an item at once, whatever the release; returns item_id, hidden, changed and seq.

    Args:
        home: where the releases lie.
        item_id: the item.
        undo: show it again.
        force: take down an item that the current release does not know.

    Raises:
        UsageError: the id can't be one.
        NotFound: the current release does not know the item.
        IntegrityError: the tombstone log, or the release, is damaged.
    """
    item_id = _as_stored(item_id, "item")
    releases = ReleaseStore(home.releases)
    if not (undo or force):
        _check_known(releases, item_id)
    with _deciding(home) as tombstones:
        now, changed = tombstones.take_down(item_id, undo=undo)
    return {"item_id": item_id, "hidden": not undo, "changed": changed, "seq": now.seq}


def opt_out(home: Home, user_id: str, *, undo: bool = False) -> dict[str, Any]:
    """Answers a user as a stranger at once; returns opted_out, changed and seq, never the id.

    Raises:
        UsageError: the id can't be one.
        IntegrityError: the tombstone log is damaged.
    """
    with _deciding(home) as tombstones:
        now, changed = tombstones.opt_out(_as_stored(user_id, "user"), undo=undo)
    return {"opted_out": not undo, "changed": changed, "seq": now.seq}


def erase(home: Home, user_id: str) -> dict[str, Any]:
    """Answers a user as a stranger for ever; returns changed and seq, never the id.

    Raises:
        UsageError: the id can't be one.
        IntegrityError: the tombstone log is damaged.
    """
    with _deciding(home) as tombstones:
        now, changed = tombstones.erase(_as_stored(user_id, "user"))
    return {"changed": changed, "seq": now.seq}


@contextlib.contextmanager
def _deciding(home: Home) -> Iterator[TombstoneLog]:
    """Yields the tombstones that decide, the location's if any; then this home has them."""
    location = deciding_location(home, load_settings().releases)
    yield deciding_store(home.releases, location).tombstones
    if location is not None:
        local = ReleaseStore(home.releases).tombstones
        copy_tombstones(location.tombstones.folder, local.folder)


def _as_stored(text: str, what: str) -> str:
    """Returns an id as ingest stores it: NFC, trimmed."""
    found = unicodedata.normalize("NFC", check_utf8(text, f"the {what}'s id")).strip()
    if not found:
        raise UsageError(f"the {what}'s id is empty; give it as it stands in the events")
    if len(found.encode()) > MAX_ID_BYTES:
        raise UsageError(f"the {what}'s id is longer than {MAX_ID_BYTES} bytes, so it can't be one")
    return found


def _check_known(releases: ReleaseStore, item_id: str) -> None:
    current = releases.log.current()
    if current is None:
        raise NotFound("no release stands, so no item is known; repeat with --force")
    release = Release.load(releases.path(current))
    try:
        if release.item_num(item_id) is None:
            raise NotFound(
                f"release {current} has no item {item_id[:80]!r}; check the id, or repeat with "
                "--force to take it down before it comes"
            )
    finally:
        release.close()
