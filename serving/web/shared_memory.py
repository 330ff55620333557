"""Numbers that all processes of one server see, without a lock.

One anonymous file in memory, mapped before the workers are forked. A cell is eight aligned bytes,
which this hardware reads and writes whole. A row that belongs to one worker is written by that
worker alone, so nothing is lost there; the cells of all workers together are read at any time.
"""

import contextlib
import fcntl
import mmap
import os
from collections.abc import Mapping

from core.errors import MachineFault

_WORD = 8


class SharedMemory:
    """Named regions of cells; every region begins with zeros.

    Args:
        n_workers: processes that will claim a row.
        regions: how many cells each region has.
    """

    def __init__(self, n_workers: int, regions: Mapping[str, int]) -> None:
        self.n_workers = n_workers
        self._places: dict[str, tuple[int, int]] = {}
        n_words = 0
        for name, size in regions.items():
            self._places[name] = (n_words * _WORD, size * _WORD)
            n_words += size
        self._file = os.memfd_create("daybreak")
        os.ftruncate(self._file, max(n_workers, n_words * _WORD))
        self._map = mmap.mmap(self._file, 0)
        self.row = -1

    def counts(self, region: str) -> "memoryview[int]":
        """Returns a region's cells as unsigned whole numbers, for reading and writing."""
        return self._bytes(region).cast("Q")

    def times(self, region: str) -> "memoryview[float]":
        """Returns a region's cells as doubles, for reading and writing."""
        return self._bytes(region).cast("d")

    def claim_row(self) -> int:
        """Returns the row of this process, 0 to n_workers − 1; a dead process's row is free.

        Raises:
            MachineFault: every row belongs to a living process.
        """
        if self.row < 0:
            for row in range(self.n_workers):
                with contextlib.suppress(BlockingIOError, PermissionError):
                    # The kernel gives the lock back when its process ends, however it ends.
                    fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, row)
                    self.row = row
                    break
            else:
                raise MachineFault(
                    f"all {self.n_workers} rows of the server's workers are taken; restart it"
                )
        return self.row

    def _bytes(self, region: str) -> "memoryview[int]":
        start, size = self._places[region]
        return memoryview(self._map)[start : start + size]
