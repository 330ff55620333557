"""What a load generator asks for: one path, with users and items drawn anew for each request."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

_IDS = {"{user}": "u%08d", "{item}": "item-%07d"}
"""The ids that `release_tables` gives."""
_AT_ONCE = 65_536


@dataclass(frozen=True)
class Target:
    """A GET request with places for ids.

    Attributes:
        path: path and query; each `{user}` and `{item}` in it becomes an id, drawn uniformly.
        n_users: how many users there are.
        n_items: how many items there are.
        headers: sent with every request.
        seed: of the draws.
    """

    path: str
    n_users: int = 1
    n_items: int = 1
    headers: Mapping[str, str] = field(default_factory=dict)
    seed: int = 101

    def requests(self, part: int = 0) -> Iterator[bytes]:
        """Yields requests without end; another part of the same load draws other ids."""
        head = f"GET {self.path} HTTP/1.1\r\nhost: 127.0.0.1\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in self.headers.items()) + "\r\n"
        pieces = re.split("(" + "|".join(map(re.escape, _IDS)) + ")", head.replace("%", "%%"))
        template = "".join(_IDS.get(piece, piece) for piece in pieces).encode()
        drawn_from = {"{user}": self.n_users, "{item}": self.n_items}
        sizes = [drawn_from[piece] for piece in pieces if piece in _IDS]
        rng = np.random.default_rng([self.seed, part])
        while True:
            for drawn in rng.integers(0, sizes or [1], (_AT_ONCE, len(sizes) or 1)).tolist():
                yield template % tuple(drawn[: len(sizes)])
