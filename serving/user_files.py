"""Writes the users' records into their shards, a range of users at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from core.errors import CheckFailed
from core.staging import Staging
from serving.layout import GENRE_PREFIX, shard_file, shard_of
from serving.record_store import RecordWriter
from serving.release_inputs import ReleaseInputs, with_item_num
from serving.scores import quantise
from serving.sorted_blocks import SortedBlocks, side_by_side
from serving.user_records import UserBlock, pack_records


@dataclass(frozen=True)
class WrittenUsers:
    """What was written: users with a record, rows of their lists, bytes of their records."""

    n_users: int
    n_rows: int
    n_bytes: int


def write_users(
    staging: Staging,
    inputs: ReleaseInputs,
    nums: pl.DataFrame,
    explained: pl.DataFrame,
    segments: Sequence[str],
    *,
    decimals: int,
    n_shards: int,
) -> WrittenUsers:
    """Writes a record for each user with a list, recent items or a preference with a segment.

    Args:
        staging: where to write.
        inputs: `lists`, `recent_items` and `users` are read, in blocks.
        nums: item_id, item_num.
        explained: explanation_key, fragment, target_num.
        segments: the segments' names, in order of their numbers.
        decimals: decimal places of the lists' scores.
        n_shards: files to spread them over.

    Raises:
        CheckFailed: a row names an item or explanation that is not there or that does not fit it,
            a score is not finite, or a table is not in key order.
    """
    writers = [RecordWriter(staging.file(shard_file(n))) for n in range(n_shards)]
    n_users = n_rows = n_bytes = 0
    for block in _blocks(inputs, nums, explained, segments, decimals):
        n_rows += block.lists.height
        shards: list[list[tuple[bytes, bytes]]] = [[] for _ in writers]
        for record in pack_records(block):
            shards[shard_of(record[0], n_shards)].append(record)
        for writer, records in zip(writers, shards, strict=True):
            writer.append(records)
            n_users += len(records)
            n_bytes += sum(len(value) for _, value in records)
    for writer in writers:
        writer.close()
    return WrittenUsers(n_users, n_rows, n_bytes)


def _blocks(
    inputs: ReleaseInputs,
    nums: pl.DataFrame,
    explained: pl.DataFrame,
    segments: Sequence[str],
    decimals: int,
) -> Iterator[UserBlock]:
    genres = pl.DataFrame(
        {"name": list(segments), "segment": range(len(segments))},
        schema={"name": pl.String, "segment": pl.Int32},
    )
    list_columns = ["user_id", "item_id", "score", "explanation_key"]
    tables = [
        SortedBlocks(inputs.lists, list_columns, "user_id"),
        SortedBlocks(inputs.recent_items, ["user_id", "item_id"], "user_id"),
        SortedBlocks(inputs.users, ["user_id", "preferences", "opted_out"], "user_id"),
    ]
    for lists, recent, users in side_by_side(tables):
        numbered = _with_fragment(with_item_num(lists, "item_id", nums, "lists"), explained)
        codes = quantise(lists["score"].to_numpy(), decimals)
        yield UserBlock(
            numbered.select("user_id", "item_num", "fragment", score_code=pl.Series(codes)),
            with_item_num(recent, "item_id", nums, "recent_items").select("user_id", "item_num"),
            _stated_segments(users, genres),
        )


def _with_fragment(rows: pl.DataFrame, explained: pl.DataFrame) -> pl.DataFrame:
    found = rows.join(explained, on="explanation_key", how="left", maintain_order="left")
    if found["fragment"].null_count():
        key = found.filter(pl.col("fragment").is_null())["explanation_key"][0]
        raise CheckFailed(f"lists has explanation {key!r}, which is not in the explanations table")
    wrong = found.filter(pl.col("target_num") != pl.col("item_num"))
    if wrong.height:
        user, item, key = wrong.select("user_id", "item_id", "explanation_key").row(0)
        raise CheckFailed(
            f"the sentence {key!r} of item {item!r} on the list of user {user!r} is about "
            f"another item; write the explanations again"
        )
    return found


def _stated_segments(users: pl.DataFrame, genres: pl.DataFrame) -> pl.DataFrame:
    """Returns user_id, segment for each stated preference that has a list, in stated order.

    Names are compared without regard to case. A user who opted out has no record, whatever they
    stated.
    """
    folded = pl.col("name").str.strip_chars().str.to_lowercase()
    named = genres.with_columns(folded).unique("name", keep="first", maintain_order=True)
    return (
        users.filter(~pl.col("opted_out"))
        .select("user_id", name="preferences")
        .explode("name")
        .with_columns(name=pl.lit(GENRE_PREFIX) + folded)
        .unique(maintain_order=True)
        .join(named, on="name", how="inner", maintain_order="left")
        .select("user_id", "segment")
    )
