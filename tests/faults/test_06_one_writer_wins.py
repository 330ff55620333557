"""Twenty publishers in processes of their own race for the log."""

import functools
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from core.errors import ReleaseConflict
from core.release_log import ReleaseLog

pytestmark = pytest.mark.faults


@functools.cache
def log_at(folder: Path) -> ReleaseLog:
    """Returns this process's own view of a log: entries that it has read are kept."""
    return ReleaseLog(folder)


def add(folder: Path, name: str, expected_seq: int | None) -> int:
    """Adds an entry; returns the number that it got, or 0 where another writer was faster."""
    try:
        return log_at(folder).append(
            "publish", name, name[:10], reason="race", expected_seq=expected_seq
        ).seq  # fmt: skip
    except ReleaseConflict:
        return 0


def add_stubbornly(folder: Path, name: str) -> int:
    """Adds an entry wherever the log ends, however often others are faster."""
    while not (seq := add(folder, name, None)):
        time.sleep(0.001)
    return seq


@pytest.fixture
def pool(trials):
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(trials(4, 20), context) as opened:
        yield opened


def test_one_wins_each_round(tmp_path, pool, trials):
    rounds = trials(5, 100)
    for seq in range(rounds):
        names = [f"2026-01-01.{seq:04d}{n:02d}" for n in range(20)]
        numbers = list(pool.map(add, [tmp_path] * 20, names, [seq] * 20))
        assert sorted(numbers) == [0] * 19 + [seq + 1]
        winner = names[numbers.index(seq + 1)]
        assert ReleaseLog(tmp_path).entries()[-1].release == winner
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"{seq:08d}.json" for seq in range(1, rounds + 1)
    ]


def test_none_is_lost_and_none_is_doubled(tmp_path, pool, trials):
    names = [f"2026-01-01.{n:06d}" for n in range(trials(60, 1000))]
    numbers = list(pool.map(add_stubbornly, [tmp_path] * len(names), names))
    assert sorted(numbers) == list(range(1, len(names) + 1))
    entries = ReleaseLog(tmp_path).entries()
    assert {entry.seq: entry.release for entry in entries} == dict(zip(numbers, names, strict=True))
