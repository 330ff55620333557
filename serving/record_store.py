"""Records by key in one file: the only module that knows LMDB.

A file is written once, in key order, and from then on only mapped and read.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from pathlib import Path

import lmdb

from core.errors import CheckFailed, IntegrityError, MachineFault

MAX_KEY_BYTES = 511
_ADDRESS_SPACE = 1 << 40  # reserved, not used: the file grows with what is written
_COMMIT_RECORDS = 20_000


class RecordWriter:
    """Writes one new file from records that come in ascending key order."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        try:
            self._environment = lmdb.open(
                str(path), subdir=False, lock=False, map_size=_ADDRESS_SPACE, sync=False,
                metasync=False, readahead=False,
            )  # fmt: skip
        except lmdb.Error as error:
            raise self._fault(error) from error
        self._transaction = self._environment.begin(write=True)
        self._pending = 0

    def append(self, keys: Sequence[bytes], values: Iterable[bytes]) -> None:
        """Adds records, one a key; the keys come after all earlier ones.

        Raises:
            CheckFailed: a key is out of order, doubled, empty or longer than 511 bytes.
            MachineFault: the disk is full or fails.
        """
        try:
            with self._transaction.cursor() as cursor:
                n_read, n_added = cursor.putmulti(zip(keys, values, strict=True), append=True)
        except lmdb.Error as error:
            raise CheckFailed(f"{self._path.name} can't take a record: {error}") from error
        if not n_read == n_added == len(keys):
            raise CheckFailed(
                f"{self._path.name} took {n_added} of {len(keys)} records: their keys are not "
                f"in ascending order; sort the table by its key"
            )
        self._pending += len(keys)
        if self._pending >= _COMMIT_RECORDS:  # bounds the dirty pages held in memory
            self._commit()
            self._transaction = self._environment.begin(write=True)
            self._pending = 0

    def close(self) -> None:
        """Commits what was appended and closes the file; raises MachineFault as `append` does."""
        self._commit()
        self._environment.close()

    def _commit(self) -> None:
        try:
            self._transaction.commit()
        except lmdb.Error as error:
            raise self._fault(error) from error

    def _fault(self, error: lmdb.Error) -> MachineFault:
        return MachineFault(
            f"{self._path} could not be written: {error}; free space or mend the disk and run again"
        )


class RecordReader:
    """Reads one file; one instance belongs to one process, opened after any fork."""

    __slots__ = ("_environment", "_get", "_transaction")

    def __init__(self, path: Path) -> None:
        try:
            self._environment = lmdb.open(
                str(path), subdir=False, readonly=True, lock=False, create=False, readahead=False
            )
        except lmdb.Error as error:
            raise IntegrityError(f"{path} can't be opened ({error}); rebuild it") from error
        # One transaction for the file's life: nobody ever writes to it again.
        self._transaction = self._environment.begin()
        self._get = self._transaction.get

    def get(self, key: bytes) -> bytes | None:
        """Returns the record of a key, or None; the key has 1 to 511 bytes."""
        value: bytes | None = self._get(key)
        return value

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Yields every key and its record, in ascending order of keys."""
        with self._transaction.cursor() as cursor:
            yield from cursor

    def keys(self, prefix: bytes) -> Iterator[bytes]:
        """Yields the keys that begin so, in ascending order; reads no more of them than are taken.

        Args:
            prefix: up to 511 bytes; empty for all keys.
        """
        with self._transaction.cursor() as cursor:
            if cursor.set_range(prefix) if prefix else cursor.first():
                yield from takewhile(
                    lambda key: key.startswith(prefix), cursor.iternext(keys=True, values=False)
                )

    def __len__(self) -> int:
        return int(self._environment.stat()["entries"])

    def close(self) -> None:
        """Unmaps the file."""
        self._transaction.abort()
        self._environment.close()
