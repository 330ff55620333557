"""What tombstones say of one night: who trains nothing, and which items no list may hold."""

import polars as pl

from core.night import Night
from core.release_store import ReleaseStore
from core.schemas import EVENTS, TAGS, USER_ROWS
from core.tombstones import Tombstones


def tombstones(night: Night) -> Tombstones:
    """Returns the tombstones in force; raises IntegrityError where their log is damaged."""
    return ReleaseStore(night.home.releases).tombstones.state()


def hidden_config(night: Night) -> dict[str, list[str]]:
    """Returns what tombstones add to the plan of a night; nothing where they touch nothing."""
    found = {
        "hidden_users": hidden_users(night)["hash"].to_list(),
        "taken_down": sorted(tombstones(night).items),
    }
    return {name: hidden for name, hidden in found.items() if hidden}


def hidden_users(night: Night) -> pl.DataFrame:
    """Returns the users of the night's lake who opted out or are erased: user_id, hash.

    By hash, so that configurations, which are kept, name nobody.
    """
    now = tombstones(night)
    found = pl.DataFrame(schema={"user_id": pl.String, "hash": pl.String})
    if not now.hidden:
        return found
    files = night.get("lake").json("snapshot.json")["files"]
    tables = [table.name for table in (EVENTS, USER_ROWS, TAGS)]
    paths = [night.home.lake / name for table in tables for name in files.get(table, [])]
    if not paths:
        return found
    columns = [pl.scan_parquet(path, hive_partitioning=False).select("user_id") for path in paths]
    users = pl.concat(columns).unique().collect(engine="streaming")["user_id"].to_list()
    hashed = {user: now.hash(user) for user in users}
    mine = {user: code for user, code in hashed.items() if code in now.hidden}
    rows = {"user_id": list(mine), "hash": list(mine.values())}
    return pl.DataFrame(rows, schema=found.schema).sort("hash")
