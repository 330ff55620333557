"""Which events the lake holds, asked without reading the lake.

For each ledger entry with events there is a small sorted file of hashes: 8 bytes of each event's
id and 8 of all that it says. It is memory-mapped and searched. The files are a cache: the hash is
that of the DuckDB version in their name, and whatever is missing, torn or of another version is
computed again from the entry's lake files.
"""

import io
from collections.abc import Iterable
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.ingest.entry import Entry
from assets.ingest.row_hash import hashes
from core.durable import replace_file
from core.schemas import EVENTS
from core.tables import read_table

Hashes = NDArray[np.uint64]
Run = tuple[Hashes, Hashes]  # ids ascending, and what each event says
_MERGE_FROM = 8  # runs of one file that are kept apart


def event_hashes(events: pl.DataFrame) -> Run:
    """Returns (n,) hashes of the ids and (n,) hashes of all that the events say, in row order."""
    frame = hashes(events, ["event_id"])
    return frame["key"].to_numpy(), frame["all"].to_numpy()


class EventIndex:
    """The events of the lake, and those accepted so far from the file at hand."""

    def __init__(self, lake: Path, entries: Iterable[Entry]) -> None:
        self._lake = lake
        self._stored = [_load(lake, entry) for entry in entries if _has_events(entry)]
        self._added: list[Run] = []

    def find(self, ids: Hashes) -> tuple[NDArray[np.bool_], Hashes]:
        """Returns which ids are known, and what the known events say; ids ascending, unique."""
        known = np.zeros(len(ids), bool)
        says = np.zeros(len(ids), np.uint64)
        for run_ids, run_says in (*self._stored, *self._added):
            place = np.minimum(np.searchsorted(run_ids, ids), len(run_ids) - 1)
            hit = run_ids[place] == ids
            known |= hit
            says[hit] = run_says[place[hit]]
        return known, says

    def add(self, ids: Hashes, says: Hashes) -> None:
        """Adds events just accepted; ids ascending, unique and unknown."""
        if len(ids):
            self._added.append((ids, says))
        if len(self._added) > _MERGE_FROM:
            self._added = [_merged(self._added)]

    def commit(self, entry: Entry) -> None:
        """Counts the file at hand, whose entry this is, as part of the lake."""
        if _has_events(entry):
            self._stored.append(_store(self._lake, entry, _merged(self._added)))
        self._added = []

    def forget(self) -> None:
        """Drops what was added from the file at hand."""
        self._added = []


def _has_events(entry: Entry) -> bool:
    return entry.table == EVENTS.name and entry.accepted > 0


def _merged(runs: list[Run]) -> Run:
    ids = np.concatenate([run[0] for run in runs])
    says = np.concatenate([run[1] for run in runs])
    order = np.argsort(ids)
    return ids[order], says[order]


def _path(lake: Path, entry: Entry) -> Path:
    folder = lake / "event_index"
    return folder / f"{entry.seq:08d}-{entry.sha256[:8]}-duckdb-{duckdb.__version__}.npy"


def _load(lake: Path, entry: Entry) -> Run:
    try:
        stored = np.load(_path(lake, entry), mmap_mode="r", allow_pickle=False)
        if stored.shape == (2, entry.accepted) and stored.dtype == np.uint64:
            return stored[0], stored[1]
    except (OSError, ValueError, EOFError):
        pass  # absent or torn: a cache is made again
    parts = [
        event_hashes(read_table(lake / file.path, EVENTS))
        for file in entry.files
        if file.table == EVENTS.name
    ]
    return _store(lake, entry, _merged(parts))


def _store(lake: Path, entry: Entry, run: Run) -> Run:
    content = io.BytesIO()
    np.save(content, np.stack(run), allow_pickle=False)
    replace_file(_path(lake, entry), content.getvalue())
    return run
