"""Records by key in one file, written once in key order and from then on only mapped and read.

    header     magic, number of records, home slots, all slots, where the records end
    records    in ascending key order: sizes of key and value (uint16 each), key, value; then zeros
               up to a multiple of 8
    marks      uint64: where every 64th record begins
    slots      uint64: where a record begins in the upper 40 bits, the lower 24 bits of its key's
               CRC-32 below; 0 for none

A key's home is slot `crc * n_home >> 32`; its record stands there or in a slot behind, before the
first empty one. So a look-up reads one or two neighbouring slots and the record, and never gives
the interpreter's lock away, which would cost a server more than all the rest of it.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from operator import ge
from pathlib import Path
from typing import Self
from zlib import crc32

import numpy as np
import numpy.typing as npt

from core.errors import CheckFailed, IntegrityError, MachineFault
from serving.mapped_file import map_bytes

UInt64s = npt.NDArray[np.uint64]

MAX_KEY_BYTES = 511
MAX_VALUE_BYTES = 65_535
_MAGIC = b"DAYBREC1"
_HEADER = struct.Struct("<8s4Q")
_SIZES = struct.Struct("<2H")
_HOMES_PER_RECORD = 2
_RECORDS_PER_MARK = 64
_TAG = (1 << 24) - 1


class RecordWriter:
    """Writes one new file from records that come in ascending key order, as a context.

    Where records begin is set aside in a second file beside it until the context ends. The file is
    whole only behind a context that ended well; what another one leaves is for the staging.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._aside = path, path.with_suffix(".slots")
        self._n_records = 0
        self._end = _HEADER.size
        self._last = b""
        try:
            self._stream, self._places = path.open("xb"), self._aside.open("xb")
            self._stream.write(bytes(_HEADER.size))
        except OSError as error:
            raise self._fault(error) from error

    def append(self, keys: Sequence[bytes], values: Iterable[bytes]) -> None:
        """Adds records, one a key; the keys come after all earlier ones.

        Raises:
            CheckFailed: a key is out of order, doubled, empty or longer than 511 bytes, or a value
                is longer than 65,535.
            MachineFault: the disk is full or fails.
        """
        if not keys:
            return
        contents = list(values)
        key_sizes, sizes = list(map(len, keys)), list(map(len, contents))
        self._check(keys, key_sizes, sizes)
        pieces = [b""] * (3 * len(keys))
        pieces[::3] = map(_SIZES.pack, key_sizes, sizes)
        pieces[1::3] = keys
        pieces[2::3] = contents
        lengths = np.array([key_sizes, sizes], np.int64).sum(axis=0) + _SIZES.size
        places = np.empty((len(keys), 2), np.uint64)
        places[:, 0] = self._end + np.cumsum(lengths) - lengths
        places[:, 1] = np.fromiter(map(crc32, keys), np.uint64, len(keys))
        try:
            self._stream.write(b"".join(pieces))
            self._places.write(places.tobytes())
        except OSError as error:
            raise self._fault(error) from error
        self._end += int(lengths.sum())
        self._n_records += len(keys)
        self._last = keys[-1]

    def __enter__(self) -> Self:
        """Begins."""
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        """Writes the marks and slots; raises MachineFault as `append` does."""
        try:
            with self._stream, self._places:
                if error is None:
                    self._finish()
        except OSError as fault:
            raise self._fault(fault) from fault

    def _finish(self) -> None:
        """Writes what follows the records, and the header."""
        self._places.flush()
        starts, codes = np.fromfile(self._aside, np.uint64).reshape(-1, 2).T
        n_home = _HOMES_PER_RECORD * self._n_records
        slots = _slots(starts, codes, n_home)
        self._stream.write(bytes(-self._end % 8))
        self._stream.write(starts[::_RECORDS_PER_MARK].tobytes())
        self._stream.write(slots.tobytes())
        self._stream.seek(0)
        numbers = self._n_records, n_home, slots.size, self._end
        self._stream.write(_HEADER.pack(_MAGIC, *numbers))
        self._aside.unlink()

    def _check(self, keys: Sequence[bytes], key_sizes: list[int], sizes: list[int]) -> None:
        if min(key_sizes) == 0 or max(key_sizes) > MAX_KEY_BYTES:
            raise CheckFailed(
                f"{self._path.name} can't take a key of {min(key_sizes)} to {max(key_sizes)} "
                f"bytes; ids have 1 to {MAX_KEY_BYTES}"
            )
        if max(sizes) > MAX_VALUE_BYTES:
            raise CheckFailed(
                f"{self._path.name} can't take a record of {max(sizes)} bytes; the limit is "
                f"{MAX_VALUE_BYTES}"
            )
        if keys[0] <= self._last or any(map(ge, keys, keys[1:])):
            after = next((b for a, b in pairwise([self._last, *keys]) if a >= b), keys[0])
            raise CheckFailed(
                f"{self._path.name} can't take {after.decode(errors='replace')!r} there: its keys "
                "are not in ascending order; sort the table by its key"
            )

    def _fault(self, error: OSError) -> MachineFault:
        return MachineFault(
            f"{self._path} could not be written: {error}; free space or mend the disk and run again"
        )


def _slots(starts: UInt64s, codes: UInt64s, n_home: int) -> UInt64s:
    """Returns the slots: each record in the first free one from its home on, an empty one last.

    Args:
        starts: where each record begins, uint64 (n,).
        codes: the CRC-32 of its key, uint64 (n,).
        n_home: home slots.
    """
    homes = (codes * np.uint64(n_home) >> np.uint64(32)).astype(np.int64)
    order = np.argsort(homes, kind="stable")
    count = np.arange(order.size)
    taken = np.maximum.accumulate(homes[order] - count) + count
    slots = np.zeros(max(n_home, int(taken[-1]) + 1 if taken.size else 0) + 1, np.uint64)
    slots[taken] = (starts[order] << np.uint64(24)) | (codes[order] & np.uint64(_TAG))
    return slots


class RecordReader:
    """Reads one file; what is read of it lies in memory that all processes share."""

    __slots__ = ("_content", "_end", "_marks", "_n_home", "_n_records", "_slots")

    def __init__(self, path: Path) -> None:
        self._content = content = map_bytes(path)
        try:
            magic, self._n_records, self._n_home, n_slots, self._end = _HEADER.unpack_from(content)
            marks_at = self._end + -self._end % 8
            slots_at = marks_at + 8 * -(-self._n_records // _RECORDS_PER_MARK)
            if magic != _MAGIC or slots_at + 8 * n_slots != len(content) or n_slots <= self._n_home:
                raise ValueError("it is no file of records, or cut off")
            whole = memoryview(content)
            self._marks = whole[marks_at:slots_at].cast("Q")
            self._slots = whole[slots_at:].cast("Q")
        except (struct.error, ValueError) as error:
            raise IntegrityError(f"{path} can't be opened ({error}); rebuild it") from error

    def get(self, key: bytes) -> bytes | None:
        """Returns the record of a key, or None."""
        slots, content = self._slots, self._content
        code = crc32(key)
        tag, at = code & _TAG, code * self._n_home >> 32
        while word := slots[at]:
            if word & _TAG == tag:
                start = word >> 24
                key_size, size = _SIZES.unpack_from(content, start)
                begin = start + 4 + key_size
                if content[start + 4 : begin] == key:
                    return content[begin : begin + size]
            at += 1
        return None

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Yields every key and its record, in ascending order of keys."""
        content = self._content
        for key, begin, end in self._from(_HEADER.size):
            yield key, content[begin:end]

    def keys(self, prefix: bytes) -> Iterator[bytes]:
        """Yields the keys that begin so, in ascending order; reads no more of them than are taken.

        Args:
            prefix: up to 511 bytes; empty for all keys.
        """
        low, high = 0, len(self._marks)
        while low < high:
            middle = (low + high) // 2
            if next(self._from(self._marks[middle]))[0] < prefix:
                low = middle + 1
            else:
                high = middle
        start = self._marks[low - 1] if low else _HEADER.size
        for key, _, _ in self._from(start):
            if key.startswith(prefix):
                yield key
            elif key > prefix:
                return

    def __len__(self) -> int:
        n: int = self._n_records
        return n

    def close(self) -> None:
        """Unmaps the file."""
        self._marks.release()
        self._slots.release()
        if not isinstance(self._content, bytes):
            self._content.close()

    def _from(self, start: int) -> Iterator[tuple[bytes, int, int]]:
        """Yields keys, and where their values begin and end, from one record on."""
        content = self._content
        while start < self._end:
            key_size, size = _SIZES.unpack_from(content, start)
            begin = start + _SIZES.size + key_size
            yield content[start + _SIZES.size : begin], begin, begin + size
            start = begin + size
