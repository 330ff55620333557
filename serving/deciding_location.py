"""Where what is decided in a home is written: a copy of a log must not go on by itself."""

from core.durable import replace_file
from core.errors import IntegrityError
from core.home import Home
from core.place import open_place
from core.release_location import ReleaseLocation, find_location
from core.release_settings import ReleaseSettings

_ORIGIN = "origin"


def deciding_location(home: Home, settings: ReleaseSettings) -> ReleaseLocation | None:
    """Returns the location whose logs decide for a home; None where its own do.

    That is the one that is set, or else the one that the home was last filled from by name.

    Raises:
        UsageError: it is not there.
        IntegrityError: the note of where the home was filled from is damaged.
    """
    if location := find_location(settings):
        return location
    path = home.releases / _ORIGIN
    try:
        return ReleaseLocation(open_place(path.read_text("utf-8").rstrip("\n")))
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise IntegrityError(
            f"{path} is no UTF-8 text; repeat `daybreak release pull --from` to write it anew"
        ) from error


def note_origin(home: Home, location: ReleaseLocation) -> None:
    """Notes where a home is filled from; raises OSError where that can't be written."""
    replace_file(home.releases / _ORIGIN, f"{location}\n".encode())
