"""External ids: readable for users and items, hashed but unique for events and sessions."""

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

# One world's event numbers: day | stream | block of users | running number, in 64 bits.
_DAY_BITS, _STREAM_BITS, _BLOCK_BITS, _NUMBER_BITS = 14, 5, 13, 32
_HEX = np.frombuffer(
    b"".join(f"{byte:02x}".encode() for byte in range(256)), dtype=np.uint16
)  # (256,) two characters each


def pack_key(day: int, stream: int, block: int, numbers: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Returns 64-bit keys that differ wherever any of the four parts differs.

    Raises:
        ValueError: A part does not fit its bits.
    """
    largest = int(numbers.max(initial=0))
    for part, bits in (
        (day, _DAY_BITS),
        (stream, _STREAM_BITS),
        (block, _BLOCK_BITS),
        (largest, _NUMBER_BITS),
    ):
        if not 0 <= part < 1 << bits:
            raise ValueError(f"{part} does not fit {bits} bits")
    prefix = ((day << _STREAM_BITS | stream) << _BLOCK_BITS | block) << _NUMBER_BITS
    return numbers.astype(np.uint64) | np.uint64(prefix)


def mix(keys: NDArray[np.uint64], salt: int) -> NDArray[np.uint64]:
    """Returns the keys scrambled one to one (the finaliser of SplitMix64)."""
    with np.errstate(over="ignore"):
        mixed = (keys ^ np.uint64(salt)) + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def uniform(keys: NDArray[np.uint64], salt: int) -> NDArray[np.float64]:
    """Returns one number in [0, 1) for each key: a draw that needs no generator's state."""
    return (mix(keys, salt) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def hex_ids(keys: NDArray[np.uint64]) -> pa.Array:
    """Returns the keys as strings of 16 hexadecimal digits, without a loop.

    >>> hex_ids(np.array([255, 2**63], dtype=np.uint64)).to_pylist()
    ['00000000000000ff', '8000000000000000']
    """
    digits = _HEX[keys.astype(">u8").view(np.uint8)]  # (16 / 2 · n,) uint16
    offsets = np.arange(0, 16 * len(keys) + 1, 16, dtype=np.int64)
    return pa.LargeStringArray.from_buffers(
        len(keys), pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(digits))
    )


def numbered_ids(prefix: str, first: int, last: int, *, digits: int) -> pl.Series:
    """Returns the ids of the numbers from `first` up to, not including, `last`.

    >>> numbered_ids("u", 8, 10, digits=6).to_list()
    ['u000008', 'u000009']
    """
    numbers = pl.int_range(first, last, dtype=pl.Int64, eager=True).cast(pl.String)
    return (prefix + numbers.str.zfill(digits)).alias("id")


def user_ids(first: int, last: int) -> pl.Series:
    """Returns the ids of the users with numbers in [first, last)."""
    return numbered_ids("u", first, last, digits=6)


def item_ids(first: int, last: int) -> pl.Series:
    """Returns the ids of the items with numbers in [first, last)."""
    return numbered_ids("i", first, last, digits=5)


def numbers_of(ids: pl.Series) -> NDArray[np.int64]:
    """Returns the numbers behind user or item ids of this world.

    Raises:
        polars.exceptions.InvalidOperationError: An id is not of this world.
    """
    return ids.str.slice(1).cast(pl.Int64).to_numpy()
