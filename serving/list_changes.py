"""What became of the users' lists from one release to another.

Both tables are read side by side, a range of users at a time, and of each range only counts are
kept: memory does not grow with the users.
"""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from serving.sorted_blocks import SortedBlocks, side_by_side

TOP = 10
"""Places of a list that its overlap is measured over."""
COLUMNS = ("user_id", "rank", "item_id")
"""What is read of LISTS."""
LARGEST = 10
"""Users whose changes are told one by one."""
_LARGEST_SCHEMA: dict[str, type[pl.DataType]] = {
    "user_id": pl.String,
    "n_common": pl.UInt32,
    "n_before": pl.UInt32,
    "n_after": pl.UInt32,
}


@dataclass
class ListChanges:
    """The changes, counted.

    Attributes:
        n_before: users with a list in the first release.
        n_after: users with a list in the second.
        n_changed: users in both whose list is not the same items in the same order.
        overlaps: users in both by (items in common, items in either) of their top tens.
        largest: user_id, n_common, n_before, n_after (items of the top tens) of the users in both
            whose top tens have least in common, ties by id: ten, and as many more as were asked.
    """

    n_before: int = 0
    n_after: int = 0
    n_changed: int = 0
    overlaps: Counter[tuple[int, int]] = field(default_factory=Counter)
    largest: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_LARGEST_SCHEMA))

    @property
    def n_in_both(self) -> int:
        """Users with a list in both."""
        return self.overlaps.total()

    @property
    def mean_overlap(self) -> float | None:
        """Mean Jaccard likeness of the top tens of the users in both; None where there are none.

        One item in common of three is 1/3; an item counts once in a list. Exact counts are added
        up, so the order of the users does not show in the last digit.
        """
        if not self.overlaps:
            return None
        total = math.fsum(n * common / either for (common, either), n in self.overlaps.items())
        return total / self.n_in_both

    def by_in_common(self) -> list[int]:
        """Returns the users in both by how many items their top tens have in common, 0 to 10.

        >>> ListChanges(overlaps=Counter({(0, 20): 3, (10, 10): 2, (5, 15): 1})).by_in_common()
        [3, 0, 0, 0, 0, 1, 0, 0, 0, 0, 2]
        """
        counts = [0] * (TOP + 1)
        for (common, _), n in self.overlaps.items():
            counts[common] += n
        return counts


def compare_lists(before: Path, after: Path, n_more: int = 0) -> ListChanges:
    """Returns the changes between two files of LISTS, each sorted by user and rank.

    Args:
        before: the first file.
        after: the second one.
        n_more: users in `largest` beyond the ten, for a caller who may show not all of them.
    """
    found = ListChanges()
    for users in _users(before, after):
        both = users.filter(pl.col("n_before") > 0, pl.col("n_after") > 0)
        found.n_before += users.filter(pl.col("n_before") > 0).height
        found.n_after += users.filter(pl.col("n_after") > 0).height
        found.n_changed += both.filter("changed").height
        either = pl.col("n_before") + pl.col("n_after") - pl.col("n_common")
        counted = both.group_by("n_common", either=either).len()
        for common, n_either, n in counted.iter_rows():
            found.overlaps[common, n_either] += n
        found.largest = (
            pl.concat([found.largest, both.select(list(_LARGEST_SCHEMA))])
            .sort(pl.col("n_common") / either, "user_id")
            .head(LARGEST + n_more)
        )
    return found


def _users(before: Path, after: Path) -> Iterator[pl.DataFrame]:
    """Yields user_id, n_before, n_after, n_common (of the top tens) and changed (of the lists)."""
    tables = [SortedBlocks(path, list(COLUMNS), "user_id") for path in (before, after)]
    for pieces in side_by_side(tables):
        old, new = (pl.DataFrame(piece) for piece in pieces)
        tops = [
            rows.filter(pl.col("rank") <= TOP).select("user_id", "item_id").unique()
            for rows in (old, new)
        ]
        common = tops[0].join(tops[1], on=["user_id", "item_id"], how="semi")
        same = old.join(new, on=list(COLUMNS), how="semi")
        frames = {
            "n_before": tops[0], "n_after": tops[1], "n_common": common, "rows_before": old,
            "rows_after": new, "rows_same": same,
        }  # fmt: skip
        users = pl.concat([rows["user_id"] for rows in (old, new)]).unique().to_frame()
        for name, rows in frames.items():
            counts = rows.group_by("user_id").agg(pl.len().alias(name))
            users = users.join(counts, on="user_id", how="left")
        same_length = pl.col("rows_before") == pl.col("rows_after")
        yield users.with_columns(pl.exclude("user_id").fill_null(0)).with_columns(
            changed=~(same_length & (pl.col("rows_same") == pl.col("rows_before")))
        )
