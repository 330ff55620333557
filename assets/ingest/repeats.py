"""Which rows repeat what is known already."""

from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.ingest.event_index import EventIndex
from assets.ingest.index_runs import event_hashes
from assets.ingest.row_hash import hashes

NEW, DUPLICATE, REUSED = 0, 1, 2
REUSED_REASON = "event_id reused with another payload"
Verdicts = NDArray[np.uint8]


class Repeats(Protocol):
    """Judges accepted rows in file order."""

    def judge(self, rows: pl.DataFrame) -> Verdicts:
        """Returns NEW, DUPLICATE or REUSED for each row, and remembers the new ones."""
        ...


class EventRepeats:
    """Events: an id counts once, with the payload that it came with first."""

    def __init__(self, index: EventIndex) -> None:
        self.index = index

    def judge(self, rows: pl.DataFrame) -> Verdicts:
        """Returns a verdict for each event."""
        if not len(rows):
            return np.zeros(0, np.uint8)
        ids, says = event_hashes(rows)
        distinct, first, place = np.unique(ids, return_index=True, return_inverse=True)
        known, known_says = self.index.find(distinct)
        original = np.where(known, known_says, says[first])
        self.index.add(distinct[~known], says[first][~known])
        verdicts = np.where(says == original[place], DUPLICATE, REUSED).astype(np.uint8)
        verdicts[first[~known]] = NEW
        return verdicts


class StatementRepeats:
    """Items, users, tags: a row that says what the last one on its key in the file said."""

    def __init__(self, keys: list[str]) -> None:
        self._keys = keys
        self._ids = np.empty(0, np.uint64)
        self._says = np.empty(0, np.uint64)

    def judge(self, rows: pl.DataFrame) -> Verdicts:
        """Returns a verdict for each statement."""
        frame = hashes(rows, self._keys)
        n_known = len(self._ids)
        ids = np.concatenate([self._ids, frame["key"].to_numpy()])
        says = np.concatenate([self._says, frame["all"].to_numpy()])
        order = np.argsort(ids, kind="stable")
        same_id = ids[order][1:] == ids[order][:-1]
        same = np.zeros(len(ids), bool)
        same[order[1:]] = same_id & (says[order][1:] == says[order][:-1])
        is_last = np.append(~same_id, True)[: len(ids)]
        self._ids, self._says = ids[order][is_last], says[order][is_last]
        return np.where(same[n_known:], DUPLICATE, NEW).astype(np.uint8)
