"""Brings a release to the location: its files first, each read back, its manifest last."""

from dataclasses import dataclass

from core.entry_log import file_name
from core.erasure_mark import check_rewritten, rewritten_through
from core.errors import IntegrityError, ReleaseConflict
from core.followed_log import check_is_copy
from core.followed_tombstones import copy_tombstones
from core.home import Home
from core.kill_points import reach
from core.manifest import NAME, Manifest, parse_manifest
from core.place import Place
from core.redactions import folder_name
from core.release_location import ReleaseLocation
from core.release_store import ReleaseStore
from core.verified_copy import has_bytes


@dataclass(frozen=True)
class Pushed:
    """What a push did: files and bytes sent, and files that were there with equal bytes."""

    release: str
    n_sent: int
    bytes_sent: int
    n_kept: int


def push_release(
    releases: ReleaseStore, location: ReleaseLocation, release: str, *, through: int | None = None
) -> Pushed:
    """Brings a stored release to the location; what is there with equal bytes is left alone.

    An interrupted push is ended by the next one. The log is not touched. Where the location has a
    later redaction nothing is sent, and what was on its way is removed: whoever was forgotten
    there does not come back. What the release replaces there is removed at once.

    Args:
        releases: the home's.
        location: where to bring it.
        release: its id.
        through: up to which tombstone its files forget; by default what the home's mark says.

    Raises:
        NotFound: there is no such release in the home.
        ReleaseConflict: an erasure went through the location, or is under way there, and has not
            been through this home; the release is not whole there.
        IntegrityError: it is damaged here, what was sent reads back as other bytes, or another
            content of the same id is there.
        OSError: the location can't be reached.
    """
    manifest = releases.manifest(release)
    pushed = Pushed(release, 0, 0, 0)
    if not _is_replaced(location, manifest):
        try:
            _check_forgotten(releases, location, through)
            pushed = _push(releases, location, manifest, through)
        except (IntegrityError, OSError, ReleaseConflict):
            if not _is_replaced(location, manifest):
                raise
    location.remove_superseded(release)
    return pushed


def _is_replaced(location: ReleaseLocation, manifest: Manifest) -> bool:
    there = location.redaction(manifest.version)
    return there is not None and there > manifest.redaction


def _check_forgotten(
    releases: ReleaseStore, location: ReleaseLocation, through: int | None
) -> None:
    """Raises ReleaseConflict where the location forgets somebody whom the home has not."""
    now = location.tombstones.state()
    if now.asked:
        if through is None:
            through = rewritten_through(Home(releases.root.parent), now)
        check_rewritten(through, now, location.erasures_begun())


def _push(
    releases: ReleaseStore, location: ReleaseLocation, manifest: Manifest, through: int | None
) -> Pushed:
    release = manifest.version
    local = releases.versions / folder_name(release, manifest.redaction)
    folder = location.folder(release, manifest.redaction)
    location.claim(manifest)
    n_sent = bytes_sent = 0
    for name, record in sorted(manifest.files.items()):
        if not has_bytes(folder, name, record):
            folder.put(name, local / name)
            if not has_bytes(folder, name, record):
                raise IntegrityError(
                    f"{folder}/{name} has other bytes than the manifest says: {local / name} is "
                    f"damaged, or was on its way; run `daybreak release verify {release}`"
                )
            n_sent += 1
            bytes_sent += record.bytes
        reach("push_file_sent")
    reach("push_files_sent")
    if _is_replaced(location, manifest):
        raise IntegrityError(f"{folder} was replaced while it was written; repeat")
    _check_forgotten(releases, location, through)
    is_new = _describe(folder, manifest, (local / NAME).read_bytes())
    reach("push_described")
    try:  # an erasure that came between may have looked before the manifest was there
        _check_forgotten(releases, location, through)
    except ReleaseConflict:
        if is_new:
            location.undescribe(release, manifest.redaction)
        raise
    return Pushed(release, n_sent, bytes_sent, len(manifest.files) - n_sent)


def _describe(folder: Place, manifest: Manifest, content: bytes) -> bool:
    """Makes a folder whole; returns False where it was."""
    if folder.create(NAME, content):
        return True
    there = parse_manifest(folder.read(NAME), f"{folder}/{NAME}")
    if there.content_hash != manifest.content_hash:
        raise IntegrityError(f"{folder}/{NAME} is of other content; it is left as it is")
    return False


def push_log(releases: ReleaseStore, location: ReleaseLocation) -> list[Pushed]:
    """Lets a location begin with what a home has: tombstones, stored releases and log.

    Nothing is decided anew: entries keep their numbers, and one is copied after its release.

    Raises:
        IntegrityError: the location has an entry that the home has not or has otherwise.
        NotFound, ReleaseConflict, OSError: as `push_release` does.
    """
    known, there = releases.log.entries(), location.log.entries()
    if len(there) > len(known) or known[: len(there)] != there:
        check_is_copy(releases.log, there, location)
        raise IntegrityError(
            f"the log at {location} has gone on to entry {len(there)}, this home's ends at "
            f"{len(known)}; run `daybreak release pull`"
        )
    copy_tombstones(releases.tombstones.folder, location.tombstones.folder)
    standing = releases.log.standing()
    waiting = set(releases.ids()) - set(standing.barred) - set(standing.retired)
    pushed = []
    for entry in known:
        if entry.release in waiting:
            waiting.discard(entry.release)
            pushed.append(push_release(releases, location, entry.release))
        if entry.seq > len(there):
            name = file_name(entry.seq)
            content = releases.log.folder.read(name)
            folder = location.log.folder
            if not folder.create(name, content) and folder.read(name) != content:
                raise IntegrityError(
                    f"another writer took entry {entry.seq} at {location}; this home belongs to "
                    "another location"
                )
    return pushed
