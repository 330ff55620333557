"""A process that forgets a user in a home and at the location, as `daybreak erase --now` does."""

import os
from pathlib import Path

from assets.erasure.stage import carry_out
from core.home import Home
from serving.tombstone_commands import erase


def forget(root: Path, location: str, *users: str) -> None:
    """Asks for the erasures at the location and carries them out there and in a home."""
    os.environ["DAYBREAK_RELEASES__LOCATION"] = location
    for user in users:
        erase(Home(root), user)
    carry_out(Home(root))
