"""Defects planted in the files: rows that stand twice, and lines that nobody can read."""

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from assets.world.files import as_text, csv_lines, json_lines
from assets.world.keys import hex_ids, mix, pack_key
from assets.world.sessions import MALFORMED
from assets.world.world import World
from core.seeds import generator

KINDS = ("torn", "bad_time", "no_user", "no_item", "unknown_action")
_IMPOSSIBLE_TIME = "2025-02-30T25:61:61.000000Z"


def duplicated_rows(world: World, day: int, block: int, n_rows: int) -> NDArray[np.int64]:
    """Returns the rows, of `n_rows`, that a file repeats."""
    rng = generator(world.seed, "duplicates", str(day), str(block))
    return np.flatnonzero(rng.random(n_rows) < world.parameters.faults.duplicate_share)


def malformed_lines(
    world: World, day: int, block: int, rows: pa.Table, *, is_csv: bool
) -> pl.DataFrame:
    """Returns lines to be mixed into a text file: `before` (row number), `kind`, `line`.

    Each is a copy of a good row under an id of its own, with one thing broken; the good row itself
    stays. A file's first block has at least one line of each kind.
    """
    rng = generator(world.seed, "malformed", str(day), str(block))
    n = round(len(rows) * world.parameters.faults.malformed_share)
    n = max(n, len(KINDS)) if block == 0 and len(rows) else n
    before = np.sort(rng.integers(0, max(len(rows), 1), n))
    kind = pl.Series("kind", KINDS).gather(np.arange(n) % len(KINDS))
    keys = mix(pack_key(day, MALFORMED, block, np.arange(n)), world.salt("event"))
    is_kind = {name: pl.lit(kind == name) for name in KINDS}
    broken = as_text(rows.take(before)).with_columns(
        event_id=pl.Series(pl.from_arrow(hex_ids(keys))),
        occurred_at=pl.when(is_kind["bad_time"])
        .then(pl.lit(_IMPOSSIBLE_TIME))
        .otherwise("occurred_at"),
        user_id=pl.when(~is_kind["no_user"]).then("user_id"),
        item_id=pl.when(~is_kind["no_item"]).then("item_id"),
        action=pl.when(is_kind["unknown_action"]).then(pl.lit("teleport")).otherwise("action"),
    )
    if is_csv:
        # Cut before any quoted field: an open quote would swallow the good lines that follow.
        line, fields = csv_lines(broken), pl.col("line").str.split(",").list.head(4).list.join(",")
    else:
        line, fields = (
            json_lines(broken),
            pl.col("line").str.head(pl.col("line").str.len_chars() // 2),
        )
    return pl.DataFrame({"before": before, "kind": kind, "line": line}).with_columns(
        line=pl.when(pl.col("kind") == "torn").then(fields).otherwise("line")
    )
