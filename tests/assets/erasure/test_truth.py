"""The truth of a synthetic world forgets too, whatever a killed attempt left."""

import polars as pl

from assets.erasure.truth import rewrite_truth
from core.erased_users import ErasedUsers
from core.home import Home
from core.tombstone_log import TombstoneLog


def test_what_a_killed_attempt_left_is_no_obstacle(tmp_path):
    home = Home(tmp_path)
    home.truth.mkdir(parents=True)
    pl.DataFrame({"user_id": ["ann", "bob"], "is_bot": [True, False]}).write_parquet(
        home.truth / "users.parquet"
    )
    pl.DataFrame({"item_id": ["ann"]}).write_parquet(home.truth / "items.parquet")
    (home.truth / ".erasing-items.parquet").write_bytes(b"PAR1 torn")
    log = TombstoneLog(tmp_path / "tombstones")
    log.erase("ann")
    for _ in range(2):
        rewrite_truth(home, ErasedUsers(log.state()))
        assert pl.read_parquet(home.truth / "users.parquet")["user_id"].to_list() == ["bob"]
    assert pl.read_parquet(home.truth / "items.parquet")["item_id"].to_list() == ["ann"]
    assert {path.name for path in home.truth.iterdir()} == {"users.parquet", "items.parquet"}
