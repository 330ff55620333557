"""Takes erased users out of a synthetic world's truth."""

import polars as pl
import pyarrow.parquet as pq

from assets.erasure import tables
from core.durable import flush_file
from core.erased_users import ErasedUsers
from core.home import Home

_BESIDE = ".erasing-"


def rewrite_truth(home: Home, erased: ErasedUsers) -> None:
    """Writes each file that holds an erased user anew; interrupted, the next call goes on."""
    for beside in home.truth.glob(f"{_BESIDE}*"):
        beside.unlink()
    for path in sorted(home.truth.glob("[!.]*.parquet")):
        if "user_id" not in pq.read_schema(path).names:
            continue
        if gone := tables.own_ids(path, erased):
            beside = path.with_name(f"{_BESIDE}{path.name}")
            rows = pl.read_parquet(path)
            rows.filter(~pl.col("user_id").is_in(gone)).write_parquet(beside)
            flush_file(beside)
            beside.replace(path)
