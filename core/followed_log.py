"""A home's release log as a copy of the location's: it grows only by entries copied in order."""

from collections.abc import Sequence, Set

from core.entry_log import file_name
from core.errors import IntegrityError
from core.kill_points import reach
from core.release_location import ReleaseLocation
from core.release_log import ReleaseLog
from core.release_standing import ReleaseEntry, Standing


def check_is_copy(
    local: ReleaseLog, entries: Sequence[ReleaseEntry], location: ReleaseLocation
) -> int:
    """Returns how many entries the local log has; all of them are the location's.

    Raises:
        IntegrityError: it has an entry that the location has not, or it is damaged.
    """
    known = local.entries()
    for mine, theirs in zip(known, entries, strict=False):
        if mine != theirs:
            raise IntegrityError(
                f"entry {mine.seq} of {local.folder} is not that of {location}: this home's "
                "releases belong to another location; use another home"
            )
    if len(known) > len(entries):
        raise IntegrityError(
            f"the log at {location} ends at entry {len(entries)}, this home's at {len(known)}; "
            "if that location is to begin with what this home has, run `daybreak release push`"
        )
    return len(known)


def show_entries(
    local: ReleaseLog, location: ReleaseLocation, here: Set[str], refused: Set[str] = frozenset()
) -> int:
    """Copies as much of the location's log as readers here may see; returns how many entries.

    Args:
        local: the home's.
        location: whose log is the truth.
        here: the releases that lie in the home.
        refused: releases that can't be had, so that nobody waits for them.

    Raises:
        IntegrityError: the local log is not a copy of the location's, or one is damaged.
        OSError: the location can't be reached, or the disk failed.
    """
    entries = location.log.entries()
    have = check_is_copy(local, entries, location)
    last = last_to_show(entries, have, here, refused)
    for seq in range(have + 1, last + 1):
        content = location.log.folder.read(file_name(seq))
        if not local.folder.create(file_name(seq), content):
            check_is_copy(local, entries, location)  # another process of this home copied it
        reach("entry_copied")
    return last - have


def last_to_show(
    entries: Sequence[ReleaseEntry], shown: int, here: Set[str], refused: Set[str]
) -> int:
    """Returns up to which entry the log may be shown, at least `shown`.

    That is the last entry after which the current release is one that is here: a reader must find
    what the log names, and a rollback to what is here need not wait for what is still to come.
    Where the current one can't be had, the best of the others takes its place.
    """
    if not here:
        return shown
    for last in range(len(entries), shown, -1):
        standing = [entry.release for entry in Standing.after(entries[:last]).candidates]
        best = next((name for name in standing if name not in refused), None)
        if not standing or best in here:
            return last
    return shown
