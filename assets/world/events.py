"""Events as arrays of numbers, and the same as the table `events`."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from assets.world.keys import hex_ids
from assets.world.vocabulary import ACTIONS, AGENTS, SURFACES

IMPRESSION, CLICK, VIEW, PURCHASE, _RATING, LIKE, DISLIKE, HIDE = range(len(ACTIONS))
HOME, SEARCH, DETAIL = range(len(SURFACES))


@dataclass(frozen=True)
class Events:
    """One row an event, every array (n,)."""

    key: NDArray[np.uint64]  # scrambled, unique in the world
    user: NDArray[np.int64]
    item: NDArray[np.int64]
    action: NDArray[np.int8]  # index into ACTIONS
    at_us: NDArray[np.int64]  # since 1970
    value: NDArray[np.float64]  # seconds or amount; NaN is none
    session: NDArray[np.uint64]  # scrambled
    position: NDArray[np.int16]  # 1 is the top of the page; 0 is none
    surface: NDArray[np.int8]  # index into SURFACES
    agent: NDArray[np.int8]  # index into AGENTS
    address: NDArray[np.int32]  # number of the address prefix

    def __len__(self) -> int:
        """Returns the number of events."""
        return len(self.key)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Self:
        """Returns some rows, by number or mask."""
        return type(self)(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    @classmethod
    def concat(cls, parts: Sequence[Self]) -> Self:
        """Returns the rows of all parts, in order."""
        return cls(
            **{
                field.name: np.concatenate([getattr(part, field.name) for part in parts])
                for field in fields(cls)
            }
        )


def to_arrow(events: Events, user_names: pa.Array, item_names: pa.Array) -> pa.Table:
    """Returns the table `events` in the project's column names and types.

    What repeats is dictionary-encoded in memory, which Parquet stores without hashing it again.

    Args:
        events: The events.
        user_names: Ids by user number.
        item_names: Ids by item number.
    """
    n, nothing = len(events), pa.nulls(len(events), pa.string())
    prefixes, prefix_code = _distinct(events.address)
    users, user_code = _distinct(events.user)
    return pa.table(
        {
            "event_id": hex_ids(events.key),
            "user_id": _coded(user_code, user_names.take(pa.array(users))),
            "item_id": item_names.take(pa.array(events.item)),
            "action": _coded(events.action, pa.array(ACTIONS)),
            "occurred_at": pa.array(events.at_us, pa.timestamp("us", tz="UTC")),
            "value": pa.array(events.value, pa.float64(), from_pandas=True),
            "session_id": hex_ids(events.session),
            "position": pa.array(
                events.position, pa.int32(), mask=np.asarray(events.position == 0), size=n
            ),
            "surface": _coded(events.surface, pa.array(SURFACES)),
            "experiment_id": nothing,
            "arm": nothing,
            "user_agent": _coded(events.agent, pa.array(AGENTS)),
            "ip_prefix": _coded(prefix_code, address_prefixes(prefixes).to_arrow()),
        }
    )


def address_prefixes(numbers: NDArray[np.integer]) -> pl.Series:
    """Returns a different IPv4 /24 prefix for each number below ten million.

    >>> address_prefixes(np.array([0, 1])).to_list()
    ['11.7.3.0/24', '84.175.154.0/24']
    """
    # A multiplier that is coprime to the number of prefixes spreads neighbours far apart.
    place = (numbers.astype(np.int64) * 4_827_287 + 1_795) % (200 * 65_536)
    first, second, third = 11 + place // 65_536, place // 256 % 256, place % 256
    frame = pl.DataFrame({"a": first, "b": second, "c": third})
    return frame.select(pl.format("{}.{}.{}.0/24", "a", "b", "c")).to_series()


def _distinct(numbers: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns what `np.unique(…, return_inverse=True)` does, without sorting."""
    if not len(numbers):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    lowest = int(numbers.min())
    present = np.zeros(int(numbers.max()) - lowest + 1, dtype=np.bool_)
    present[numbers - lowest] = True
    return np.flatnonzero(present) + lowest, (np.cumsum(present) - 1)[numbers - lowest]


def _coded(codes: NDArray[np.integer], names: pa.Array) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), names)
