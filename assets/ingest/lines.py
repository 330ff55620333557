"""Physical lines: found in blocks, whatever ends them, however long they are."""

from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

_LF, _CR = 10, 13


class LineReader:
    """Reads a text stream as buffers that hold whole lines.

    A line longer than `max_line_bytes` is cut there (the reader of records refuses it by its
    length), so that memory is bounded by the block size and that limit, whatever the file holds.
    """

    def __init__(self, stream: BinaryIO, block_bytes: int, max_line_bytes: int) -> None:
        self._stream = stream
        self._block_bytes = block_bytes
        self._keep = max_line_bytes + 1
        self._rest = b""
        self._skipping = False
        self._first = True

    def read(self) -> bytes | None:
        """Returns the next whole lines (the file's last may lack its end), or None at the end."""
        while True:
            chunk = self._stream.read(self._block_bytes)
            if self._first:
                chunk, self._first = chunk.removeprefix(b"\xef\xbb\xbf"), False
            if not chunk:
                rest, self._rest = self._rest, b""
                return rest or None
            if self._skipping:
                chunk = self._skip(chunk)
            buffer = self._rest + chunk if self._rest else chunk
            end = _end_of_last_line(buffer)
            self._rest = buffer[end:]
            if len(self._rest) > self._keep and not self._rest.endswith(b"\r"):
                self._rest, self._skipping = self._rest[: self._keep], True
            if end:
                return buffer[:end]

    def _skip(self, chunk: bytes) -> bytes:
        """Drops the rest of a line that is too long."""
        ends = [place for place in (chunk.find(b"\n"), chunk.find(b"\r")) if place >= 0]
        if not ends:
            return b""
        self._skipping = False
        return chunk[min(ends) :]


def _end_of_last_line(buffer: bytes) -> int:
    """Returns where the last whole line ends; a CR at the very end may be half of a CRLF."""
    return max(buffer.rfind(b"\n"), buffer.rfind(b"\r", 0, len(buffer) - 1)) + 1


def split_lines(
    buffer: NDArray[np.uint8],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Returns the lines of a buffer that begins at a line: LF, CR and CRLF each end one.

    Returns:
        start of each line, end of its text, start of what follows; each (n_lines,).
    """
    if not len(buffer):
        empty = np.empty(0, np.int64)
        return empty, empty, empty
    breaks = buffer == _LF
    has_cr = bool((buffer == _CR).any())
    if has_cr:
        breaks |= buffer == _CR
    ends = np.flatnonzero(breaks)
    follows = ends + 1
    if has_cr:
        is_cr = buffer[ends] == _CR
        paired = is_cr[:-1] & ~is_cr[1:] & (np.diff(ends) == 1)  # CR, then its own LF
        after_cr = np.concatenate([[False], paired])
        follows[np.flatnonzero(paired)] += 1
        ends, follows = ends[~after_cr], follows[~after_cr]
    if not len(ends) or follows[-1] < len(buffer):
        ends = np.append(ends, len(buffer))
        follows = np.append(follows, len(buffer))
    starts = np.concatenate([[0], follows[:-1]])
    return starts, ends, follows
