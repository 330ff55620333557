"""Parquet files without an erased user: which rows go is told by a table's columns alone.

    user_id           the row is theirs
    user_num          the row is theirs, by the numbering of the `users` that it was made with
    event_id          (and no user) the event is not among the clean ones any more

Where a row's place is a number that others use, the row stays and says nothing: in `users`, and in
`explanations`, whose sentence may stand on nobody else's list.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from core.erased_users import ErasedUsers
from core.schemas import USERS

Rows = Iterator[pa.Table]


def own_ids(path: Path, erased: ErasedUsers) -> list[str]:
    """Returns the ids of erased users in a file's `user_id`."""
    ids = pl.scan_parquet(path, hive_partitioning=False).select("user_id").unique()
    return sorted(erased.among(ids.collect(engine="streaming")["user_id"]))


def blocks(path: Path) -> Iterator[pl.DataFrame]:
    """Yields a file's rows, a row group at a time."""
    file = pq.ParquetFile(path)
    for number in range(file.num_row_groups):
        frame = pl.from_arrow(file.read_row_group(number))
        assert isinstance(frame, pl.DataFrame)
        yield frame


def without(path: Path, column: str, values: Iterable[str | int]) -> Rows:
    """Yields a file's rows but those with one of the values."""
    gone = list(values)
    for rows in blocks(path):
        yield rows.filter(~pl.col(column).is_in(gone)).to_arrow()


def only(path: Path, column: str, values: pl.Series) -> Rows:
    """Yields a file's rows with one of the values."""
    for rows in blocks(path):
        yield rows.join(
            values.to_frame(column), on=column, how="semi", maintain_order="left"
        ).to_arrow()


def kept_keys(lists: Path, erased: ErasedUsers) -> pl.Series:
    """Returns the keys of the sentences on the lists of users who are not erased."""
    gone = own_ids(lists, erased)
    rows = pl.scan_parquet(lists).filter(~pl.col("user_id").is_in(gone)).select("explanation_key")
    return rows.unique().collect(engine="streaming")["explanation_key"]


def unheard(path: Path, keys: pl.Series) -> bool:
    """Returns whether `explanations` has a sentence that has none of the keys."""
    rows = pl.scan_parquet(path).filter(pl.col("text") != "")
    others = rows.join(keys.to_frame("explanation_key").lazy(), on="explanation_key", how="anti")
    return bool(others.select(pl.len()).collect(engine="streaming").item())


def silenced(path: Path, keys: pl.Series) -> Rows:
    """Yields EXPLANATIONS in which the sentences with other keys say nothing, of no source."""
    heard = pl.col("explanation_key").is_in(keys.implode())
    blank = pl.format("erased:{}:{}", "target_item_id", "reason_num")
    for rows in blocks(path):
        yield rows.with_columns(
            explanation_key=pl.when(heard).then("explanation_key").otherwise(blank),
            source_item_id=pl.when(heard).then("source_item_id"),
            text=pl.when(heard).then("text").otherwise(pl.lit("")),
            facts_hash=pl.when(heard).then("facts_hash").otherwise(pl.lit("")),
        ).to_arrow()


def blanked(users: pl.DataFrame, erased: ErasedUsers) -> pl.DataFrame:
    """Returns USERS with the same numbers, in which the erased have no name and no list.

    A blank is called like the person before it with as many NULs at the end as keep the order: no
    id holds a NUL. Blanks of earlier erasures are called anew, for the person before may be gone.
    """
    gone = is_blank(users["user_id"]) | erased.own(users["user_id"])
    place = pl.int_range(pl.len())
    named = pl.when(~pl.lit(gone)).then("user_id").forward_fill().fill_null("")
    since = pl.when(~pl.lit(gone)).then(place).forward_fill().fill_null(-1)
    blank = pl.concat_str(named, pl.lit("\0").repeat_by(place - since).list.join(""))
    kept = {
        name: pl.when(~pl.lit(gone)).then(name)
        for name in USERS.names
        if name not in ("user_id", "opted_out")
    }
    return users.select(
        pl.when(pl.lit(gone)).then(blank).otherwise("user_id").alias("user_id"),
        *(expression.alias(name) for name, expression in kept.items()),
        (pl.col("opted_out") | pl.lit(gone)).alias("opted_out"),
    ).select(USERS.names)


def is_blank(user_ids: pl.Series) -> pl.Series:
    """Returns which rows of `users` are blanks, bool."""
    return user_ids.str.ends_with("\0")


def gone_nums(users: Path, erased: ErasedUsers) -> list[int]:
    """Returns the user numbers of the erased, by the `users` that gave them; blanked or not."""
    ids = pl.read_parquet(users, columns=["user_id"])["user_id"]
    return (is_blank(ids) | erased.own(ids)).arg_true().to_list()
