"""The event index on disk: sorted runs of hashes, each over a stretch of the ledger.

Runs grow by merging, so that a ledger of many small files has few of them. They are a cache: the
hash is that of the DuckDB version in their names, and whatever is missing, torn, of another
version or of other entries is computed again from the lake.
"""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.ingest.entry import Entry
from assets.ingest.row_hash import hashes
from core.durable import replace_file
from core.ids import digest
from core.schemas import EVENTS
from core.tables import read_table

Hashes = NDArray[np.uint64]
FOLDER = "event_index"
_NAME = re.compile(r"([0-9]{8})-([0-9]{8})-")
_SUFFIX = f"-duckdb-{duckdb.__version__}.npy"


@dataclass(frozen=True)
class Run:
    """The events of some ledger entries, n of them.

    Attributes:
        ids: (n,) hashes of the event ids, ascending.
        says: (n,) hashes of all that the events say.
        first: number of the first entry; 0 for events that no entry holds yet.
        last: number of the last entry.
    """

    ids: Hashes
    says: Hashes
    first: int = 0
    last: int = 0


def event_hashes(events: pl.DataFrame) -> tuple[Hashes, Hashes]:
    """Returns (n,) hashes of the ids and (n,) hashes of all that the events say, in row order."""
    frame = hashes(events, ["event_id"])
    return frame["key"].to_numpy(), frame["all"].to_numpy()


def has_events(entry: Entry) -> bool:
    """Returns whether an entry brought events into the lake."""
    return entry.table == EVENTS.name and entry.accepted > 0


def merged(runs: Sequence[Run]) -> Run:
    """Returns runs as one, over the stretch from the first's start to the last's end."""
    ids = np.concatenate([run.ids for run in runs])
    says = np.concatenate([run.says for run in runs])
    order = np.argsort(ids)
    return Run(ids[order], says[order], runs[0].first, runs[-1].last)


def load_runs(lake: Path, entries: Sequence[Entry]) -> list[Run]:
    """Returns runs that together cover all events of the entries, in ledger order.

    Runs that lie in the folder and are of no use are removed.

    Raises:
        IntegrityError: a run must be computed and a lake file is missing or damaged.
    """
    stored: dict[int, list[int]] = {}
    for path in (lake / FOLDER).glob(f"*{_SUFFIX}"):
        if named := _NAME.match(path.name):
            stored.setdefault(int(named[1]), []).append(int(named[2]))
    runs: list[Run] = []
    used: set[Path] = set()
    seq = 1
    while seq <= len(entries):
        run = None
        for last in sorted(stored.get(seq, []), reverse=True):
            if run := _read(lake, entries, seq, last):
                used.add(_path(lake, entries, seq, last))
                break
        if run is None and has_events(entries[seq - 1]):
            run = _computed(lake, entries[seq - 1])
            used.add(store_run(lake, entries, run))
        if run:
            runs.append(run)
        seq = run.last + 1 if run else seq + 1
    for path in (lake / FOLDER).glob("*.npy"):
        if path not in used:
            path.unlink()
    return runs


def store_run(lake: Path, entries: Sequence[Entry], run: Run) -> Path:
    """Stores a run over a stretch of the ledger; returns its file."""
    content = io.BytesIO()
    np.save(content, np.stack([run.ids, run.says]), allow_pickle=False)
    path = _path(lake, entries, run.first, run.last)
    replace_file(path, content.getvalue())
    return path


def drop_runs(lake: Path, entries: Sequence[Entry], runs: Sequence[Run]) -> None:
    """Removes the files of runs that a merged one replaces."""
    for run in runs:
        _path(lake, entries, run.first, run.last).unlink(missing_ok=True)


def _path(lake: Path, entries: Sequence[Entry], first: int, last: int) -> Path:
    content = digest([entry.sha256 for entry in entries[first - 1 : last]])[:8]
    return lake / FOLDER / f"{first:08d}-{last:08d}-{content}{_SUFFIX}"


def _read(lake: Path, entries: Sequence[Entry], first: int, last: int) -> Run | None:
    """Returns a stored run, memory-mapped; None where it is torn or of other entries."""
    expected = sum(e.accepted for e in entries[first - 1 : last] if has_events(e))
    try:
        stored = np.load(_path(lake, entries, first, last), mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    if last > len(entries) or stored.shape != (2, expected) or stored.dtype != np.uint64:
        return None
    return Run(stored[0], stored[1], first, last)


def _computed(lake: Path, entry: Entry) -> Run:
    """Returns an entry's events as a run, from its lake files.

    Raises:
        IntegrityError: a lake file is missing or damaged.
    """
    parts = [
        Run(*event_hashes(read_table(lake / file.path, EVENTS)), entry.seq, entry.seq)
        for file in entry.files
        if file.table == EVENTS.name
    ]
    return merged(parts)
