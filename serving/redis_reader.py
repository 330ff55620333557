"""Reads what `daybreak release export redis` wrote, for teams that read features there.

    with connected("redis://127.0.0.1:6379/0") as client:
        release = follow_pointer(client)
        release.rows("42", 10)             # the user's list: item, title, score, reason
        release.vector("als", "user", "42")

Follow the pointer anew for each piece of work: a release that was read to the end is whole, and
one that the pointer left is kept until the export after the next.
"""

import json
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from core.errors import IntegrityError, NotFound
from serving.layout import FORMAT as LAYOUT_FORMAT
from serving.layout import Layout
from serving.redis_keys import CURRENT, FORMAT, key, unpack_rows
from serving.scores import json_number
from serving.user_record import UserRecord


class RedisRelease:
    """One release in Redis.

    Attributes:
        id: its id.
        layout: the numbers that its records are read by.
        vectors: by model: dimension, n_users, n_items.
    """

    def __init__(self, client: Any, release: str) -> None:
        self.id = release
        self._client = client
        header = {name.decode(): value for name, value in self._header().items()}
        if not header:
            raise NotFound(f"release {release} is not whole in Redis; export it")
        if int(header["format"]) != FORMAT:
            raise IntegrityError(
                f"release {release} has format {int(header['format'])} in Redis, this reader "
                f"knows {FORMAT}; update Daybreak"
            )
        self.layout = msgspec.json.decode(header["layout"], type=Layout)
        if self.layout.format != LAYOUT_FORMAT:
            raise IntegrityError(
                f"release {release} has layout {self.layout.format}, this reader knows "
                f"{LAYOUT_FORMAT}; update Daybreak"
            )
        self.n_keys = int(header["n_keys"])
        self._taken_down = frozenset(json.loads(header["taken_down"]))
        self.vectors: dict[str, dict[str, int]] = json.loads(header["vectors"])

    def user(self, user_id: str) -> UserRecord | None:
        """Returns a user's record, or None for a user that the release does not know."""
        content = self.get("user", user_id)
        return None if content is None else UserRecord(content, self.layout)

    def rows(self, user_id: str, n: int) -> list[dict[str, Any]]:
        """Returns the first n rows of a user's list: item_id, title, rank, score, reason.

        Items that were taken down, and reasons that name one, are passed over.
        """
        record = self.user(user_id)
        if record is None or not record.n_rows:
            return []
        items, codes, reasons = record.rows(record.n_rows)
        numbers = [str(item) for item in items]
        heads = [key(self.id, "head", number) for number in numbers]
        tails = [
            key(self.id, "reason", number, str(reason))
            for number, reason in zip(numbers, reasons, strict=True)
        ]
        pieces = self._client.mget([*heads, *tails])
        if any(piece is None for piece in pieces):
            raise self._gone()
        rows: list[dict[str, Any]] = []
        for place, code in enumerate(codes):
            score = json_number(code, self.layout.list_decimals)
            head, tail = pieces[place], pieces[len(items) + place]
            row = json.loads((b'%s%d,"score":%s%s' % (head, len(rows) + 1, score, tail))[1:])
            if not {row["item_id"], row["reason"]["source_item_id"]} & self._taken_down:
                rows.append(row)
            if len(rows) == n:
                break
        return rows

    def item_num(self, item_id: str) -> int | None:
        """Returns an item's number, or None for an item that the release does not know."""
        content = self.get("item", item_id)
        return None if content is None else int.from_bytes(content, "little")

    def neighbours(self, item_id: str) -> tuple[list[int], list[int]]:
        """Returns item numbers and score codes of an item's neighbours, best first."""
        return unpack_rows(self.get("neighbours", item_id) or b"")

    def segment(self, name: str) -> tuple[list[int], list[int]]:
        """Returns item numbers and score codes of a segment's list, best first."""
        return unpack_rows(self.get("segment", name) or b"")

    def vector(self, model: str, side: str, name: str) -> NDArray[np.float32] | None:
        """Returns a user's or an item's vector, (D,) float32, or None where it has none."""
        content = self.get("vector", model, side, name)
        return None if content is None else np.frombuffer(content, dtype="<f4")

    def get(self, *parts: str) -> bytes | None:
        """Returns the bytes of one of the release's keys, or None.

        Raises:
            NotFound: the release itself is gone: follow the pointer again.
        """
        content: bytes | None = self._client.get(key(self.id, *parts))
        if content is None and not self._header():
            raise self._gone()
        return content

    def _header(self) -> dict[bytes, bytes]:
        return dict(self._client.hgetall(key(self.id, "header")))

    def _gone(self) -> NotFound:
        return NotFound(f"release {self.id} is gone from Redis; follow the pointer again")


def follow_pointer(client: Any) -> RedisRelease:
    """Returns the release that the pointer names.

    Raises:
        NotFound: there is no pointer, or what it names is gone.
        IntegrityError: the release is of a format unknown here.
    """
    name = client.get(CURRENT)
    if name is None:
        raise NotFound("no release was exported to this Redis; run `daybreak release export redis`")
    return RedisRelease(client, name.decode())
