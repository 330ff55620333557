"""The releases and the log at a location that machines share.

<location>/log/00000001.json …           the release log: the truth
<location>/tombstones/…                  what may not be shown whatever the release
<location>/erasing/00000007              someone rewrites all for the erasures up to there
<location>/versions/…                    the releases; see `core/release_folders.py`
<location>/landing/…                     what servers took in; see `serving/intake/handing_over.py`
"""

import contextlib
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from core.entry_log import file_name
from core.errors import MachineFault
from core.place import Place, open_place
from core.release_folders import ReleaseFolders
from core.release_log import ReleaseLog
from core.release_settings import ReleaseSettings
from core.release_standing import ReleaseEntry
from core.release_store import ReleaseStore
from core.tombstone_log import TombstoneLog


class ReleaseLocation(ReleaseFolders):
    """Releases under a place, with their log and the tombstones.

    Every method raises OSError where the place can't be reached.
    """

    def __init__(self, place: Place) -> None:
        super().__init__(place.under("versions"))
        self.place = place
        self._log_files = place.under("log")
        self.log = ReleaseLog(self._log_files)
        self.tombstones = TombstoneLog(place.under("tombstones"))
        self._erasing = place.under("erasing")
        self.landing = place.under("landing")

    def __str__(self) -> str:
        return str(self.place)

    def age_of_entry(self, entry: ReleaseEntry) -> float:
        """Returns how many seconds ago an entry came, by its own word and by the place's clock.

        The later of the two counts, as the clock of whoever wrote it may be slow.
        """
        told = datetime.fromisoformat(entry.at).timestamp()
        return time.time() - max(told, self._log_files.modified(file_name(entry.seq)) or told)

    def begin_erasures(self, through: int) -> None:
        """Says that all releases are looked at from now on for the erasures up to a tombstone.

        It is said before the first look. So a release becomes whole either before the last look,
        and is seen, or behind this, and its pusher sees this.
        """
        self._erasing.create(f"{through:08d}", b"")

    def erasures_begun(self) -> int:
        """Returns up to which tombstone somebody has begun to rewrite all releases; 0 for none."""
        return max((int(name) for name in self._erasing.names() if name.isdecimal()), default=0)


def find_location(settings: ReleaseSettings) -> ReleaseLocation | None:
    """Returns the location that the settings name, or None; raises UsageError for a bad one."""
    return ReleaseLocation(open_place(settings.location)) if settings.location else None


def deciding_store(root: Path, location: ReleaseLocation | None) -> ReleaseStore:
    """Returns the releases under a folder with the logs that decide: the location's, if any."""
    releases = ReleaseStore(root)
    if location is not None:
        releases.log, releases.tombstones = location.log, location.tombstones
    return releases


@contextlib.contextmanager
def reaching(location: ReleaseLocation) -> Iterator[None]:
    """Makes every OSError a MachineFault that names the location."""
    try:
        yield
    except OSError as error:
        raise MachineFault(
            f"{location} can't be reached or written ({error.strerror or error}); what stands "
            "there stands, run again"
        ) from error
