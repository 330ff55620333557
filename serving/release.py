"""One release, mapped for reading."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from copy import copy
from functools import partial
from heapq import merge
from mmap import mmap
from pathlib import Path

import msgspec
import numpy as np

from core.errors import IntegrityError
from core.redactions import version_of
from serving import layout as names
from serving.kept_texts import KeptTexts
from serving.layout import Layout, n_fixed_pieces, read_layout, shard_of
from serving.mapped_file import Words, map_bytes, map_words
from serving.packed_lists import PackedLists
from serving.record_store import MAX_KEY_BYTES, RecordReader
from serving.scores import score_texts
from serving.user_record import UserRecord

_BEFORE_ID, _AFTER_ID = b',{"item_id":', b',"title":'
_SOURCE, _AFTER_SOURCE = b'"source_item_id":', b',"text":'


class Release:
    """A release's files, open for look-ups from one process.

    The pieces of JSON lie open for the answers' inner loop: piece n is
    `blob[offsets[n] : offsets[n + 1]]`.

    Attributes:
        heads: the items' heads, by their numbers; see `fragments`.
        id_texts: their ids as JSON.

    Its maps are given back when it is closed, or when nothing refers to it any more: a server
    drops its reference on a swap, and the request that came last takes the files with it.
    """

    def __init__(self, folder: Path, layout: Layout) -> None:
        self.folder = folder
        self.id = version_of(folder)
        self.id_bytes = self.id.encode()
        self.layout = layout
        self.n_fragments = n_fixed_pieces(layout.n_items, len(layout.segments))
        self.n_fragments += layout.n_explanations
        self.blob = map_bytes(folder / names.FRAGMENTS)
        self._firsts = map_words(folder / names.FRAGMENT_FIRSTS, "I", layout.n_items + 1)
        if self._firsts[layout.n_items] != self.n_fragments:
            raise IntegrityError(f"{folder / names.FRAGMENT_FIRSTS} does not fit; rebuild it")
        self.offsets = map_words(folder / names.FRAGMENT_OFFSETS, "Q", self.n_fragments + 1)
        if self.offsets[self.n_fragments] != len(self.blob):
            raise IntegrityError(f"{folder / names.FRAGMENTS} has another length; rebuild it")
        pieces = self.blob, self.offsets  # and not self: in a circle nothing would be given back
        self.heads = KeptTexts(layout.n_items, partial(_piece, *pieces))
        self.id_texts = KeptTexts(layout.n_items, partial(_id_text, *pieces))
        self._shards = [RecordReader(folder / names.shard_file(n)) for n in range(layout.n_shards)]
        self._item_nums = RecordReader(folder / names.ITEM_NUMS)
        self.segments = PackedLists(folder / names.SEGMENTS, len(layout.segments))
        self.neighbours = PackedLists(folder / names.NEIGHBOURS, layout.n_items)
        self.trending = layout.segments.index(names.TRENDING)
        prefix = names.GENRE_PREFIX
        self._genres = {
            name.removeprefix(prefix).casefold(): number
            for number, name in reversed(list(enumerate(layout.segments)))
            if name.startswith(prefix)
        }
        self._category_nums = {
            name.casefold(): number for number, name in enumerate(layout.categories)
        }
        self.categories = map_words(folder / names.CATEGORIES, "i", layout.n_items)
        windows = map_words(folder / names.AVAILABILITY, "q", 2 * layout.n_items)
        begin, end = np.asarray(windows, np.int64).reshape(-1, 2).T
        out = (begin > layout.as_of_us) | (end <= layout.as_of_us)
        self._out_of_time = frozenset(np.flatnonzero(out).tolist())
        self.unavailable = self._out_of_time
        self.taken_down: frozenset[str] = frozenset()
        self._down: frozenset[int] = frozenset()
        self.personal_scores = score_texts(layout.list_decimals, b',"rung":"personal"')
        self.session_scores = score_texts(layout.neighbour_decimals, b',"rung":"session"')
        self.segment_scores = score_texts(layout.segment_decimals, b',"rung":"segment"')
        self.trending_scores = score_texts(layout.segment_decimals, b',"rung":"trending"')
        self.neighbour_scores = score_texts(layout.neighbour_decimals, b"}")

    @classmethod
    def load(cls, folder: Path) -> "Release":
        """Maps a release's files without holding them against a manifest.

        Raises:
            IntegrityError: a file is missing, too short, or of a format unknown here.
        """
        try:
            return cls(folder, read_layout(folder))
        except (ValueError, TypeError, IndexError, OverflowError) as error:
            raise IntegrityError(f"{folder} is no release ({error}); rebuild it") from error

    def hide(self, item_ids: Collection[str]) -> None:
        """Takes items down, and none but these: they are unavailable, and no reason's source."""
        known = (self.item_num(item_id) for item_id in item_ids)
        self._down = frozenset(number for number in known if number is not None)
        self.unavailable = self._out_of_time | self._down
        self.taken_down = frozenset(item_ids)

    def hiding(self, item_ids: Collection[str]) -> "Release":
        """Returns the same release, over the same files, that hides other items than this one."""
        other = copy(self)
        other.hide(item_ids)
        return other

    def is_taken_down(self, item: int) -> bool:
        """Returns whether an item, given by its number, is taken down."""
        return item in self._down

    def names_hidden(self, fragments: Iterable[int]) -> bool:
        """Returns whether a reason among the fragments names an item that is taken down."""
        if not self.taken_down:
            return False
        return any(_source_of(self.fragment(number)) in self.taken_down for number in fragments)

    def user(self, user_id: str) -> UserRecord | None:
        """Returns a user's record, or None for a user that the release does not know."""
        key = user_id.encode()
        if not 0 < len(key) <= MAX_KEY_BYTES:
            return None
        content = self._shards[shard_of(key, self.layout.n_shards)].get(key)
        return None if content is None else UserRecord(content, self.layout)

    def user_records(self) -> Iterator[tuple[bytes, bytes]]:
        """Yields the id of every user in UTF-8 with the packed record, as it is stored."""
        for shard in self._shards:
            yield from shard.items()

    def user_ids(self, prefix: str) -> Iterator[str]:
        """Yields the ids that begin so of users with a record, in the order of their UTF-8."""
        key = prefix.encode()
        if len(key) <= MAX_KEY_BYTES:
            yield from map(bytes.decode, merge(*(shard.keys(key) for shard in self._shards)))

    def item_ids(self, prefix: str) -> Iterator[str]:
        """Yields the items' ids that begin so, in the order of their UTF-8."""
        key = prefix.encode()
        if len(key) <= MAX_KEY_BYTES:
            yield from map(bytes.decode, self._item_nums.keys(key))

    def item_records(self) -> Iterator[tuple[bytes, bytes]]:
        """Yields the id of every item in UTF-8 with its number, little-endian."""
        yield from self._item_nums.items()

    def item_num(self, item_id: str) -> int | None:
        """Returns an item's number, or None for an item that the release does not know."""
        key = item_id.encode()
        if not 0 < len(key) <= MAX_KEY_BYTES:
            return None
        content = self._item_nums.get(key)
        return None if content is None else int.from_bytes(content, "little")

    def genre_segment(self, genre: str) -> int | None:
        """Returns the number of a genre's segment, whatever its case; None if it has no list."""
        return self._genres.get(genre.casefold())

    def category(self, name: str) -> int | None:
        """Returns the number of a category, whatever its case; None if no item has it."""
        return self._category_nums.get(name.casefold())

    def reason_fragment(self, item: int, reason: int) -> int:
        """Returns the fragment's number of an item's reason, given by its number."""
        first: int = self._firsts[item]
        return first + reason

    def reason_fragments(self, items: Sequence[int], reasons: Sequence[int]) -> list[int]:
        """Returns the fragments' numbers of items' reasons, each given by its number."""
        firsts = self._firsts
        return [firsts[item] + reason for item, reason in zip(items, reasons, strict=True)]

    def n_reasons(self, item: int) -> int:
        """Returns how many reasons an item has, over all lists."""
        n: int = self._firsts[item + 1] - self._firsts[item]
        return n

    def segment_fragment(self, segment: int) -> int:
        """Returns the number of the fragment with a segment's reason."""
        return 2 * self.layout.n_items + segment

    def session_fragment(self, item: int) -> int:
        """Returns the number of the fragment with the reason "because you just saw this item"."""
        return self.layout.n_items + item

    def head(self, item: int) -> bytes:
        """Returns an item's head; see `fragments`."""
        return self.fragment(item)

    def fragment(self, number: int) -> bytes:
        """Returns one piece of JSON."""
        return _piece(self.blob, self.offsets, number)

    def close(self) -> None:
        """Gives the record files back now; the release answers nothing afterwards."""
        for reader in (*self._shards, self._item_nums):
            reader.close()


def _piece(blob: mmap | bytes, offsets: Words, number: int) -> bytes:
    return blob[offsets[number] : offsets[number + 1]]


def _id_text(blob: mmap | bytes, offsets: Words, item: int) -> bytes:
    head = _piece(blob, offsets, item)
    return head[len(_BEFORE_ID) : head.index(_AFTER_ID)]


def _source_of(reason: bytes) -> str | None:
    """Returns the id of the item that a reason's fragment names; None where it names none."""
    start = reason.find(_SOURCE)
    if start < 0:
        return None
    end = reason.find(_AFTER_SOURCE, start)
    return msgspec.json.decode(reason[start + len(_SOURCE) : end], type=str | None)
