"""Texts by number, cut from a mapped file once and then at hand."""

from collections.abc import Callable, Sequence

_MOST = 200_000


class KeptTexts:
    """Keeps what `text` returns for each number, never empty; a look-up is a load from a list.

    Threads may share one: a text that two of them make is the same text.

    Args:
        n_texts: how many there are, numbered from 0; −1 is the last one, as ever.
        text: makes one.
        n_most: kept at most; with one more, all are forgotten and kept anew.
    """

    __slots__ = ("_kept", "_n_kept", "_n_most", "_n_texts", "_text")

    def __init__(self, n_texts: int, text: Callable[[int], bytes], n_most: int = _MOST) -> None:
        self._n_texts, self._text, self._n_most = n_texts, text, n_most
        self._kept: list[bytes | None] = [None] * n_texts
        self._n_kept = 0

    def __getitem__(self, number: int) -> bytes:
        """Returns one text."""
        return self._kept[number] or self._made(number)

    def of(self, numbers: Sequence[int]) -> list[bytes]:
        """Returns the text of each number."""
        found: list[bytes | None] = list(map(self._kept.__getitem__, numbers))
        if all(found):
            return found  # type: ignore[return-value]  # there is no None
        return [self[number] for number in numbers]

    def _made(self, number: int) -> bytes:
        if self._n_kept >= self._n_most:
            self._kept, self._n_kept = [None] * self._n_texts, 0
        text = self._kept[number] = self._text(number)
        self._n_kept += 1
        return text
