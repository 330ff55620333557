"""Everything of a release that goes to Redis, as keys and values, in the same order every time."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from core.errors import IntegrityError
from core.ids import canonical_json
from core.tombstones import Tombstones
from serving.layout import LAYOUT
from serving.redis_keys import FORMAT, key, pack_rows
from serving.release import Release

Entry = tuple[bytes, bytes]
_ROWS = 10_000


@dataclass(frozen=True)
class VectorTable:
    """One model's vectors of one side.

    Attributes:
        model: whose, `als` or `two_tower`.
        side: `user` or `item`.
        path: Parquet with the columns <side>_id and vector (a list of one length, float32).
    """

    model: str
    side: str
    path: Path


def entries(
    release: Release, vectors: list[VectorTable], tombstones: Tombstones
) -> Iterator[Entry]:
    """Yields every key of a release but its header; memory is bounded by one row group.

    Users whom a tombstone hides are left out.

    Raises:
        IntegrityError: a vector is missing, of another length, or not finite.
    """
    name = release.id
    for user, record in release.user_records():
        if not tombstones.hides(user.decode()):
            yield key(name, "user", user), record
    for item, stored in release.item_records():
        yield key(name, "item", item), stored
        yield from _of_item(release, item, int.from_bytes(stored, "little"))
    for number, segment in enumerate(release.layout.segments):
        yield key(name, "segment", segment), pack_rows(*release.segments.rows(number))
        reason = release.fragment(release.segment_fragment(number))
        yield key(name, "segment_reason", segment), reason
    for table in vectors:
        yield from _vectors(name, table, tombstones)


def _of_item(release: Release, item: bytes, number: int) -> Iterator[Entry]:
    reasons = range(release.n_reasons(number))
    fragments = release.reason_fragments([number] * len(reasons), reasons)
    yield key(release.id, "head", str(number)), release.head(number)
    for reason, fragment in zip(reasons, fragments, strict=True):
        yield key(release.id, "reason", str(number), str(reason)), release.fragment(fragment)
    yield key(release.id, "neighbours", item), pack_rows(*release.neighbours.rows(number))


def _vectors(release: str, table: VectorTable, tombstones: Tombstones) -> Iterator[Entry]:
    size = dimension(table)
    prefix = key(release, "vector", table.model, table.side, "")
    with pq.ParquetFile(table.path) as file:
        for batch in file.iter_batches(_ROWS, columns=[f"{table.side}_id", "vector"]):
            flat = batch.column("vector").flatten().to_numpy(zero_copy_only=False)
            if flat.size != batch.num_rows * size or not np.isfinite(flat).all():
                raise IntegrityError(
                    f"{table.path} holds a vector that is not {size} finite numbers; make the "
                    "embeddings again"
                )
            content, width = flat.astype("<f4").tobytes(), 4 * size
            for row, name in enumerate(batch.column(0).to_pylist()):
                if table.side == "user" and tombstones.hides(name):
                    continue
                yield prefix + name.encode(), content[width * row : width * (row + 1)]


def dimension(table: VectorTable) -> int:
    """Returns how many numbers a vector of a table has."""
    return int(pq.read_schema(table.path).field("vector").type.list_size)


def header(
    release: Release, vectors: list[VectorTable], n_keys: int, taken_down: Iterable[str]
) -> dict[str, bytes]:
    """Returns a release's header: how to read it, what not to show, and how many keys it has."""
    shapes: dict[str, dict[str, int]] = {}
    for table in vectors:
        shape = shapes.setdefault(table.model, {"dimension": dimension(table)})
        shape[f"n_{table.side}s"] = pq.read_metadata(table.path).num_rows
    return {
        "format": str(FORMAT).encode(),
        "layout": (release.folder / LAYOUT).read_bytes(),
        "vectors": canonical_json(shapes),
        "taken_down": canonical_json(sorted(taken_down)),
        "n_keys": str(n_keys).encode(),
    }
