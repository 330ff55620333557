"""Files that are mapped and read in place."""

import mmap
from pathlib import Path
from typing import Literal

from core.errors import IntegrityError

Words = memoryview
"""A file read as numbers: `words[3]`, `words[2:5].tolist()`."""


def map_bytes(path: Path) -> mmap.mmap | bytes:
    """Maps a file for reading; an empty file gives empty bytes.

    Raises:
        IntegrityError: it can't be opened.
    """
    try:
        with path.open("rb") as stream:
            if stream.seek(0, 2) == 0:
                return b""
            return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise IntegrityError(f"{path} can't be mapped ({error.strerror}); rebuild it") from error


_BYTES = {"h": 2, "i": 4, "I": 4, "q": 8, "Q": 8}


def map_words(path: Path, kind: Literal["h", "i", "I", "q", "Q"], n_words: int) -> Words:
    """Maps a file of int16 (`h`), int32 (`i`), uint32 (`I`), int64 (`q`) or uint64 (`Q`) numbers.

    Raises:
        IntegrityError: it can't be opened or holds another number of them.
    """
    content = memoryview(map_bytes(path))
    size = _BYTES[kind]
    if len(content) != n_words * size:
        raise IntegrityError(
            f"{path} has {len(content)} bytes where {n_words * size} belong; rebuild it"
        )
    return content.cast(kind)
