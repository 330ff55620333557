"""How a release's folder is laid out: what builder and reader must agree on, said once.

    layout.json                    this layout's numbers
    users/default/shard-NN.mdb     user id → one packed record (LMDB), by CRC-32 of the id
    items.mdb                      item id → item number (LMDB); numbers follow the order of ids
    availability.i64               per item: first moment it can be had, first it can't, µs UTC
    fragments.bin, .offsets        JSON pieces: item heads, segments' reasons, explanations' reasons
    segments.offsets/items/scores  the lists of the segments, `trending` among them
    neighbours.offsets/items/scores
    golden.json                    answers that a reader must give before it may serve
    tables/*.parquet               the tables themselves; `lists` holds the why-records

Numbers are little-endian. A user's record is int32 words: a header, then the item numbers, the
scores and the reason fragments of the list's rows, then recent item numbers, then segment numbers.
"""

import sys
import zlib
from pathlib import Path

import msgspec

from core.errors import IntegrityError

FORMAT = 1
TRENDING = "trending"
GENRE_PREFIX = "genre:"
MAX_COUNT = 50
"""Longest answer."""
MAX_ROWS = 64
"""Rows kept of a user's list: the longest answer and ten recent items that it may have to skip."""
MAX_RECENT = 10
MAX_SEGMENTS = 100

LAYOUT = "layout.json"
ITEM_NUMS = "items.mdb"
AVAILABILITY = "availability.i64"
FRAGMENTS = "fragments.bin"
FRAGMENT_OFFSETS = "fragments.offsets"
SEGMENTS = "segments"
NEIGHBOURS = "neighbours"
GOLDEN = "golden.json"
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
        n_items: number of items; fragment `n` below it is item n's head.
        segments: the segments' names; fragment `n_items + s` is the reason of segment s.
        n_explanations: fragments after those.
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
    n_explanations: int
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
        layout = msgspec.json.decode(path.read_bytes(), type=Layout)
    except (OSError, msgspec.MsgspecError, ValueError) as error:
        raise IntegrityError(f"{path} is no release layout ({error}); rebuild it") from error
    if layout.format != FORMAT:
        raise IntegrityError(
            f"{path} has format {layout.format}, this reader knows {FORMAT}; update Daybreak"
        )
    return layout


def shard_file(number: int) -> str:
    """Returns the name of one file of the default arm's user records."""
    return f"users/default/shard-{number:02d}.mdb"


def shard_of(key: bytes, n_shards: int) -> int:
    """Returns the shard that holds a user."""
    return zlib.crc32(key) % n_shards
