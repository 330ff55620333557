"""What the gate asks of the release itself: its own tables, and what its packed files answer."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from assets.publication.measurements import list_measurements
from core.artefact import Artefact
from core.schemas import (
    EXPLANATIONS,
    INTERACTIONS,
    ITEMS,
    LISTS,
    NEIGHBOUR_LISTS,
    RECENT_ITEMS,
    SEGMENT_LISTS,
    USERS,
    Table,
)
from serving.agreement import unlike_tables
from serving.reader import open_release

PART = "tables"
N_ASKED = 1000
_HELD = (LISTS, SEGMENT_LISTS, NEIGHBOUR_LISTS, ITEMS, EXPLANATIONS)


def release_measurements(
    release: Artefact, users: Artefact, interactions: Artefact
) -> dict[str, float]:
    """Returns what holds of a release by itself.

    Args:
        release: the release.
        users: the artefact with USERS.
        interactions: the artefact with the release's INTERACTIONS and RECENT_ITEMS.

    Returns:
        what `list_measurements` returns; null_keys: nulls where the schema allows none;
        doubled_keys: rows whose key is not above that of the row before, and items that are twice
        on one list; packed_unlike_tables: of a thousand users asked, those who read anything else
        than the tables say.

    Raises:
        IntegrityError: the release is damaged, or gives wrong golden answers.
    """
    paths = {table: release.table_path(table, PART) for table in _HELD}
    numbers = list_measurements(
        paths[LISTS],
        users.table_path(USERS),
        interactions.table_path(INTERACTIONS, "release"),
        paths[SEGMENT_LISTS],
    )
    opened = open_release(release.path)
    recent = interactions.table_path(RECENT_ITEMS, "release")
    unlike = unlike_tables(opened, recent, N_ASKED)
    opened.close()
    doubled = sum(_not_above(path, table) for table, path in paths.items())
    return {
        **numbers,
        "null_keys": float(sum(_nulls(path, table) for table, path in paths.items())),
        "doubled_keys": float(doubled + _twice_on_a_list(paths[LISTS])),
        "packed_unlike_tables": float(len(unlike)),
    }


def _nulls(path: Path, table: Table) -> int:
    needed = [column.name for column in table.columns if not column.nullable]
    counts = pl.scan_parquet(path).select(pl.sum_horizontal(pl.col(needed).null_count()))
    return int(counts.collect().item())


def _not_above(path: Path, table: Table) -> int:
    """Returns the rows whose key is not above the one before; read a row group at a time."""
    found = 0
    for keys in _overlapping(path, table):
        above = pl.lit(False)
        for name in reversed(table.key):
            one, before = pl.col(name), pl.col(name).shift(1)
            above = (one > before) | ((one == before) & above)
        found += keys.select((~above.slice(1)).fill_null(True).sum()).item()
    return found


def _overlapping(path: Path, table: Table) -> Iterator[pl.DataFrame]:
    """Yields the key columns of each row group, with the last row of the group before."""
    file = pq.ParquetFile(path)
    last = pl.DataFrame()
    for number in range(file.num_row_groups):
        rows = pl.DataFrame(pl.from_arrow(file.read_row_group(number, list(table.key))))
        rows = rows.select(table.key)
        yield pl.concat([last, rows]) if last.height else rows
        last = rows.tail(1)


def _twice_on_a_list(lists: Path) -> int:
    by_user = pl.scan_parquet(lists).group_by("user_id")
    twice = by_user.agg(n=pl.len() - pl.col("item_id").n_unique()).select(pl.col("n").sum())
    return int(twice.collect().item())
