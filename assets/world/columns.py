"""From numbers to table columns."""

from datetime import date

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

DAY_US = 86_400_000_000
_EPOCH = date(1970, 1, 1)


def epoch_us(first_day: date, day: int) -> int:
    """Returns the UTC midnight that starts a day, in microseconds since 1970."""
    return ((first_day - _EPOCH).days + day) * DAY_US


def utc_midnight(first_day: date, days: NDArray[np.int64]) -> pl.Series:
    """Returns the UTC midnights that start the days, as `Datetime("us", "UTC")`."""
    return utc_times(epoch_us(first_day, 0) + days * DAY_US)


def utc_times(microseconds: NDArray[np.int64]) -> pl.Series:
    """Returns microseconds since 1970 as `Datetime("us", "UTC")`.

    >>> utc_times(np.array([0])).dtype
    Datetime(time_unit='us', time_zone='UTC')
    """
    return pl.Series(microseconds, dtype=pl.Int64).cast(pl.Datetime("us", "UTC"))


def named_lists(numbers: NDArray[np.int64], names: tuple[str, ...] | pl.Series) -> pl.Series:
    """Returns a list of names for each row of numbers; −1 stands for no entry.

    >>> named_lists(np.array([[1, -1], [-1, -1]]), ("a", "b")).to_list()
    [['b'], []]
    """
    given = numbers >= 0
    offsets = np.concatenate([[0], np.cumsum(given.sum(axis=1))]).astype(np.int64)
    words = pl.Series(names, dtype=pl.String).gather(numbers[given])
    return pl.Series(
        pl.from_arrow(pa.LargeListArray.from_arrays(pa.array(offsets), words.to_arrow()))
    )
