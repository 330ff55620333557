"""The tables that a release is made of, and how they are read."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from serving.scores import decimals_for


@dataclass(frozen=True)
class ReleaseInputs:
    """Where the tables lie; their schemas stand in `core/schemas.py`.

    Attributes:
        lists: `lists`, with reason types and explanation keys.
        segment_lists: `segment_lists`; `trending` must be among them.
        neighbour_lists: `neighbour_lists`.
        items: `items`; a row's place is its item_num.
        explanations: `explanations`, one for every key in the lists.
        recent_items: `recent_items`.
        users: `users`, for their stated preferences.
    """

    lists: Path
    segment_lists: Path
    neighbour_lists: Path
    items: Path
    explanations: Path
    recent_items: Path
    users: Path


def read_columns(path: Path, columns: list[str]) -> pl.DataFrame:
    """Returns columns of a Parquet file in stored order."""
    frame = pl.from_arrow(pq.read_table(path, columns=columns))
    assert isinstance(frame, pl.DataFrame)
    return frame


def score_decimals(path: Path) -> int:
    """Returns the decimal places that suit a table's scores; see `decimals_for`.

    The largest score comes from the file's own statistics, so no row is read for it; a NaN is in
    no statistic and is found when the scores are quantised.

    Raises:
        CheckFailed: a score is infinite.
    """
    ranges = row_group_ranges(pq.read_metadata(path), "score")
    return decimals_for(max((abs(end) for ends in ranges if ends for end in ends), default=0.0))


def row_group_ranges(metadata: pq.FileMetaData, column: str) -> list[tuple[Any, Any] | None]:
    """Returns a column's least and greatest value in each row group; None where it isn't known."""
    leaves = [metadata.schema.column(n).path for n in range(metadata.num_columns)]
    place = leaves.index(column)
    found = (
        metadata.row_group(group).column(place).statistics
        for group in range(metadata.num_row_groups)
    )
    return [(x.min, x.max) if x is not None and x.has_min_max else None for x in found]
