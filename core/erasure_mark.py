"""Up to which tombstone a home's own files are rewritten, noted in the home itself.

Several homes may share one tombstone log, each with a lake of its own, and a home may be restored
from a backup that is older than the log: what was done to its files must travel with them.
"""

import json

from core.durable import replace_file
from core.errors import ReleaseConflict
from core.home import Home
from core.ids import canonical_json
from core.tombstones import Tombstones


def rewritten_through(home: Home, tombstones: Tombstones) -> int:
    """Returns the last entry whose erasure the home's files went through; 0 for none.

    A mark that is damaged, or of another log, counts as none: then every file is looked at again.
    """
    try:
        mark = json.loads(home.rewritten.read_bytes())
        return int(mark["through"]) if mark["secret"] == _log_of(tombstones) else 0
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return 0


def mark_rewritten(home: Home, tombstones: Tombstones) -> None:
    """Notes that the home's files went through all erasures of a state; OSError if it can't."""
    mark = {"through": tombstones.seq, "secret": _log_of(tombstones)}
    replace_file(home.rewritten, canonical_json(mark) + b"\n")


def check_rewritten(through: int, tombstones: Tombstones, begun: int) -> None:
    """Checks that files may be shared: that no erasure went through the shared ones without them.

    Args:
        through: the last entry whose erasure the files went through.
        tombstones: what the shared log amounts to.
        begun: up to which entry somebody has begun to rewrite what is shared.

    Raises:
        ReleaseConflict: they may hold a user whom the shared files forget.
    """
    reached = max(begun, tombstones.rewritten)
    behind = sum(through < seq <= reached for seq in tombstones.asked.values())
    if behind:
        raise ReleaseConflict(
            f"this home has yet to forget {behind} of the users whom the shared releases forget, "
            "and must bring none of them back: run `daybreak run` or `daybreak erase USER --now` "
            "here, then repeat"
        )


def _log_of(tombstones: Tombstones) -> str:
    """Returns what tells one log from another: the name of its secret."""
    return tombstones.secret.name if tombstones.secret else ""
