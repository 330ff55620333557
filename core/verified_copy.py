"""Copies of files that are hashed while they stream: one pass, and a torn copy goes on."""

import hashlib
import os
from pathlib import Path

from core.errors import IntegrityError
from core.kill_points import reach
from core.manifest import FileRecord
from core.place import Place

BLOCK_BYTES = 16 << 20


def has_bytes(folder: Place, name: str, record: FileRecord) -> bool:
    """Returns whether a file at a place has exactly the bytes of a record, by reading them."""
    if folder.size(name) != record.bytes:
        return False
    found = hashlib.sha256()
    for start in range(0, record.bytes, BLOCK_BYTES):
        found.update(folder.block(name, start, min(start + BLOCK_BYTES, record.bytes)))
    return found.hexdigest() == record.sha256


def copy_verified(folder: Place, name: str, record: FileRecord, target: Path) -> int:
    """Copies a file to a local path, flushed; returns how many bytes had to be fetched.

    What an earlier attempt left at `target` is kept where it proves to be the file's beginning.

    Raises:
        IntegrityError: the file is missing there, or its bytes are not the record's; `target` is
            gone then.
        OSError: the place can't be reached, or the disk failed; `target` is kept.
    """
    if (size := folder.size(name)) != record.bytes:
        target.unlink(missing_ok=True)
        told = f"has {size} bytes, its manifest says {record.bytes}"
        raise _refusal(folder, name, "is missing" if size is None else told)
    target.parent.mkdir(parents=True, exist_ok=True)
    kept = target.stat().st_size if target.is_file() else 0
    try:
        if 0 < kept <= record.bytes and _append(folder, name, record, target, kept):
            return record.bytes - kept
        if _append(folder, name, record, target, 0):
            return record.bytes
    except FileNotFoundError as error:  # it was removed while it was copied
        raise _refusal(folder, name, "is missing") from error
    target.unlink()
    raise _refusal(folder, name, "has other bytes than its manifest says")


def _refusal(folder: Place, name: str, told: str) -> IntegrityError:
    return IntegrityError(f"{folder}/{name} {told}; push the release again from where it was built")


def _append(folder: Place, name: str, record: FileRecord, target: Path, kept: int) -> bool:
    """Copies what comes after the first `kept` bytes; returns whether the whole is right."""
    found = hashlib.sha256()
    with target.open("r+b" if kept else "wb") as stream:
        for start in range(0, kept, BLOCK_BYTES):
            found.update(stream.read(min(BLOCK_BYTES, kept - start)))
        for start in range(kept, record.bytes, BLOCK_BYTES):
            block = folder.block(name, start, min(start + BLOCK_BYTES, record.bytes))
            found.update(block)
            stream.write(block)
            stream.flush()
            reach("pull_block_copied")
        if found.hexdigest() != record.sha256:
            return False
        os.fsync(stream.fileno())
    return True
