"""What makes two rows the same row."""

import numpy as np
import polars as pl

from assets.ingest.sql import select

_PROVENANCE = {"line", "ingested_us", "source_file"}
_DERIVED = {"occurred_at"}  # the same moment as occurred_us


def payload(rows: pl.DataFrame, key: str) -> list[str]:
    """Returns the columns in which a row says something: all but its key and its origin."""
    return [name for name in rows.columns if name not in _PROVENANCE | _DERIVED | {key}]


def payload_ids(events: pl.DataFrame) -> pl.Series:
    """Returns an id for each event that has none: 128 bits over its payload, as 32 hex digits.

    Each value is written with its length before it, so that no two payloads read alike.
    """
    texts = events.select(_as_text(events[name]) for name in sorted(payload(events, "event_id")))
    said = [
        pl.when(pl.col(name).is_null())
        .then(pl.lit(name))
        .otherwise(pl.format(f"{name}={{}}:{{}}", pl.col(name).str.len_bytes(), pl.col(name)))
        for name in texts.columns
    ]
    frame = texts.select(pl.concat_str(said, separator=";").alias("t"))
    return select("select md5(t) as h from frame", frame=frame)["h"]


def _as_text(values: pl.Series) -> pl.Series:
    """Returns values as text, floats by their bits: how they print may change with a library."""
    if values.dtype != pl.Float64:
        return values.cast(pl.String)
    bits = pl.Series(values.name, values.fill_null(0.0).to_numpy().view(np.int64))
    return bits.set(values.is_null(), None).cast(pl.String)


def hashes(rows: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Returns a 64-bit hash of each row's key and one of all that it says.

    The hash is DuckDB's, which may change with its version; see `event_index.py`.
    """
    said = sorted(set(payload(rows, "")))
    frame = rows.select(said)
    key = ", ".join(f'"{name}"' for name in keys)
    every = ", ".join(f'"{name}"' for name in said)
    return select(f'select hash({key}) as "key", hash({every}) as "all" from frame', frame=frame)
