"""Quotes and separators of a CSV buffer, counted so that any run of lines can be judged at once.

Legend: L lines, Q quotes, R records of one buffer.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]
Bytes = NDArray[np.uint8]
QUOTE = 34


@dataclass(frozen=True)
class Marks:
    """Quotes and separators of a buffer as counts at line bounds, for both quote parities.

    Index g is the parity of the quotes before a record: a record that begins after an odd number
    of quotes (because an earlier one was broken) reads every quote the other way round.
    """

    before: Places  # (L,) quotes before the line
    after: Places  # (L,) quotes up to its end
    separators_before: tuple[Places, Places]  # (L,) separators outside quotes, by g
    separators_after: tuple[Places, Places]
    misplaced: tuple[Places, Places]  # (Q + 1,) quotes in a wrong place so far, by g

    @classmethod
    def of(cls, buffer: Bytes, separator: int, starts: Places, ends: Places) -> "Marks":
        """Counts the marks of a buffer whose lines lie at starts..ends."""
        quotes = np.flatnonzero(buffer == QUOTE)
        separators = np.flatnonzero(buffer == separator)
        odd = (np.searchsorted(quotes, separators) & 1).astype(bool) if len(quotes) else None
        by_parity = (
            (separators, separators[:0]) if odd is None else (separators[~odd], separators[odd])
        )
        return cls(
            np.searchsorted(quotes, starts),
            np.searchsorted(quotes, ends),
            (np.searchsorted(by_parity[0], starts), np.searchsorted(by_parity[1], starts)),
            (np.searchsorted(by_parity[0], ends), np.searchsorted(by_parity[1], ends)),
            _misplaced(buffer, quotes, separator),
        )

    def n_separators(self, first: Places, last: Places) -> Places:
        """(R,) separators outside quotes in the records that span lines first..last."""
        even = self.separators_after[0][last] - self.separators_before[0][first]
        odd = self.separators_after[1][last] - self.separators_before[1][first]
        return np.where(self.before[first] & 1, odd, even)

    def n_misplaced(self, first: Places, last: Places) -> Places:
        """(R,) quotes that open inside a field or close before its end."""
        even = self.misplaced[0][self.after[last]] - self.misplaced[0][self.before[first]]
        odd = self.misplaced[1][self.after[last]] - self.misplaced[1][self.before[first]]
        return np.where(self.before[first] & 1, odd, even)


def _misplaced(buffer: Bytes, quotes: Places, separator: int) -> tuple[Places, Places]:
    """Returns running counts of misplaced quotes when even, or odd, quotes are the opening ones."""
    bounds = np.zeros(256, bool)
    bounds[[separator, 10, 13, QUOTE]] = True
    opens_badly = ~bounds[buffer[np.maximum(quotes - 1, 0)]] & (quotes > 0)
    last = len(buffer) - 1
    closes_badly = ~bounds[buffer[np.minimum(quotes + 1, last)]] & (quotes < last)
    is_even = np.arange(len(quotes)) % 2 == 0
    even = np.where(is_even, opens_badly, closes_badly)
    odd = np.where(is_even, closes_badly, opens_badly)
    return _running(even), _running(odd)


def _running(flags: NDArray[np.bool_]) -> Places:
    return np.concatenate([[0], np.cumsum(flags)])
