"""The one release that is open beside the served one, for whoever compares."""

from core.errors import NotFound
from core.release_store import ReleaseStore
from serving.open_releases import OpenReleases
from serving.release import Release
from serving.web.inspector.releases import other_releases


class Beside:
    """Opens a release on demand and keeps it until another is asked for, or nobody asks.

    `open` takes seconds for a large release, for it is verified as a server verifies what it is
    going to serve: call it in a thread, and in one at a time.
    """

    def __init__(self, releases: ReleaseStore, opened: OpenReleases) -> None:
        self._releases = releases
        self._opened = opened
        self._kept: Release | None = None

    def open(self, name: str, served: str) -> Release:
        """Returns a release that `other_releases` lists, as its last rewriting has it.

        Raises:
            NotFound: it is not one of them.
            IntegrityError: it is damaged, or the log is.
        """
        if name not in {other.release for other in other_releases(self._releases, served)}:
            raise NotFound(f"release {name[:80]!r} is not kept here beside {served}")
        path = self._releases.path(name)
        release = self._kept
        if release is None or release.folder != path:
            release = self._kept = None  # first: two beside the served one are too many
            release = self._kept = self._opened.open(path)
        return release

    def close(self) -> None:
        """Lets go of the release, so that the disk gets its room back once it is deleted."""
        self._kept = None
