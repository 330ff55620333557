"""How a release is laid out in Redis: what the export and its readers must agree on, said once.

    daybreak:current                        the id of the release to read: the pointer
    daybreak:previous                       the id that the pointer named before
    daybreak:exports                        hash: release id → `writing` or `complete`
    daybreak:<release>:header               hash: format, layout (layout.json as it is), vectors
                                            (JSON: model → dimension, n_users, n_items), taken_down
                                            (JSON: ids of items not to be shown), and n_keys;
                                            written last: no header, no release
    daybreak:<release>:user:<user id>       the user's packed record, byte for byte
    daybreak:<release>:item:<item id>       the item's number, little-endian
    daybreak:<release>:head:<item number>   a piece of JSON: the item's id and title
    daybreak:<release>:reason:<item number>:<reason number>    a piece of JSON: why it is on a list
    daybreak:<release>:segment_reason:<name>                   the same for a segment's list
    daybreak:<release>:neighbours:<item id> rows (below) of the item's neighbours, best first
    daybreak:<release>:segment:<name>       rows of a segment's list, `trending` among them
    daybreak:<release>:vector:<model>:user:<user id>    float32, little-endian
    daybreak:<release>:vector:<model>:item:<item id>    float32, little-endian

Rows are int32, little-endian: the item numbers, then as many score codes. An id is the last part of
its key, in UTF-8, whatever it holds. Users who opted out or are erased have no key. No operation
touches two keys that must lie together, so keys spread over a cluster.
"""

import numpy as np

DEFAULT_URL = "redis://127.0.0.1:6379/0"
FORMAT = 1
CURRENT = b"daybreak:current"
PREVIOUS = b"daybreak:previous"
EXPORTS = b"daybreak:exports"
ANY_USER = b"daybreak:*:user:*"
"""A pattern that every user's keys match, and few others; see `user_of`."""


def key(release: str, *parts: str | bytes) -> bytes:
    """Returns a key of a release.

    >>> key("2026-01-01.abcdef", "user", "zoë")
    b'daybreak:2026-01-01.abcdef:user:zo\\xc3\\xab'
    """
    named = [part if isinstance(part, bytes) else part.encode() for part in parts]
    return b":".join([b"daybreak", release.encode(), *named])


def user_of(name: bytes) -> str | None:
    """Returns the user whose record or vector lies under a key, or None for another key.

    >>> user_of(b"daybreak:2026-01-01.abcdef:vector:als:user:a:b")
    'a:b'
    >>> user_of(b"daybreak:2026-01-01.abcdef:item:x:user:y")
    """
    kind, _, rest = b":".join(name.split(b":", 2)[2:]).partition(b":")
    if kind == b"vector":
        _model, kind, rest = (*rest.split(b":", 2), b"", b"")[:3]
    return rest.decode() if kind == b"user" else None


def pack_rows(items: list[int], codes: list[int]) -> bytes:
    """Returns the rows of a list of items as they are stored."""
    return np.array([*items, *codes], dtype="<i4").tobytes()


def unpack_rows(content: bytes) -> tuple[list[int], list[int]]:
    """Returns the item numbers and score codes of stored rows.

    >>> unpack_rows(pack_rows([7, 3], [900, 850]))
    ([7, 3], [900, 850])
    """
    words = np.frombuffer(content, dtype="<i4").tolist()
    return words[: len(words) // 2], words[len(words) // 2 :]
