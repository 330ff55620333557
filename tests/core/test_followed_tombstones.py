import pytest

from core.errors import IntegrityError
from core.followed_tombstones import copy_tombstones
from core.place import open_place
from core.release_location import ReleaseLocation
from core.release_pull import follow, pull
from core.release_push import push_log
from core.release_store import ReleaseStore
from core.tombstone_log import TombstoneLog
from tests.servers import BUCKET


@pytest.fixture(params=["folder", "bucket"])
def location(request, tmp_path):
    if request.param == "folder":
        (tmp_path / "shared").mkdir()
        return ReleaseLocation(open_place(str(tmp_path / "shared")))
    request.getfixturevalue("s3")
    return ReleaseLocation(open_place(f"s3://{BUCKET}/{tmp_path.name}"))


def test_a_home_that_follows_hides_what_is_hidden_there(location, tmp_path):
    home = ReleaseStore(tmp_path / "home")
    location.tombstones.erase("ann")
    location.tombstones.take_down("m1")
    assert follow(home, location) == 0
    now = home.tombstones.state()
    assert (now.hides("ann"), now.hides("bob"), now.items) == (True, False, {"m1"})
    secret = home.root / "tombstones" / "secret"
    assert secret.stat().st_mode & 0o777 == 0o600
    location.tombstones.take_down("m1", undo=True)
    follow(home, location)
    assert home.tombstones.state().items == frozenset()


def test_a_location_begins_with_a_homes_tombstones(location, tmp_path):
    home, other = ReleaseStore(tmp_path / "home"), ReleaseStore(tmp_path / "other")
    home.tombstones.opt_out("ann")
    with pytest.raises(IntegrityError, match="daybreak release push"):
        pull(home, location, grace_seconds=3600)
    assert home.tombstones.state().hides("ann")
    push_log(home, location)
    follow(home, location)
    follow(other, location)
    assert other.tombstones.state().hides("ann")


def test_tombstones_of_another_place_are_refused_and_stay(tmp_path):
    first, second = (TombstoneLog(tmp_path / name) for name in ("first", "second"))
    for log, user in ((first, "ann"), (second, "bob")):
        log.opt_out(user)
    first.opt_out("cat")
    with pytest.raises(IntegrityError, match="belong to another location"):
        copy_tombstones(first.folder, second.folder)
    assert second.state().hides("bob")
    assert second.last_seq() == 1
