"""Reads what is known of users, a range of users at a time, in numbers ready to be packed."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from core.errors import CheckFailed
from serving.item_numbers import ItemNumbers
from serving.layout import GENRE_PREFIX
from serving.record_packing import Records, UserBlock, pack_records
from serving.release_inputs import ReleaseInputs, read_columns
from serving.scores import quantise
from serving.sorted_blocks import KeyRange, SortedBlocks, side_by_side
from serving.user_runs import NO_IDS, UserRuns, check_ascending, find_runs


@dataclass(frozen=True)
class UserSource:
    """Where users' records come from; any process can read it.

    Attributes:
        inputs: `lists`, `recent_items`, `users` and `items` are read.
        firsts: the release's `fragments.firsts`.
        segments: the segments' names, in order of their numbers.
        decimals: decimal places of the lists' scores.
        wide_items: whether item numbers need three bytes.
        wide_reasons: whether reason numbers do.
    """

    inputs: ReleaseInputs
    firsts: Path
    segments: tuple[str, ...]
    decimals: int
    wide_items: bool
    wide_reasons: bool

    def records(self, keys: KeyRange, n_shards: int) -> Iterator[list[Records]]:
        """Yields the records of a range of users by shard, a block of users at a time.

        Raises:
            CheckFailed: a row names an item or reason that is not there, a score is not finite,
                an item is twice on a list, or a table is not in key order.
        """
        for block in self._blocks(keys):
            yield pack_records(
                block, n_shards=n_shards, wide_items=self.wide_items, wide_reasons=self.wide_reasons
            )

    def _blocks(self, keys: KeyRange) -> Iterator[UserBlock]:
        inputs = self.inputs
        numbers = ItemNumbers(read_columns(inputs.items, ["item_id"])["item_id"])
        n_reasons = np.diff(np.fromfile(self.firsts, "<u4"))
        segments = _SegmentNumbers(self.segments)
        list_columns = ["user_id", "item_num", "score", "reason_num"]
        touched = ["user_id", "item_id"]
        tables = [
            SortedBlocks(inputs.lists, list_columns, "user_id", coded=["user_id"], keys=keys),
            SortedBlocks(inputs.recent_items, touched, "user_id", coded=touched, keys=keys),
            SortedBlocks(
                inputs.users, ["user_id", "preferences", "opted_out"], "user_id", keys=keys
            ),
        ]
        for lists, recent, users in side_by_side(tables):
            ids, sizes = find_runs(recent["user_id"], "recent_items")
            items = numbers.of(recent["item_id"], "recent_items")
            yield UserBlock(
                self._lists(lists, n_reasons),
                UserRuns(ids, sizes, {"item": items}),
                segments.stated(users),
            )

    def _lists(self, rows: pa.Table, n_reasons: npt.NDArray[np.uint32]) -> UserRuns:
        users, sizes = find_runs(rows["user_id"], "lists")
        items, reasons = (rows[name].to_numpy() for name in ("item_num", "reason_num"))
        _check_below(items, np.uint32(n_reasons.size), "item_num {}, but there are {} items")
        _check_below(
            reasons, n_reasons[items], "reason_num {}, but the row's item has {} `explanations`"
        )
        codes = quantise(rows["score"].to_numpy(), self.decimals)
        return UserRuns(users, sizes, {"item": items, "score": codes, "reason": reasons})


def _check_below(
    numbers: npt.NDArray[np.int32],
    ends: np.uint32 | npt.NDArray[np.uint32],
    problem: str,
) -> None:
    wrong = numbers.view(np.uint32) >= ends  # a negative number is a very large one so
    if wrong.any():
        row = int(np.argmax(wrong))
        end = np.broadcast_to(ends, numbers.shape)[row]
        raise CheckFailed(
            f"a row of `lists` has {problem.format(numbers[row], end)}; "
            "make the lists and their explanations again"
        )


class _SegmentNumbers:
    """From genres that users stated to segments; names are compared without regard to case."""

    def __init__(self, segments: tuple[str, ...]) -> None:
        names = pl.DataFrame(
            {"name": segments, "segment": np.arange(len(segments), dtype=np.int32)},
            schema={"name": pl.String, "segment": pl.Int32},
        )
        folded = pl.col("name").str.strip_chars().str.to_lowercase()
        self._folded = folded
        self._names = names.with_columns(folded).unique("name", keep="first", maintain_order=True)

    def stated(self, users: pa.Table) -> UserRuns:
        """Returns the segment of each stated preference that has a list, in stated order.

        A user who opted out has none, whatever they stated.
        """
        check_ascending(users["user_id"].combine_chunks(), "users")
        if users["preferences"].null_count == users.num_rows:
            return UserRuns(NO_IDS, np.zeros(0, np.int64), {"segment": np.zeros(0, np.int32)})
        stated = (
            pl.DataFrame(users)
            .filter(~pl.col("opted_out"))
            .select("user_id", name="preferences")
            .explode("name")
            .drop_nulls("name")
        )
        spelled = stated["name"].unique().to_frame()
        known = spelled.with_columns(folded=pl.lit(GENRE_PREFIX) + self._folded).join(
            self._names, left_on="folded", right_on="name"
        )
        found = (
            stated.join(known, on="name", how="inner", maintain_order="left")
            .select("user_id", "segment")
            .unique(maintain_order=True)
        )
        sizes = found.group_by("user_id", maintain_order=True).len()
        return UserRuns(
            sizes["user_id"].to_arrow().cast(pa.large_string()),
            sizes["len"].cast(pl.Int64).to_numpy(),
            {"segment": found["segment"].to_numpy()},
        )
