import gc
import threading
import weakref

import pytest

from core.errors import IntegrityError
from core.release_store import ReleaseStore
from serving import open_releases
from serving.open_releases import OpenReleases


@pytest.fixture
def folders(tmp_path, toy):
    releases = ReleaseStore(tmp_path)
    return [releases.path(toy.publish(tmp_path, f"1970-01-1{n}", n)) for n in (1, 2)]


def test_who_asks_for_the_same_release_gets_the_same(folders):
    opened = OpenReleases()
    first = opened.open(folders[0])
    assert opened.open(folders[0]) is first
    assert opened.open(folders[1]) is not first
    assert [opened.open(folder).id for folder in folders] == [folder.name for folder in folders]


def test_what_nobody_holds_is_given_back_and_opens_again(folders):
    opened = OpenReleases()
    release = opened.open(folders[0])
    alive = weakref.ref(release)
    del release
    gc.collect()
    assert alive() is None
    assert opened.open(folders[0]).user("ann") is not None


def test_many_threads_open_it_once(folders, monkeypatch):
    really_open, calls, found = open_releases.open_release, [], []
    both_ask = threading.Barrier(4)

    def counted(path, verify):
        calls.append(path)
        return really_open(path, verify)

    monkeypatch.setattr(open_releases, "open_release", counted)
    opened = OpenReleases()

    def ask(folder):
        both_ask.wait(10)
        found.append(opened.open(folder))

    threads = [threading.Thread(target=ask, args=(folder,)) for folder in folders * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(calls) == sorted(folders)
    assert len(found) == 4
    assert len({id(release) for release in found}) == 2


def test_a_damaged_release_is_refused_and_may_be_mended(folders):
    opened, path = OpenReleases(), folders[0] / "segments.items"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + b"\x7f")
    with pytest.raises(IntegrityError, match=r"segments\.items has other bytes"):
        opened.open(folders[0])
    path.write_bytes(whole)
    assert opened.open(folders[0]).id == folders[0].name


def test_a_view_hides_other_items_and_leaves_the_release_as_it_is(folders):
    release = OpenReleases().open(folders[0])
    view = release.hiding({"m1"})
    assert (view.taken_down, release.taken_down) == ({"m1"}, frozenset())
    assert view.is_taken_down(0)
    assert not release.is_taken_down(0)
    assert 0 in view.unavailable
    assert 0 not in release.unavailable


@pytest.mark.parametrize(
    ("prefix", "users"),
    [
        ("", ["ann", "bob", "cat", "rex", "zoë"]), ("a", ["ann"]), ("ann", ["ann"]),
        ("anna", []), ("zo", ["zoë"]), ("zoë", ["zoë"]), ("\U0010ffff", []), ("x" * 600, []),
    ],
)  # fmt: skip
def test_ids_by_how_they_begin(folders, prefix, users):
    release = OpenReleases().open(folders[0])
    assert list(release.user_ids(prefix)) == users
    items = [f"m{n}" for n in range(1, 8)]
    assert list(release.item_ids(prefix)) == (items if prefix == "" else [])
    assert list(release.item_ids("m")) == items
