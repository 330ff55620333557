"""Work on a column's distinct values instead of its rows, where values repeat."""

from collections.abc import Callable

import polars as pl
import pyarrow as pa

from assets.ingest.checked import Checked

_SAMPLE = 1_000


def over_distinct(column: pl.Series, work: Callable[[pl.Series], Checked]) -> Checked:
    """Returns `work` applied to a text column, computed once for each distinct value.

    `work` must treat values by themselves, and return a null value and any fault for null rows.
    Columns whose first thousand values hardly repeat are worked on as they are.
    """
    sample = column.head(_SAMPLE)
    if len(column) < 2 * _SAMPLE or sample.n_unique() > len(sample) // 2:
        return work(column)
    encoded = column.to_arrow().cast(pa.large_string()).dictionary_encode(null_encoding="encode")
    distinct = pl.Series(column.name, encoded.dictionary)
    codes = pl.Series(encoded.indices)
    outcome = work(distinct)
    fault = None if outcome.fault is None else outcome.fault.gather(codes)
    return Checked(outcome.values.gather(codes), fault)
