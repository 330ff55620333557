"""Which events the lake holds, asked without reading the lake: 16 bytes an event, searched."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assets.ingest.entry import Entry
from assets.ingest.index_runs import (
    Hashes,
    Run,
    drop_runs,
    has_events,
    load_runs,
    merged,
    store_run,
)

_MERGE_FROM = 8  # runs of one file that are kept apart
_LARGEST = 16_000_000  # events of a merged run, 256 MB


class EventIndex:
    """The events of the lake, and those accepted so far from the file at hand.

    Args:
        lake: the lake's folder.
        entries: the ledger's entries; the list that grows with the ledger.
    """

    def __init__(self, lake: Path, entries: Sequence[Entry]) -> None:
        self._lake = lake
        self._entries = entries
        self._stored = load_runs(lake, entries)
        self._added: list[Run] = []

    def find(self, ids: Hashes) -> tuple[NDArray[np.bool_], Hashes]:
        """Returns which ids are known, and what the known events say; ids ascending, unique."""
        known = np.zeros(len(ids), bool)
        says = np.zeros(len(ids), np.uint64)
        for run in (*self._stored, *self._added):
            place = np.minimum(np.searchsorted(run.ids, ids), len(run.ids) - 1)
            hit = run.ids[place] == ids
            known |= hit
            says[hit] = run.says[place[hit]]
        return known, says

    def add(self, ids: Hashes, says: Hashes) -> None:
        """Adds events just accepted; ids ascending, unique and unknown."""
        if len(ids):
            self._added.append(Run(ids, says))
        if len(self._added) > _MERGE_FROM:
            self._added = [merged(self._added)]

    def commit(self, entry: Entry) -> None:
        """Counts the file at hand, whose entry this is, as part of the lake.

        Its run takes in earlier ones that are not much larger, so that their number grows with
        the logarithm of the lake.
        """
        if has_events(entry):
            own = merged(self._added)
            whole, taken = Run(own.ids, own.says, entry.seq, entry.seq), []
            while self._stored and _belongs(self._stored[-1], whole):
                taken.append(self._stored.pop())
                whole = merged([taken[-1], whole])
            store_run(self._lake, self._entries, whole)
            drop_runs(self._lake, self._entries, taken)
            self._stored.append(whole)
        self._added = []

    def forget(self) -> None:
        """Drops what was added from the file at hand."""
        self._added = []


def _belongs(earlier: Run, later: Run) -> bool:
    """Returns whether two neighbours should be one run."""
    size = len(earlier.ids) + len(later.ids)
    return len(earlier.ids) <= 2 * len(later.ids) and size <= _LARGEST
