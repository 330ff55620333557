"""Where releases lie, for everyone who reads them; needs no table library."""

from pathlib import Path

from core.errors import IntegrityError, NotFound
from core.ids import safe_name
from core.manifest import NAME, Manifest, read_manifest, verify
from core.redactions import folder_name, newest, version_of
from core.release_log import ReleaseLog
from core.tombstone_log import TombstoneLog

KIND = "release"


class ReleaseStore:
    """Release versions under `<root>/versions/<release>/` and their log under `<root>/log/`.

    Under `<root>/tombstones/` lies what may not be shown whatever the release.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.versions = root / "versions"
        self.log = ReleaseLog(root / "log")
        self.tombstones = TombstoneLog(root / "tombstones")

    def ids(self) -> list[str]:
        """Returns every stored release, logged or not, ascending."""
        return sorted({version_of(path.parent) for path in self.versions.glob(f"[!.]*/{NAME}")})

    def path(self, release: str) -> Path:
        """Returns a release's folder; that of its last redaction, where it has one.

        Raises:
            NotFound: there is none of that name.
            UnsafeName: the name could leave the folder.
        """
        folder = newest(self.versions / safe_name(release))
        if not folder.is_dir():
            raise NotFound(f"there is no release {release}; see `daybreak release list`")
        return folder

    def manifest(self, release: str) -> Manifest:
        """Returns a release's manifest, its own checksum checked but not yet its files.

        Raises:
            NotFound: there is no such release.
            IntegrityError: the manifest is damaged, or is another release's.
        """
        return own_manifest(self.path(release))

    def verify(self, release: str) -> Manifest:
        """Checks every byte of a release; returns its manifest.

        Raises:
            NotFound: there is no such release.
            IntegrityError: naming the first file that is damaged, missing or unlisted.
        """
        manifest = self.manifest(release)
        verify(self.path(release), manifest)
        return manifest


def own_manifest(folder: Path) -> Manifest:
    """Returns the manifest of a release's folder; raises IntegrityError if it is another's."""
    manifest = read_manifest(folder)
    check_owner(manifest, version_of(folder), folder / NAME)
    if folder.name != folder_name(manifest.version, manifest.redaction):
        raise IntegrityError(
            f"{folder / NAME} is of redaction {manifest.redaction}; restore or rebuild it"
        )
    return manifest


def check_owner(manifest: Manifest, release: str, path: object) -> None:
    """Raises IntegrityError if a manifest, found at `path`, is not that release's own."""
    if manifest.kind != KIND or manifest.version != release:
        raise IntegrityError(
            f"{path} is of {manifest.kind} {manifest.version}, not of release {release}; "
            f"restore or rebuild it"
        )
