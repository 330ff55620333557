"""Records set aside on disk on their way from those who pack them to those who write shards."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from serving.record_packing import Records


class SpillWriter:
    """Appends pieces of one shard's records to one file."""

    def __init__(self, path: Path) -> None:
        self._stream = path.open("wb")

    def append(self, records: Records) -> None:
        """Adds a piece: four numbers, the keys' sizes, the records' sizes, keys, records."""
        keys = b"".join(records.keys)
        sizes = np.fromiter(map(len, records.keys), np.uint16, len(records.keys))
        head = np.array([sizes.size, len(keys), len(records.content)], np.int64)
        for part in (head, sizes, records.sizes):
            self._stream.write(part.tobytes())
        self._stream.write(keys)
        self._stream.write(records.content)

    def close(self) -> None:
        """Closes the file; what it holds is thrown away after the build, so it is not flushed."""
        self._stream.close()


def read_spill(path: Path) -> Iterator[Records]:
    """Yields the pieces that a SpillWriter appended, one in memory at a time."""
    with path.open("rb") as stream:
        while head := stream.read(24):
            n, key_bytes, value_bytes = np.frombuffer(head, np.int64).tolist()
            key_sizes = np.frombuffer(stream.read(2 * n), np.uint16)
            sizes = np.frombuffer(stream.read(2 * n), np.uint16)
            whole = stream.read(key_bytes)
            ends = np.cumsum(key_sizes, dtype=np.int64)
            starts = (ends - key_sizes).tolist()
            keys = [whole[a:b] for a, b in zip(starts, ends.tolist(), strict=True)]
            yield Records(keys, sizes, stream.read(value_bytes))
