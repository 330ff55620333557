"""A shared folder: a mounted disk, NFS, or a folder of this machine."""

import shutil
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from core.durable import create_file, flush_file, flush_folder
from core.entry_log import DiskFolder
from core.redactions import safe_folder
from core.tombstone_log import SECRET

_T = TypeVar("_T")
_TRIES = 20
_OF_GROUP = 0o640
"""The users as whom machines share a folder are of one group."""


class DiskPlace(DiskFolder):
    """Files under a folder; names may hold `/`."""

    def create(self, name: str, content: bytes) -> bool:
        """Creates a file whole, flushed before it gets its name; the secret not for everyone."""
        mode = _OF_GROUP if name == SECRET else 0o666
        return _while_folders_go(lambda: create_file(self.path / name, content, mode))

    def under(self, name: str) -> "DiskPlace":
        """Returns the folder of that name within this one."""
        return DiskPlace(self.path / safe_folder(name))

    def size(self, name: str) -> int | None:
        """Returns a file's size in bytes, or None."""
        path = self.path / name
        with suppress(FileNotFoundError):
            return path.stat().st_size if path.is_file() else None
        return None

    def modified(self, name: str) -> float | None:
        """Returns when a file, or a folder, was last written, in seconds since 1970, or None."""
        try:
            return (self.path / name).stat().st_mtime
        except (FileNotFoundError, NotADirectoryError):
            return None

    def block(self, name: str, start: int, end: int) -> bytes:
        """Returns a part of a file."""
        with (self.path / name).open("rb") as stream:
            stream.seek(start)
            return stream.read(end - start)

    def put(self, name: str, source: Path) -> None:
        """Copies a local file beside its place, flushes it, and gives it its name."""
        _while_folders_go(lambda: _put(self.path / name, source))

    def everything(self) -> list[str]:
        """Returns the names of all files in it, a dead writer's too."""
        found = _while_folders_go(lambda: [p for p in self.path.rglob("*") if p.is_file()])
        return [path.relative_to(self.path).as_posix() for path in found]

    def remove(self, name: str) -> None:
        """Removes a file, and the folders that it leaves empty or with a dead writer's litter."""
        path = self.path / name
        path.unlink(missing_ok=True)
        for folder in path.parents:
            if folder == self.path.parent or not _remove_hollow(folder):
                return


def _while_folders_go(act: Callable[[], _T]) -> _T:
    """Acts again where another machine removes the folder, then empty, at this very moment."""
    for _ in range(_TRIES):
        with suppress(FileNotFoundError):
            return act()
    return act()


def _put(path: Path, source: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        shutil.copyfile(source, beside)
        flush_file(beside)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


def _remove_hollow(folder: Path) -> bool:
    """Removes a folder in which there is no file but hidden ones; returns whether it is gone."""
    try:
        left = list(folder.iterdir())
        if not all(one.name.startswith(".") for one in left):
            return False
        for one in left:
            one.unlink(missing_ok=True)
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:  # somebody writes there
        return False
    return True
