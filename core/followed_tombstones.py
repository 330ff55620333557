"""The tombstones of the location and of a home: copied whole, in order, before anything else.

Whoever has the secret can tell whether a user they know of is hidden; that is why it travels with
the tombstones to where releases live, and nowhere else.
"""

from core.entry_log import EntryFolder
from core.errors import IntegrityError
from core.tombstone_log import SECRET


def copy_tombstones(source: EntryFolder, target: EntryFolder) -> int:
    """Copies the secret and the entries that the target lacks; returns how many files.

    Raises:
        IntegrityError: the target has what the source has not, or has it otherwise.
        OSError: one of the two can't be reached.
    """
    there, here = _names(source), _names(target)
    if more := sorted(set(here) - set(there)):
        raise IntegrityError(
            f"{target} has {more[0]}, which {source} has not; if that place is to begin with "
            "what this home has, run `daybreak release push`"
        )
    missing = [name for name in there if name not in here]
    if missing and here:
        _check_equal(source, target, here[-1])
        _check_equal(source, target, here[0])
    for name in missing:
        if not target.create(name, source.read(name)):
            _check_equal(source, target, name)  # another process of this home copied it
    return len(missing)


def _names(folder: EntryFolder) -> list[str]:
    """Returns the secret, then the entries in order."""
    found = sorted(name for name in folder.names() if not name.startswith("."))
    return sorted(found, key=lambda name: name != SECRET)


def _check_equal(source: EntryFolder, target: EntryFolder, name: str) -> None:
    if source.read(name) != target.read(name):
        raise IntegrityError(
            f"{target}/{name} is not that of {source}: this home's tombstones belong to another "
            "location; use another home"
        )
