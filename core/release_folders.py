"""The folders of releases at a place that machines share.

    <place>/<release>/claim.json         which content the folder is for; written first
    <place>/<release>/…                  a release's files
    <place>/<release>/manifest.json      written last: no manifest, no version
    <place>/<release>+1/…                the same rewritten to forget someone, then `+2`

The highest redaction that is whole is the release, as in a home; what it replaces is removed at
once. A folder is claimed before its first file is written, so that two builds of one id, or two
homes that forget someone at once, can't write over each other. A folder whose name no release can
have is left alone.
"""

import contextlib
import dataclasses
import time

from core.errors import IntegrityError, NotFound, UnsafeName
from core.ids import canonical_json, safe_name
from core.kill_points import reach
from core.manifest import NAME, Manifest, parse_manifest
from core.place import Place
from core.redactions import folder_name, redaction_of, safe_folder
from core.release_store import check_owner

CLAIM = "claim.json"
"""Says which content a release's folder is for; written first."""


class ReleaseFolders:
    """Releases right under a place.

    Every method raises OSError where the place can't be reached.
    """

    def __init__(self, versions: Place) -> None:
        self._versions = versions

    def folder(self, release: str, redaction: int) -> Place:
        """Returns the folder of one redaction; raises UnsafeName for a name that could leave it."""
        return self._versions.under(folder_name(safe_name(release), redaction))

    def files(self, release: str) -> Place:
        """Returns the folder of a release's last whole redaction; the plain one without any."""
        return self.folder(release, self.redaction(release) or 0)

    def ids(self) -> list[str]:
        """Returns every release that has anything there, whole or not, ascending."""
        return sorted(self._folders())

    def redaction(self, release: str) -> int | None:
        """Returns how often a release was rewritten, by its last whole folder; None without one."""
        return self._last_whole(release, self._folders().get(safe_name(release), []))

    def redactions(self) -> dict[str, int]:
        """Returns the releases that were rewritten there and how often."""
        last = {
            name: self._last_whole(name, found)
            for name, found in self._folders().items()
            if max(found)
        }
        return {name: number for name, number in last.items() if number}

    def holds(self, release: str) -> bool:
        """Returns whether a release is whole there: whether it has its manifest."""
        return self.redaction(release) is not None

    def age_seconds(self, release: str) -> float:
        """Returns how long ago anything of a release was last written there."""
        folders = [self.folder(release, n) for n in self._folders().get(release, [])]
        moments = [
            moment
            for folder in folders
            for name in ("", *folder.everything())
            if (moment := folder.modified(name)) is not None
        ]
        return time.time() - max(moments, default=0.0)

    def manifest(self, release: str) -> tuple[Manifest, bytes]:
        """Returns a release's manifest, and its bytes as they are there.

        Raises:
            NotFound: there is no such release.
            IntegrityError: it is damaged, or another release's.
        """
        while (number := self.redaction(release)) is not None:
            folder = self.folder(release, number)
            try:
                content = folder.read(NAME)
            except FileNotFoundError:  # replaced or removed at this moment: look again
                continue
            manifest = parse_manifest(content, f"{folder}/{NAME}")
            check_owner(manifest, release, f"{folder}/{NAME}")
            if manifest.redaction != number:
                raise IntegrityError(
                    f"{folder}/{NAME} is of redaction {manifest.redaction}; remove that folder"
                )
            return manifest, content
        raise NotFound(f"there is no release {release} at {self}")

    def claim(self, manifest: Manifest) -> None:
        """Claims a release's folder for one content.

        Raises:
            IntegrityError: another content has it.
        """
        if not self._is_claimed_for(manifest):
            raise IntegrityError(
                f"{self.folder(manifest.version, manifest.redaction)} was begun by a build of the "
                "same id with other content; find the unseeded step, or run under another root seed"
            )

    def claim_redaction(self, manifest: Manifest) -> Manifest:
        """Claims the first free folder for a rewritten release; returns the manifest of that one.

        A folder that another home has begun and not ended is passed over, for that home may be
        dead.
        """
        while not self._is_claimed_for(manifest):
            manifest = dataclasses.replace(manifest, redaction=manifest.redaction + 1)
        reach("redaction_claimed")
        return manifest

    def undescribe(self, release: str, redaction: int) -> None:
        """Makes a folder one of no release again; its files stay for the next push, or the gc."""
        self.folder(release, redaction).remove(NAME)

    def remove(self, release: str) -> None:
        """Removes a release, or what a push left of one, the last redaction last.

        Nobody begins to read a folder without a manifest, and what was interrupted can be
        repeated.
        """
        for number in self._folders().get(safe_name(release), []):
            self._remove(release, number)

    def remove_superseded(self, release: str) -> None:
        """Removes what the last whole redaction of a release replaced; may be repeated."""
        found = self._folders().get(safe_name(release), [])
        last = self._last_whole(release, found) or 0
        for number in found:
            if number < last:
                self._remove(release, number)

    def _remove(self, release: str, redaction: int) -> None:
        folder = self.folder(release, redaction)
        folder.remove(NAME)
        reach("shared_folder_undescribed")
        for name in sorted(folder.everything(), key=lambda name: name == CLAIM):
            folder.remove(name)
        reach("shared_folder_removed")

    def _is_claimed_for(self, manifest: Manifest) -> bool:
        folder = self.folder(manifest.version, manifest.redaction)
        wanted = canonical_json({"content": manifest.content_hash, "files": sorted(manifest.files)})
        while not folder.create(CLAIM, wanted):
            try:
                return folder.read(CLAIM) == wanted
            except FileNotFoundError:  # the folder was removed at this moment: claim it again
                continue
        return True

    def _folders(self) -> dict[str, list[int]]:
        """Returns by release the redactions that have anything there, ascending."""
        found: dict[str, list[int]] = {}
        for name in self._versions.names():
            with contextlib.suppress(UnsafeName):  # no release's: what else lies there is let be
                safe_folder(name)
                found.setdefault(name.partition("+")[0], []).append(redaction_of(name))
        return {name: sorted(numbers) for name, numbers in found.items()}

    def _last_whole(self, release: str, redactions: list[int]) -> int | None:
        for number in reversed(redactions):
            if self.folder(release, number).size(NAME) is not None:
                return number
        return None
