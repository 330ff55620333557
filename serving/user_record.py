"""One user's record as the server reads it; `record_packing` writes it, `layout` describes it."""

import struct
from collections.abc import Callable, Sequence
from functools import cache

from serving.layout import Layout


class UserRecord:
    """What a release holds of one user.

    Attributes:
        n_rows: rows of the personal list.
        recent: numbers of the items that the user touched last.
        segments: numbers of the segments that the user stated a liking for.
    """

    __slots__ = ("_content", "_layout", "n_rows", "recent", "segments")

    def __init__(self, content: bytes, layout: Layout) -> None:
        n_rows, n_recent, n_segments = content[0], content[1], content[2]
        self._content = content
        self._layout = layout
        self.n_rows = n_rows
        recent_at = 4 + 6 * n_rows
        segments_at = recent_at + 2 * n_recent
        self.recent: Sequence[int] = _uint16(n_recent)(content, recent_at)
        self.segments: Sequence[int] = _uint16(n_segments)(content, segments_at)
        if layout.wide_items:
            high_at = self._high_at() + n_rows
            self.recent = _joined(self.recent, content[high_at : high_at + n_recent])

    def rows(self, n: int) -> tuple[Sequence[int], Sequence[int], Sequence[int]]:
        """Returns item numbers, score codes and reason numbers of the first n rows."""
        size, content, layout = self.n_rows, self._content, self._layout
        n = min(n, size)
        items: Sequence[int] = _uint16(n)(content, 4)
        codes: Sequence[int] = _int16(n)(content, 4 + 2 * size)
        reasons: Sequence[int] = _uint16(n)(content, 4 + 4 * size)
        if layout.wide_items or layout.wide_reasons:
            high_at = self._high_at()
            if layout.wide_items:
                items = _joined(items, content[high_at : high_at + n])
                high_at += size + len(self.recent)
            if layout.wide_reasons:
                reasons = _joined(reasons, content[high_at : high_at + n])
        return items, codes, reasons

    def _high_at(self) -> int:
        return 2 * (2 + 3 * self.n_rows + len(self.recent) + len(self.segments))


_Unpack = Callable[[bytes, int], tuple[int, ...]]


@cache
def _uint16(n: int) -> _Unpack:
    return struct.Struct(f"<{n}H").unpack_from


@cache
def _int16(n: int) -> _Unpack:
    return struct.Struct(f"<{n}h").unpack_from


def _joined(low: Sequence[int], high: bytes) -> list[int]:
    return [a | b << 16 for a, b in zip(low, high, strict=True)]
