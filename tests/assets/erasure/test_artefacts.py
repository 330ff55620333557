"""What becomes of versions that are damaged, or whose users nobody can name."""

import polars as pl
import pytest

from assets.erasure.artefacts import rewrite_artefacts
from core.erased_users import ErasedUsers
from core.errors import IntegrityError
from core.home import Home
from core.schemas import USERS
from core.store import Plan, Store
from core.tombstone_log import TombstoneLog

DAY = "2026-03-02"


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


def commit(home, kind, inputs=None, **files):
    """Commits a version with tables and texts by file name; `__` stands for the dot."""
    store = Store(home.artefacts)
    plan = Plan(kind, DAY, inputs or {}, {}, 1)
    staging = store.begin(plan)
    for name, content in files.items():
        path = staging.file(name.replace("__", "."))
        if isinstance(content, pl.DataFrame):
            content.write_parquet(path)
        else:
            path.write_bytes(content)
    return store.commit(plan, staging)


def erase(home, user="ann"):
    log = TombstoneLog(home.root / "tombstones")
    log.erase(user)
    return rewrite_artefacts(home, ErasedUsers(log.state()))


def people(*names):
    rows = [{"user_id": name, "opted_out": False} for name in names]
    return pl.DataFrame(
        [{name: row.get(name) for name in USERS.names} for row in rows], schema=USERS.polars
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t__parquet", pl.DataFrame({"user_id": ["ann", "bob"]})),
        ("vectors__safetensors", b"nothing"),
    ],
)
@pytest.mark.parametrize("harm", ["cut", "other", "gone"])
def test_a_damaged_version_goes_whole_and_others_are_rewritten(home, name, content, harm):
    users = {"users__parquet": pl.DataFrame({"user_id": ["ann"]})} if "vectors" in name else {}
    harmed = commit(home, "one", **{name: content}, **users)
    whole = commit(home, "two", t__parquet=pl.DataFrame({"user_id": ["ann", "bob"]}))
    path = harmed.path / name.replace("__", ".")
    stored = path.read_bytes()
    path.unlink()
    if harm != "gone":
        path.write_bytes(stored[:-1] if harm == "cut" else b"\xff" + stored[1:])
    assert erase(home) == 2
    assert not harmed.path.exists()
    assert not list((home.artefacts / "one").rglob("*.*"))
    again = pl.read_parquet(whole.path.with_name(f"{whole.version}+1") / "t.parquet")
    assert again["user_id"].to_list() == ["bob"]


@pytest.mark.parametrize("user", ["release", "passed", "folds", "761", "div", "-1", "ann"])
def test_reports_stay_as_they_are_whatever_an_id_is_called(home, user):
    told = {
        "folds__json": b'{"release": {"passed": true, "n": 761}, "who": "ann"}',
        "r__html": b"<div>761 of -1</div>",
    }
    kept = commit(home, "one", **told)
    assert erase(home, user) == 0
    for name, content in told.items():
        assert (kept.path / name.replace("__", ".")).read_bytes() == content


def test_a_whole_version_that_cannot_be_read_is_an_error_that_names_it(home):
    odd = commit(home, "one", t__parquet=b"PAR1")
    with pytest.raises(IntegrityError, match=rf"{odd.path} cannot be rewritten .*remove that"):
        erase(home)
    assert (odd.path / "t.parquet").read_bytes() == b"PAR1"
    assert not list((home.artefacts / "one").rglob(".staging-*"))


def test_rows_by_number_go_with_the_users_that_gave_the_numbers(home):
    users = commit(home, "users", users__parquet=people("ann", "bob"))
    rows = pl.DataFrame({"user_num": [0, 1], "score": [1.0, 2.0]})
    kept = commit(home, "told", {"users": users.version}, t__parquet=rows)
    lost = commit(home, "untold", {"users": "gone"}, t__parquet=rows)
    assert erase(home) == 3
    again = pl.read_parquet(kept.path.with_name(f"{kept.version}+1") / "t.parquet")
    assert again["user_num"].to_list() == [1]
    assert not lost.path.exists()
