"""The releases and the log at a location that machines share.

    <location>/log/00000001.json …           the release log: the truth
    <location>/tombstones/…                  what may not be shown whatever the release
    <location>/versions/<release>/…          a release's files
    <location>/versions/<release>/manifest.json   written last: no manifest, no version

A release's name is claimed before its first file is written, so that two builds of one id can't
write over each other.
"""

import json
import time
from datetime import datetime
from pathlib import Path

from core.entry_log import file_name
from core.errors import IntegrityError, NotFound
from core.ids import canonical_json, safe_name
from core.manifest import NAME, Manifest, parse_manifest
from core.place import Place, open_place
from core.release_log import ReleaseLog
from core.release_settings import ReleaseSettings
from core.release_standing import ReleaseEntry
from core.release_store import ReleaseStore, check_owner
from core.tombstone_log import TombstoneLog

CLAIM = "claim.json"
"""Says which content a release's folder is for; written first."""


class ReleaseLocation:
    """Releases under a place, and their log.

    Every method raises OSError where the place can't be reached.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self._log_files = place.under("log")
        self.log = ReleaseLog(self._log_files)
        self.tombstones = TombstoneLog(place.under("tombstones"))
        self._versions = place.under("versions")

    def __str__(self) -> str:
        return str(self.place)

    def files(self, release: str) -> Place:
        """Returns the folder of a release; raises UnsafeName for a name that could leave it."""
        return self._versions.under(safe_name(release))

    def ids(self) -> list[str]:
        """Returns every release that has anything there, whole or not, ascending."""
        return sorted(name for name in self._versions.names() if not name.startswith("."))

    def holds(self, release: str) -> bool:
        """Returns whether a release is whole there: whether it has its manifest."""
        return self.files(release).size(NAME) is not None

    def age_of_entry(self, entry: ReleaseEntry) -> float:
        """Returns how many seconds ago an entry came, by its own word and by the place's clock.

        The later of the two counts, as the clock of whoever wrote it may be slow.
        """
        told = datetime.fromisoformat(entry.at).timestamp()
        return time.time() - max(told, self._log_files.modified(file_name(entry.seq)) or told)

    def age_seconds(self, release: str) -> float:
        """Returns how long ago anything of a release was last written there."""
        folder = self.files(release)
        names = {"", *folder.names(), *self._claimed(release)}
        moments = [moment for name in names if (moment := folder.modified(name)) is not None]
        return time.time() - max(moments, default=0.0)

    def manifest(self, release: str) -> tuple[Manifest, bytes]:
        """Returns a release's manifest, and its bytes as they are there.

        Raises:
            NotFound: there is no such release.
            IntegrityError: it is damaged, or another release's.
        """
        folder = self.files(release)
        try:
            content = folder.read(NAME)
        except FileNotFoundError:
            raise NotFound(f"there is no release {release} at {self}") from None
        manifest = parse_manifest(content, f"{folder}/{NAME}")
        check_owner(manifest, release, f"{folder}/{NAME}")
        return manifest, content

    def claim(self, manifest: Manifest) -> None:
        """Claims a release's name for one content.

        Raises:
            IntegrityError: another content has it.
        """
        folder = self.files(manifest.version)
        wanted = canonical_json({"content": manifest.content_hash, "files": sorted(manifest.files)})
        if not folder.create(CLAIM, wanted) and folder.read(CLAIM) != wanted:
            raise IntegrityError(
                f"{folder} was begun by a build of the same id with other content; find the "
                f"unseeded step, or run under another root seed"
            )

    def remove(self, release: str) -> None:
        """Removes a release, or what a push left of one: its manifest first, its claim last.

        Nobody begins to read a release without a manifest, and a removal that was interrupted
        finds in the claim what is left to remove.
        """
        folder = self.files(release)
        folder.remove(NAME)
        for name in self._claimed(release):
            folder.remove(name)
        folder.remove(CLAIM)

    def _claimed(self, release: str) -> list[str]:
        try:
            return list(json.loads(self.files(release).read(CLAIM))["files"])
        except FileNotFoundError:
            return []


def find_location(settings: ReleaseSettings) -> ReleaseLocation | None:
    """Returns the location that the settings name, or None; raises UsageError for a bad one."""
    return ReleaseLocation(open_place(settings.location)) if settings.location else None


def deciding_store(root: Path, location: ReleaseLocation | None) -> ReleaseStore:
    """Returns the releases under a folder with the logs that decide: the location's, if any."""
    releases = ReleaseStore(root)
    if location is not None:
        releases.log, releases.tombstones = location.log, location.tombstones
    return releases
