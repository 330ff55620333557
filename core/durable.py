"""Writes that are whole or absent, on a local disk.

A file is written beside its place, flushed, and then linked or renamed: a reader sees the old
state or the new one. A failed flush is fatal for the write (the kernel may have dropped the
pages), so nothing here retries one.
"""

import os
import uuid
from pathlib import Path

from core.kill_points import reach


def flush_folder(folder: Path) -> None:
    """Flushes a folder's entries, so that a rename in it survives a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def flush_file(path: Path) -> None:
    """Flushes one file's bytes to disk."""
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def _write_beside(path: Path, content: bytes, mode: int = 0o666) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException:
        beside.unlink(missing_ok=True)  # on a full disk, litter would make things worse
        raise
    reach("written_beside")
    return beside


def replace_file(path: Path, content: bytes) -> None:
    """Puts `content` at `path`, replacing what is there in one step."""
    beside = _write_beside(path, content)
    try:
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    reach("named")
    flush_folder(path.parent)


def create_file(path: Path, content: bytes, mode: int = 0o666) -> bool:
    """Creates `path` whole; returns False, changing nothing, if it exists already.

    Args:
        path: the file.
        content: its bytes.
        mode: who may read and write it, before the process's mask.
    """
    beside = _write_beside(path, content, mode)
    try:
        os.link(beside, path)
    except FileExistsError:
        return False
    finally:
        beside.unlink(missing_ok=True)
    reach("named")
    flush_folder(path.parent)
    return True
