"""How fast a release is built from its tables, how small it is, and how fast it is verified.

Peers in the same run: SQLite, given the very same records in bulk (the usual way to have look-ups
in a file), and `sha256sum` over the same files for the verification. `peak_mb` of two sizes shows
whether memory grows with the users.
"""

import argparse
import json
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.release_tables import ROWS, TABLES, write_tables

CLAIM = "users a second and a core from the lists' Parquet to a verified release, and its size"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the benchmark's arguments."""
    parser.add_argument("--users", type=_count, nargs="+", default=[200_000], metavar="N")
    parser.add_argument("--items", type=_count, default=50_000, metavar="N", help="default 50,000")
    parser.add_argument("--workers", type=_count, nargs="+", default=[1, 2], metavar="N")
    parser.add_argument("--seed", type=int, default=101, metavar="N", help="default 101")


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 100_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 100,000,000")
    return int(text)


def run(options: argparse.Namespace) -> tuple[dict[str, Any], str]:
    """Measures every size; returns the figures and a table."""
    sizes = [_measure(n, options) for n in options.users]
    return {"items": options.items, "rows_per_user": ROWS, "sizes": sizes}, _table(sizes)


def _measure(n_users: int, options: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_tables(folder, n_users, options.items, options.seed)
        built = [_in_own_process(folder, workers) for workers in options.workers]
        checked = _verify(folder / "release")
        return {
            "users": n_users,
            "builds": built,
            **checked,
            "sqlite_users_per_second": round(_sqlite(folder)),
        }


def _in_own_process(folder: Path, n_workers: int) -> dict[str, Any]:
    subprocess.run(["rm", "-rf", str(folder / "release")], check=True)
    told = subprocess.run(
        [sys.executable, "-m", __name__, str(folder), str(n_workers)],
        stdout=subprocess.PIPE, text=True, check=True,
    ).stdout  # fmt: skip
    result: dict[str, Any] = json.loads(told.splitlines()[-1])
    return result


def build(folder: Path, n_workers: int) -> dict[str, Any]:
    """Builds the release in `folder` from the tables there; returns the figures.

    `users_files_per_cpu_second` counts the users' files alone, the rest the build as a whole.
    """
    from core.memory import peak_mb
    from core.staging import Staging
    from serving import builder
    from serving.user_files import write_users

    inputs = builder.ReleaseInputs(**{table: folder / f"{table}.parquet" for table in TABLES})
    staging = Staging(folder / "release")
    staging.path.mkdir()
    timed = _Timed(write_users)
    start, cpu = time.perf_counter(), _cpu_seconds()
    with patch.object(builder, "write_users", timed):
        facts = builder.build_release(
            staging, inputs, date(2026, 3, 1), n_shards=8, n_workers=n_workers
        )
    seconds, cpu = time.perf_counter() - start, _cpu_seconds() - cpu
    n_users = facts["n_users"]
    # Not RUSAGE_SELF: what the process that started this one held would count in it.
    in_workers = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
    return {
        "workers": n_workers,
        "seconds": round(seconds, 2),
        "users_per_second": round(n_users / seconds),
        "users_per_cpu_second": round(n_users / cpu),
        "users_files_per_cpu_second": round(n_users / timed.cpu_seconds),
        "peak_mb": max(round(peak_mb()), in_workers),
        "hot_bytes_per_user": round(facts["user_bytes"] / n_users, 1),
        "record_bytes_per_user": round(facts["record_bytes"] / n_users, 1),
        "fragment_bytes": facts["fragment_bytes"],
        "why_bytes_per_user": round(facts["why_bytes"] / n_users, 1),
    }


class _Timed:
    """A function that counts the processor time spent in it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self.cpu_seconds = 0.0

    def __call__(self, *args: Any, **options: Any) -> Any:
        start = _cpu_seconds()
        try:
            return self._function(*args, **options)
        finally:
            self.cpu_seconds += _cpu_seconds() - start


def _cpu_seconds() -> float:
    """Processor time of this process and of the workers that it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _verify(release: Path) -> dict[str, Any]:
    """Verifies every byte as a reader does, and has `sha256sum` read the same files."""
    from core.manifest import FileRecord, Manifest, hash_file, verify

    paths = sorted(path for path in release.rglob("*") if path.is_file())
    files = {
        path.relative_to(release).as_posix(): FileRecord(path.stat().st_size, hash_file(path))
        for path in paths
    }
    manifest = Manifest("release", "x", "2026-03-01", files, {}, {}, 0, "")
    total = sum(record.bytes for record in files.values())
    start = time.perf_counter()
    verify(release, manifest)
    ours = time.perf_counter() - start
    start = time.perf_counter()
    subprocess.run(["sha256sum", *map(str, paths)], stdout=subprocess.DEVNULL, check=True)
    theirs = time.perf_counter() - start
    return {
        "release_bytes": total,
        "verified_mb_per_second": round(total / 1e6 / ours),
        "sha256sum_mb_per_second": round(total / 1e6 / theirs),
    }


def _sqlite(folder: Path) -> float:
    """Users a second that SQLite takes in, given ready-made records in order of their keys."""
    from serving.layout import shard_file
    from serving.record_store import RecordReader

    reader = RecordReader(folder / "release" / shard_file(0))
    records = list(reader.items())
    start = time.perf_counter()
    with sqlite3.connect(folder / "peer.sqlite") as peer:
        peer.execute("pragma journal_mode=off")
        peer.execute("pragma synchronous=off")
        peer.execute("create table users (id blob primary key, record blob) without rowid")
        peer.executemany("insert into users values (?, ?)", records)
    seconds = time.perf_counter() - start
    return len(records) / seconds


def _table(sizes: list[dict[str, Any]]) -> str:
    lines = []
    for size in sizes:
        lines.append(
            f"{size['users']:,} users: {size['release_bytes'] / 1e6:,.0f} MB, verified at "
            f"{size['verified_mb_per_second']:,} MB/s (sha256sum "
            f"{size['sha256sum_mb_per_second']:,}); SQLite takes "
            f"{size['sqlite_users_per_second']:,} users/s of ready records"
        )
        lines += [
            f"  {b['workers']} workers: {b['seconds']} s, {b['users_per_second']:,} users/s, "
            f"{b['users_per_cpu_second']:,} a core "
            f"({b['users_files_per_cpu_second']:,} for the users' files alone); "
            f"peak {b['peak_mb']:,} MB; "
            f"{b['hot_bytes_per_user']} bytes a user on the hot path "
            f"({b['record_bytes_per_user']} of records), why-records {b['why_bytes_per_user']} "
            f"a user, fragments {b['fragment_bytes'] / 1e6:,.0f} MB in all"
            for b in size["builds"]
        ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(json.dumps(build(Path(sys.argv[1]), int(sys.argv[2]))))
