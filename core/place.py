"""Where shared files lie: a folder on a disk or a prefix in a bucket, behind one set of verbs."""

from pathlib import Path
from typing import Protocol

from core.entry_log import EntryFolder
from core.errors import UsageError


class Place(EntryFolder, Protocol):
    """A folder of files that are each whole or absent.

    Every method raises OSError where the place can't be reached or refuses.
    """

    def under(self, name: str) -> "Place":
        """Returns the folder of that name within this one, there or not.

        Raises:
            UnsafeName: the name could leave the folder; that of a redaction, `v+1`, can't.
        """

    def size(self, name: str) -> int | None:
        """Returns a file's size in bytes; None where there is no such file."""

    def modified(self, name: str) -> float | None:
        """Returns when a file was last written, by the place's clock in seconds since 1970; None
        where there is no such file."""

    def block(self, name: str, start: int, end: int) -> bytes:
        """Returns a file's bytes from start to end; fewer where it ends before."""

    def put(self, name: str, source: Path) -> None:
        """Puts a copy of a local file there, replacing what is there in one step."""

    def everything(self) -> list[str]:
        """Returns the names of all files in it, at any depth, whatever they are called."""

    def remove(self, name: str) -> None:
        """Removes a file; one that is not there is no error."""


def open_place(location: str) -> Place:
    """Returns the place that a location names: a folder's path, or `s3://bucket/prefix`.

    Raises:
        UsageError: it is neither, it holds credentials, or the folder is not there.
    """
    protocol, mark, rest = location.partition("://")
    if not mark:
        return _folder(location)
    if "@" in rest.partition("/")[0]:
        raise UsageError(
            "the releases' location holds credentials; leave them to AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY"
        )
    if protocol == "file":
        return _folder(rest)
    if protocol != "s3" or not rest.strip("/") or rest.startswith("/"):
        raise UsageError(
            f"location {location!r} is neither a folder nor s3://bucket/prefix: only these can "
            "create a file that must not be there yet; see docs/where-releases-live.md"
        )
    from core.bucket_place import BucketPlace  # the client takes a third of a second to import

    return BucketPlace.at(location)


def _folder(text: str) -> Place:
    from core.disk_place import DiskPlace

    path = Path(text).expanduser()
    if not path.is_dir():  # made here, it would stand in for a disk that is not mounted
        raise UsageError(f"location {text!r} is no folder; mount or make it")
    return DiskPlace(path.absolute())
