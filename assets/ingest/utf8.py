"""Which records are valid UTF-8, told without decoding the valid ones."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Places = NDArray[np.int64]


def invalid_records(buffer: NDArray[np.uint8], starts: Places, ends: Places) -> Places:
    """Returns the places of the records `buffer[start:end]` that are not UTF-8.

    One pass of Arrow's validator over the whole buffer settles the usual case; only records with
    a byte beyond ASCII in an invalid buffer are decoded one by one.
    """
    if is_valid(buffer):
        return np.empty(0, np.int64)
    beyond = np.flatnonzero(buffer >= 0x80)
    suspects = np.flatnonzero(np.searchsorted(beyond, ends) > np.searchsorted(beyond, starts))
    whole = memoryview(buffer.data)
    bad = [row for row in suspects.tolist() if not _decodes(whole[starts[row] : ends[row]])]
    return np.array(bad, np.int64)


def is_valid(buffer: NDArray[np.uint8]) -> bool:
    """Returns whether all of a buffer is UTF-8 (lone surrogates are not)."""
    offsets = pa.py_buffer(np.array([0, len(buffer)], np.int64))
    single = pa.Array.from_buffers(
        pa.large_binary(), 1, [None, offsets, pa.py_buffer(np.ascontiguousarray(buffer))]
    )
    try:
        single.cast(pa.large_string())
    except pa.ArrowInvalid:
        return False
    return True


def _decodes(content: memoryview) -> bool:
    try:
        str(content, "utf-8")
    except UnicodeDecodeError:
        return False
    return True
