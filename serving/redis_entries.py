"""Everything of a release that goes to Redis, as keys and values, in the same order every time."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from core.errors import IntegrityError
from serving.redis_keys import key, pack_rows
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


def entries(release: Release, vectors: list[VectorTable]) -> Iterator[Entry]:
    """Yields every key of a release but its header; memory is bounded by one row group.

    Raises:
        IntegrityError: a vector is missing, of another length, or not finite.
    """
    name = release.id
    for user, record in release.user_records():
        yield key(name, "user", user), record
    for number in range(release.n_fragments):
        yield key(name, "fragment", str(number)), bytes(release.fragment(number))
    for item, number_bytes in release.item_records():
        yield key(name, "item", item), number_bytes
        number = int.from_bytes(number_bytes, "little")
        yield key(name, "neighbours", item), pack_rows(*release.neighbours.rows(number))
    for number, segment in enumerate(release.layout.segments):
        yield key(name, "segment", segment), pack_rows(*release.segments.rows(number))
    for table in vectors:
        yield from _vectors(name, table)


def _vectors(release: str, table: VectorTable) -> Iterator[Entry]:
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
                yield prefix + name.encode(), content[width * row : width * (row + 1)]


def dimension(table: VectorTable) -> int:
    """Returns how many numbers a vector of a table has."""
    return int(pq.read_schema(table.path).field("vector").type.list_size)


def header(
    vectors: list[VectorTable], n_keys: int, layout: bytes, form: int
) -> Mapping[str, bytes]:
    """Returns a release's header: how to read it, and of how many keys it is made."""
    shapes: dict[str, dict[str, int]] = {}
    for table in vectors:
        shape = shapes.setdefault(table.model, {"dimension": dimension(table)})
        shape[f"n_{table.side}s"] = pq.read_metadata(table.path).num_rows
    return {
        "format": str(form).encode(),
        "layout": layout,
        "vectors": json.dumps(shapes, sort_keys=True).encode(),
        "n_keys": str(n_keys).encode(),
    }
