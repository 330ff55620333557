"""Writes the users' records into their shards: ranges of users, then shards, side by side."""

from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq

from core.staging import Staging
from serving.layout import shard_file
from serving.record_packing import Records
from serving.record_store import RecordWriter
from serving.sorted_blocks import EVERY_KEY, KeyRange, equal_ranges
from serving.spill import SpillWriter, read_spill
from serving.user_blocks import UserSource

_GROUPS_PER_WORKER = 16
"""Row groups below which starting a process costs more than it saves."""


@dataclass(frozen=True)
class WrittenUsers:
    """What was written: users with a record, bytes of their records."""

    n_users: int
    n_bytes: int


def write_users(
    staging: Staging, source: UserSource, *, n_shards: int, n_workers: int
) -> WrittenUsers:
    """Writes a record for each user with a list, recent items or a preference with a segment.

    One worker fills the shards as it reads. Several take a range of users each and set their
    records aside by shard, and then a shard each, to which they append the ranges in order: every
    row is read once and every shard written by one process, and the bytes are the same.

    Args:
        staging: where to write.
        source: what to read.
        n_shards: files to spread the users over.
        n_workers: processes at most; a table of fewer than two million rows a worker gets fewer.

    Raises:
        CheckFailed: as `UserSource.records` says.
    """
    shards = [staging.file(shard_file(n)) for n in range(n_shards)]
    n_groups = pq.read_metadata(source.inputs.lists).num_row_groups
    n_ranges = min(n_workers, max(1, n_groups // _GROUPS_PER_WORKER))
    ranges = equal_ranges(source.inputs.lists, "user_id", n_ranges)
    if len(ranges) == 1:
        return _total([_pack_all(source, shards)])
    with (
        TemporaryDirectory(prefix=".spill-", dir=staging.path) as folder,
        ProcessPoolExecutor(len(ranges), get_context("spawn")) as workers,
    ):
        spills = [[Path(folder, f"{n}-{path.name}") for path in shards] for n in range(len(ranges))]
        packed = [
            workers.submit(_pack_range, source, keys, paths)
            for keys, paths in zip(ranges, spills, strict=True)
        ]
        for job in packed:
            job.result()
        written = [
            workers.submit(_fill_shard, path, [row[n] for row in spills])
            for n, path in enumerate(shards)
        ]
        return _total(job.result() for job in written)


def _pack_all(source: UserSource, shards: list[Path]) -> WrittenUsers:
    totals = []
    with ExitStack() as stack:
        writers = [stack.enter_context(RecordWriter(path)) for path in shards]
        for block in source.records(EVERY_KEY, len(shards)):
            for writer, records in zip(writers, block, strict=True):
                totals.append(_append(writer, records))
    return _total(totals)


def _pack_range(source: UserSource, keys: KeyRange, spills: list[Path]) -> None:
    writers = [SpillWriter(path) for path in spills]
    for block in source.records(keys, len(spills)):
        for writer, records in zip(writers, block, strict=True):
            writer.append(records)
    for writer in writers:
        writer.close()


def _fill_shard(shard: Path, spills: list[Path]) -> WrittenUsers:
    with RecordWriter(shard) as writer:
        return _total(_append(writer, records) for path in spills for records in read_spill(path))


def _append(writer: RecordWriter, records: Records) -> WrittenUsers:
    writer.append(records.keys, records.values())
    return WrittenUsers(len(records.keys), len(records.content))


def _total(parts: Iterable[WrittenUsers]) -> WrittenUsers:
    every = list(parts)
    return WrittenUsers(sum(x.n_users for x in every), sum(x.n_bytes for x in every))
