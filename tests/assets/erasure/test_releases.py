"""A release without an erased user: packed anew, swapped to, everyone else answered as before."""

import json

import pytest

from assets.erasure.releases import rewrite_releases
from core.erased_users import ErasedUsers
from core.errors import IntegrityError
from core.home import Home
from core.release_store import ReleaseStore
from serving.answer import item_rows
from serving.current_release import CurrentRelease
from serving.ladder import choose
from tests.serving.conftest import publish_toy
from tests.traces import traces

EVERYONE = ("ann", "bob", "zoë", "rex", "cat", "out", "nobody")


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


def answers(release):
    return {user: json.loads(item_rows(release, choose(release, user, 5))) for user in EVERYONE}


@pytest.mark.parametrize("gone", ["ann", "rex", "cat", "zoë"])
def test_a_server_swaps_to_the_rewritten_release(home, gone):
    first = publish_toy(home.releases, "1970-01-11", 1)
    second = publish_toy(home.releases, "1970-01-12", 2)
    releases = ReleaseStore(home.releases)
    current = CurrentRelease(releases, poll_seconds=1.0, retry_seconds=60.0)
    current.refresh()
    before = answers(current.served.release)
    folder = current.served.release.folder
    releases.tombstones.erase(gone)
    erased = ErasedUsers(releases.tombstones.state())
    assert rewrite_releases(home, erased) == 2
    assert rewrite_releases(home, erased) == 0
    current.refresh()
    release = current.served.release
    assert (release.id, release.folder.name) == (second, f"{second}+1")
    assert not folder.exists()
    assert release.user(gone) is None
    after = answers(release)
    stranger = after["nobody"]
    assert after == {**before, gone: stranger}
    assert {path.name for path in releases.versions.iterdir()} == {f"{first}+1", f"{second}+1"}
    named = {releases.versions / name for name in traces(releases.versions, gone)}
    if gone == "cat":  # the category of items, and what is named after it
        named = {path for path in named if b"cat" in path.read_bytes().replace(b"categor", b"")}
    assert {path for path in named if path.name != "items.parquet"} == set()
    for name in (first, second):
        assert releases.verify(name).redaction == 1


def test_a_sentence_of_nobody_else_is_gone(home):
    release = publish_toy(home.releases, "1970-01-11", 1)
    assert traces(home.releases, 'Like "Amélie". #1'.replace('"', '\\"'))
    releases = ReleaseStore(home.releases)
    releases.tombstones.erase("ann")
    rewrite_releases(home, ErasedUsers(releases.tombstones.state()))
    assert traces(releases.versions, 'Like \\"Amélie', 'Like "Amélie') == {}
    assert traces(releases.path(release), "Many like m1. #1")


@pytest.mark.parametrize(
    "name", ["tables/lists.parquet", "users/default/shard-00.records", "golden.json"]
)
def test_a_damaged_release_stops_the_erasure_by_name(home, name):
    release = publish_toy(home.releases, "1970-01-11", 1)
    releases = ReleaseStore(home.releases)
    path = releases.path(release) / name
    path.write_bytes(path.read_bytes()[:-100])
    releases.tombstones.erase("ann")
    with pytest.raises(IntegrityError, match=rf"{path} has .* bytes, its manifest says"):
        rewrite_releases(home, ErasedUsers(releases.tombstones.state()))
    assert releases.path(release).name == release
