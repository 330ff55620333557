"""One user's record as the server reads it; `record_packing` writes it, `layout` describes it."""

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
        words = memoryview(content).cast("H")
        recent_at = 2 + 3 * n_rows
        segments_at = recent_at + n_recent
        self.recent: list[int] = words[recent_at:segments_at].tolist()
        self.segments: list[int] = words[segments_at : segments_at + n_segments].tolist()
        if layout.wide_items:
            high_at = self._high_at() + n_rows
            self.recent = _joined(self.recent, content[high_at : high_at + n_recent])

    def rows(self, n: int) -> tuple[list[int], list[int], list[int]]:
        """Returns item numbers, score codes and reason numbers of the first n rows."""
        size = self.n_rows
        n = min(n, size)
        view = memoryview(self._content)
        words = view.cast("H")
        items: list[int] = words[2 : 2 + n].tolist()
        codes: list[int] = view.cast("h")[2 + size : 2 + size + n].tolist()
        reasons: list[int] = words[2 + 2 * size : 2 + 2 * size + n].tolist()
        layout = self._layout
        if layout.wide_items or layout.wide_reasons:
            high_at = self._high_at()
            if layout.wide_items:
                items = _joined(items, view[high_at : high_at + n])
                high_at += size + len(self.recent)
            if layout.wide_reasons:
                reasons = _joined(reasons, view[high_at : high_at + n])
        return items, codes, reasons

    def _high_at(self) -> int:
        return 2 * (2 + 3 * self.n_rows + len(self.recent) + len(self.segments))


def _joined(low: list[int], high: bytes | memoryview) -> list[int]:
    return [a | b << 16 for a, b in zip(low, high, strict=True)]
