"""What is packed is read back, for numbers of two bytes and of three."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from core.errors import CheckFailed
from serving.layout import NARROW, WIDE, shard_of
from serving.record_packing import UserBlock, pack_records
from serving.user_record import UserRecord
from serving.user_runs import UserRuns

N_SHARDS = 3


def runs(ids, sizes, **columns):
    return UserRuns(pa.array(ids, pa.large_string()), np.array(sizes, np.int64), columns)


def random_block(rng, n_items, n_reasons):
    """Returns a block of users of every shape, and by user what was put in."""
    ids = [f"u{n:03d}" for n in range(200)]
    truth = {}
    parts = {"lists": ([], []), "recent": ([], []), "segments": ([], [])}
    columns = {"item": [], "score": [], "reason": [], "recent": [], "segment": []}
    for user in ids:
        n, r, s = rng.integers(0, 65), rng.integers(0, 11), rng.integers(0, 5)
        truth[user] = {
            "item": rng.choice(n_items, n, replace=False).tolist(),
            "score": rng.integers(-32_767, 32_768, n).tolist(),
            "reason": rng.integers(0, n_reasons, n).tolist(),
            "recent": rng.integers(0, n_items, r).tolist(),
            "segment": rng.integers(0, 60_000, s).tolist(),
        }
        for name, size in (("lists", n), ("recent", r), ("segments", s)):
            if size:
                parts[name][0].append(user)
                parts[name][1].append(size)
        for name, values in truth[user].items():
            columns[name] += values
    of = {name: np.array(values, np.int32) for name, values in columns.items()}
    rows = {"item": of["item"], "score": of["score"].astype(np.int16), "reason": of["reason"]}
    block = UserBlock(
        runs(*parts["lists"], **rows),
        runs(*parts["recent"], item=of["recent"]),
        runs(*parts["segments"], segment=of["segment"]),
    )
    return block, {user: told for user, told in truth.items() if any(told.values())}


@pytest.mark.parametrize("n_items", [NARROW, WIDE])
@pytest.mark.parametrize("n_reasons", [NARROW, WIDE])
def test_records_of_every_shape_and_width_are_read_back(n_items, n_reasons):
    block, truth = random_block(np.random.default_rng(7), n_items, n_reasons)
    wide = {"wide_items": n_items > NARROW, "wide_reasons": n_reasons > NARROW}
    shards = pack_records(block, n_shards=N_SHARDS, **wide)
    assert sum(len(shard.keys) for shard in shards) == len(truth)
    for number, shard in enumerate(shards):
        assert shard.keys == sorted(shard.keys)
        for key, value in zip(shard.keys, shard.values(), strict=True):
            assert shard_of(key, N_SHARDS) == number
            told = truth[key.decode()]
            record = UserRecord(value, SimpleNamespace(**wide))
            columns = [told["item"], told["score"], told["reason"]]
            assert list(map(list, record.rows(64))) == columns
            assert list(map(list, record.rows(7))) == [column[:7] for column in columns]
            assert list(record.recent) == told["recent"]
            assert list(record.segments) == told["segment"]


def test_fifty_rows_and_ten_recent_items_take_the_bytes_that_were_promised():
    item, score = np.arange(50, dtype=np.int32), np.zeros(50, np.int16)
    one = runs(["ann"], [50], item=item, score=score, reason=item)
    block = UserBlock(
        one, runs(["ann"], [10], item=item[:10]), runs([], [], segment=np.zeros(0, np.int32))
    )
    sizes = {
        wide: pack_records(block, n_shards=1, wide_items=wide, wide_reasons=False)[0].sizes.tolist()
        for wide in (False, True)
    }
    assert sizes == {False: [4 + 50 * 6 + 10 * 2], True: [4 + 50 * 7 + 10 * 3]}


def test_an_item_twice_is_refused_whatever_the_number_of_users_and_items():
    for last in (5, WIDE - 1):
        item = np.array([1, last, 1], np.int32)
        listed = runs(["ann"], [3], item=item, score=item.astype(np.int16), reason=item)
        nothing = runs([], [], item=item[:0], segment=item[:0])
        with pytest.raises(CheckFailed, match="a list holds an item twice"):
            pack_records(
                UserBlock(listed, nothing, nothing), n_shards=1, wide_items=True, wide_reasons=True
            )
