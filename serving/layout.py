"""How a release's folder is laid out: what builder and reader must agree on, said once.

    layout.json                    this layout's numbers
    users/default/shard-NN.records user id → one packed record, by CRC-32 of the id
    items.records                  item id → item number; numbers follow the order of ids
    availability.i64               per item: first moment it can be had, first it can't, µs UTC
    categories.i32                 per item: the number of its primary category, −1 for none
    fragments.bin, .offsets        JSON pieces: the items' heads, close together, for every answer
                                   needs some; for each item the reason of what is shown because
                                   it was just seen; the segments' reasons; then each item's
                                   reasons, one item after another
    fragments.firsts               per item: the number of its first reason's piece
    segments.offsets/items/scores  the lists of the segments, `trending` among them
    neighbours.offsets/items/scores
    golden.json                    answers that a reader must give before it may serve
    tables/*.parquet               the tables themselves; `lists` holds the why-records

Numbers are little-endian. A list row names its item by number and its reason by the reason's
number among those of the item, so `item` and `reason` need two bytes each (three where a release
has more than 65,536 items, or an item more than 65,536 reasons), and a score two. A user's record:

    uint8        rows n, recent items r, segments s, 0
    uint16 × n   items, low half      int16 × n  scores      uint16 × n  reasons, low half
    uint16 × r   recent items, low half                      uint16 × s  segments
    uint8  × n   items, high part                            only where items need three bytes
    uint8  × r   recent items, high part                     the same
    uint8  × n   reasons, high part                          only where reasons need three bytes
    uint8        0, where the length would be odd
"""

import sys
import zlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from core.errors import IntegrityError

FORMAT = 4
TRENDING = "trending"
GENRE_PREFIX = "genre:"
MAX_COUNT = 50
"""Longest answer."""
MAX_ROWS = 64
"""Rows kept of a user's list: the longest answer and ten recent items that it may have to skip."""
MAX_RECENT = 10
MAX_SEGMENTS = 100
NARROW = 1 << 16
"""Items and reasons below this number need two bytes, and no more than two."""
WIDE = 1 << 24
"""Three bytes hold no number from here on."""

LAYOUT = "layout.json"
ITEM_NUMS = "items.records"
AVAILABILITY = "availability.i64"
CATEGORIES = "categories.i32"
FRAGMENTS = "fragments.bin"
FRAGMENT_OFFSETS = "fragments.offsets"
FRAGMENT_FIRSTS = "fragments.firsts"
SEGMENTS = "segments"
NEIGHBOURS = "neighbours"
GOLDEN = "golden.json"
TABLES = "tables"
WHY_RECORDS = "tables/lists.parquet"

if sys.byteorder != "little":
    raise ImportError("Daybreak's release format is read on little-endian machines only")


class Layout(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The numbers that a reader needs before it can look anything up.

    Attributes:
        format: the layout's version; a reader refuses one that it does not know.
        as_of_us: D 00:00 UTC in microseconds: when the availability of items is judged.
        n_shards: number of user files.
        n_users: users with a record.
        n_items: number of items.
        segments: the segments' names, which have reasons of their own.
        categories: the items' primary categories, ascending.
        category_cap: most items of one category among the first ten of a list.
        n_explanations: reasons of items.
        wide_items: whether item numbers need three bytes.
        wide_reasons: whether the reasons' numbers do.
        list_decimals: decimal places of the users' scores: stored 8123 with 4 is 0.8123.
        segment_decimals: the same for segments.
        neighbour_decimals: the same for neighbours.
    """

    format: int
    as_of_us: int
    n_shards: int
    n_users: int
    n_items: int
    segments: list[str]
    categories: list[str]
    category_cap: int
    n_explanations: int
    wide_items: bool
    wide_reasons: bool
    list_decimals: int
    segment_decimals: int
    neighbour_decimals: int


def read_layout(folder: Path) -> Layout:
    """Reads a release's layout.

    Raises:
        IntegrityError: it is missing, damaged, or of a format that this reader does not know.
    """
    path = folder / LAYOUT
    try:
        body = msgspec.json.decode(path.read_bytes())
        found = int(body["format"])
        if found == FORMAT:
            return msgspec.convert(body, Layout)
    except (OSError, msgspec.MsgspecError, ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"{path} is no release layout ({error}); rebuild it") from error
    step = "update Daybreak" if found > FORMAT else "run its date again"
    raise IntegrityError(f"{path} has format {found}, this reader knows {FORMAT}; {step}")


def n_fixed_pieces(n_items: int, n_segments: int) -> int:
    """Returns the number of pieces before the items' reasons."""
    return 2 * n_items + n_segments


def shard_file(number: int) -> str:
    """Returns the name of one file of the default arm's user records."""
    return f"users/default/shard-{number:02d}.records"


def shard_of(key: bytes, n_shards: int) -> int:
    """Returns the shard that holds a user."""
    return zlib.crc32(key) % n_shards


def shards_of(keys: Sequence[bytes], n_shards: int) -> list[int]:
    """Returns the shard of each of many users; see `shard_of`."""
    return [code % n_shards for code in map(zlib.crc32, keys)]
