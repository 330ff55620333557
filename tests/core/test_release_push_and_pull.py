"""Releases to a location and from it, over a folder and over a bucket of a real S3 server."""

import os
import shutil
from collections import namedtuple

import pytest

from core import release_copy
from core.durable import replace_file
from core.errors import GateRefused, IntegrityError, MachineFault, NotFound, UnsafeName
from core.manifest import verify
from core.place import open_place
from core.release_folders import CLAIM
from core.release_location import ReleaseLocation, deciding_store
from core.release_pull import fetch_release, follow, pull
from core.release_push import push_log, push_release
from core.release_store import ReleaseStore
from tests.servers import BUCKET


@pytest.fixture(params=["folder", "bucket"])
def location(request, tmp_path):
    if request.param == "folder":
        (tmp_path / "shared").mkdir()
        return ReleaseLocation(open_place(str(tmp_path / "shared")))
    request.getfixturevalue("s3")
    return ReleaseLocation(open_place(f"s3://{BUCKET}/{tmp_path.name}"))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "shared").mkdir()
    return ReleaseLocation(open_place(str(tmp_path / "shared")))


@pytest.fixture
def builder(tmp_path):
    return ReleaseStore(tmp_path / "builder")


@pytest.fixture
def reader(tmp_path):
    return ReleaseStore(tmp_path / "reader")


@pytest.fixture
def announce(toy, builder):
    """Builds a toy release, brings it to a location and announces it there; returns its id."""

    def act(location, as_of, seed):
        release = toy.publish(builder.root, as_of, seed, log=False)
        push_release(builder, location, release)
        location.log.append("publish", release, as_of, reason="toy")
        return release

    return act


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_what_is_pulled_is_what_was_built(location, announce, builder, reader):
    first = announce(location, "1970-01-11", 1)
    second = announce(location, "1970-01-12", 2)
    done = pull(reader, location, grace_seconds=3600)
    assert (done.current, done.copied, done.n_entries) == (second, [second, first], 2)
    for release in (first, second):
        assert contents(reader.path(release)) == contents(builder.path(release))
    assert contents(reader.root / "log").keys() == {"00000001.json", "00000002.json"}
    assert reader.log.entries() == location.log.entries()
    again = pull(reader, location, grace_seconds=3600)
    assert (again.copied, again.bytes_fetched, again.n_entries) == ([], 0, 0)


def test_a_rollback_there_is_followed_without_a_copy(location, announce, reader):
    first, second = announce(location, "1970-01-11", 1), announce(location, "1970-01-12", 2)
    pull(reader, location, grace_seconds=3600)
    location.log.append("rollback", second, "1970-01-12", reason="bad")
    assert follow(reader, location) == 1
    assert reader.log.current() == first
    with pytest.raises(GateRefused, match="barred"):
        location.log.append("publish", second, "1970-01-12", reason="again")


def test_an_entry_waits_for_its_release(folder, announce, reader):
    first = announce(folder, "1970-01-11", 1)
    pull(reader, folder, grace_seconds=3600)
    second = announce(folder, "1970-01-12", 2)
    assert follow(reader, folder) == 0
    assert reader.log.current() == first
    assert pull(reader, folder, grace_seconds=3600, fallbacks=0).copied == [second]
    assert reader.log.current() == second


def test_a_rollback_among_entries_that_wait_is_followed_at_once(folder, announce, reader):
    first, second = announce(folder, "1970-01-11", 1), announce(folder, "1970-01-12", 2)
    pull(reader, folder, grace_seconds=3600)
    folder.log.append("rollback", second, "1970-01-12", reason="bad")
    third = announce(folder, "1970-01-13", 3)
    assert follow(reader, folder) == 1
    assert reader.log.current() == first
    pull(reader, folder, grace_seconds=3600)
    assert reader.log.current() == third


def test_a_second_push_sends_nothing_and_mends_what_is_damaged(location, announce, builder):
    release = announce(location, "1970-01-11", 1)
    n_files = len(builder.manifest(release).files)
    again = push_release(builder, location, release)
    assert (again.n_sent, again.n_kept, again.bytes_sent) == (0, n_files, 0)
    bad = builder.root / "bad"
    size = (builder.path(release) / "fragments.bin").stat().st_size
    bad.write_bytes(b"\0" * size)
    location.files(release).put("fragments.bin", bad)
    again = push_release(builder, location, release)
    assert (again.n_sent, again.bytes_sent) == (1, size)


@pytest.mark.parametrize(
    ("location", "fault"),
    [("bucket", "flipped"), ("folder", "flipped"), ("folder", "shorter"), ("folder", "missing")],
    indirect=["location"],
)
def test_a_damaged_file_there_is_refused_by_name_and_the_old_release_stays(
    location, announce, builder, reader, tmp_path, fault
):
    first = announce(location, "1970-01-11", 1)
    pull(reader, location, grace_seconds=3600)
    second = announce(location, "1970-01-12", 2)
    name = "users/default/shard-01.records"
    content = bytearray((builder.path(second) / name).read_bytes())
    content[len(content) // 2] ^= 4
    bad = tmp_path / "bad"
    bad.write_bytes(content[:-1] if fault == "shorter" else content)
    if fault == "missing":
        location.files(second).remove(name)
    else:
        location.files(second).put(name, bad)
    for _ in range(2):
        with pytest.raises(IntegrityError, match=rf"{second}/{name} .*push the release again"):
            pull(reader, location, grace_seconds=3600)
    assert reader.ids() == [first]
    verify(reader.path(first), reader.manifest(first))
    push_release(builder, location, second)
    assert pull(reader, location, grace_seconds=3600).current == second


def test_a_fresh_home_gets_the_fallback_where_the_newest_is_damaged(folder, announce, reader):
    first, second = announce(folder, "1970-01-11", 1), announce(folder, "1970-01-12", 2)
    folder.files(second).remove("golden.json")
    with pytest.raises(IntegrityError, match=r"golden\.json is missing"):
        pull(reader, folder, grace_seconds=3600)
    assert reader.ids() == [first]
    assert reader.log.current() == second  # a server finds it missing and takes the next


def test_a_manifest_of_another_release_is_refused(folder, announce, builder, reader):
    first = announce(folder, "1970-01-11", 1)
    second = announce(folder, "1970-01-12", 2)
    folder.files(second).put("manifest.json", builder.path(first) / "manifest.json")
    with pytest.raises(IntegrityError, match=f"not of release {second}"):
        pull(reader, folder, grace_seconds=3600)
    assert reader.ids() == [first]


def test_a_file_torn_by_an_interrupted_pull_goes_on_or_is_copied_anew(
    folder, announce, builder, reader
):
    release = announce(folder, "1970-01-11", 1)
    whole = contents(builder.path(release))
    staging = reader.versions / f".pull-{release}"
    (staging / "users/default").mkdir(parents=True)
    for name, kept in {
        "fragments.bin": whole["fragments.bin"],
        "golden.json": whole["golden.json"][:100],
        "items.records": b"\0" * 4096,
        "layout.json": whole["layout.json"] + b"more",
        "not-listed": b"litter",
    }.items():
        (staging / name).write_bytes(kept)
    (reader.versions / ".pull-1970-01-01.aaaaaa").mkdir()
    done = pull(reader, folder, grace_seconds=3600)
    saved = len(whole["fragments.bin"]) + 100
    files = builder.manifest(release).files
    assert done.bytes_fetched == sum(x.bytes for x in files.values()) - saved
    assert contents(reader.path(release)) == whole
    assert [path.name for path in reader.versions.iterdir()] == [release]


@pytest.mark.parametrize("fault", ["flipped", "missing", "manifest"])
def test_a_release_damaged_at_home_is_copied_anew(folder, announce, builder, reader, fault):
    first, second = announce(folder, "1970-01-11", 1), announce(folder, "1970-01-12", 2)
    pull(reader, folder, grace_seconds=3600)
    path = reader.path(second) / ("manifest.json" if fault == "manifest" else "fragments.bin")
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    if fault == "missing":
        path.unlink()
    assert pull(reader, folder, grace_seconds=3600, doubted={first}).copied == []
    assert pull(reader, folder, grace_seconds=3600).copied == [second]
    assert contents(reader.path(second)) == contents(builder.path(second))
    assert [x.name[:9] for x in reader.versions.iterdir() if x.name[0] == "."] == [".damaged-"]
    assert pull(reader, folder, grace_seconds=0).copied == []
    assert sorted(x.name for x in reader.versions.iterdir()) == [first, second]
    path.write_bytes(b"?")
    assert fetch_release(reader, folder, second)
    assert contents(reader.path(second)) == contents(builder.path(second))


def test_damage_that_the_location_cannot_mend_is_told(folder, announce, reader):
    first, second = announce(folder, "1970-01-11", 1), announce(folder, "1970-01-12", 2)
    pull(reader, folder, grace_seconds=3600)
    (reader.path(first) / "fragments.bin").write_bytes(b"?")
    folder.remove(first)
    with pytest.raises(IntegrityError, match=rf"{first}.fragments\.bin"):
        pull(reader, folder, grace_seconds=3600)
    assert reader.ids() == [first, second]


def test_no_room_is_said_in_bytes_before_anything_is_copied(
    folder, announce, builder, reader, monkeypatch
):
    first = announce(folder, "1970-01-11", 1)
    pull(reader, folder, grace_seconds=3600)
    second = announce(folder, "1970-01-12", 2)
    needed = sum(x.bytes for x in builder.manifest(second).files.values())
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(release_copy.shutil, "disk_usage", lambda path: usage(0, 0, needed - 1))
    with pytest.raises(MachineFault, match=rf"{second} needs {needed} bytes .* {needed - 1} bytes"):
        pull(reader, folder, grace_seconds=3600)
    assert reader.ids() == [first]
    monkeypatch.setattr(release_copy.shutil, "disk_usage", lambda path: usage(0, 0, needed))
    assert pull(reader, folder, grace_seconds=3600).current == second


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_disk_that_runs_full_is_left_as_it_was(folder, announce, tmp_path, monkeypatch):
    import subprocess

    disk = tmp_path / "disk"
    disk.mkdir()
    release = announce(folder, "1970-01-11", 1)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8k", "none", str(disk)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted: {mounted.stderr.decode().strip()}")
    try:
        reader = ReleaseStore(disk / "releases")
        with pytest.raises(MachineFault, match=r"needs .* bytes free"):
            pull(reader, folder, grace_seconds=3600)
        monkeypatch.setattr(release_copy, "_check_room", lambda staging, manifest: None)
        with pytest.raises(MachineFault, match=rf"ran full while release {release}"):
            pull(reader, folder, grace_seconds=3600)
        assert list(reader.versions.iterdir()) == []
        assert reader.log.entries() == ()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_the_wait_is_drawn_and_only_before_a_copy(folder, announce, reader):
    announce(folder, "1970-01-11", 1)
    waits, told = [], []
    done = pull(
        reader, folder, grace_seconds=3600, spread_seconds=30, wait=waits.append, say=told.append
    )
    assert waits == [done.waited_seconds]
    assert 0 <= waits[0] <= 30
    assert told[0] == f"waits {waits[0]:.1f} of at most 30 s"
    pull(reader, folder, grace_seconds=3600, spread_seconds=30, wait=waits.append)
    assert len(waits) == 1


def test_waits_are_spread_over_the_whole_span(folder, announce, tmp_path):
    announce(folder, "1970-01-11", 1)
    waits = []
    for number in range(40):
        reader = ReleaseStore(tmp_path / f"reader{number}")
        pull(reader, folder, grace_seconds=3600, spread_seconds=30, wait=waits.append)
    assert len(set(waits)) == 40
    assert min(waits) < 8
    assert max(waits) > 22


def test_a_home_of_another_location_is_refused(folder, announce, toy, reader):
    announce(folder, "1970-01-11", 1)
    toy.publish(reader.root, "1970-01-12", 2)
    with pytest.raises(IntegrityError, match="belong to another location"):
        pull(reader, folder, grace_seconds=3600)
    with pytest.raises(IntegrityError, match="belong to another location"):
        push_log(reader, folder)


def test_a_location_begins_with_what_a_home_has(location, toy, builder, reader):
    names = [toy.publish(builder.root, f"1970-01-1{n}", n) for n in (1, 2, 3)]
    builder.log.append("rollback", names[2], "1970-01-13", reason="bad")
    with pytest.raises(IntegrityError, match="daybreak release push"):
        pull(builder, location, grace_seconds=3600)
    assert [x.release for x in push_log(builder, location)] == names[:2]
    assert location.log.entries() == builder.log.entries()
    assert pull(reader, location, grace_seconds=3600).current == names[1]
    assert pull(builder, location, grace_seconds=3600).n_entries == 0


def test_two_builds_of_one_id_cannot_mix(folder, toy, builder, tmp_path):
    release = toy.publish(builder.root, "1970-01-11", 1, log=False)
    push_release(builder, folder, release)
    other = ReleaseStore(tmp_path / "other")
    twin = toy.publish(other.root, "1970-01-11", 1, toy.tables(" other"), log=False)
    assert twin == release
    with pytest.raises(IntegrityError, match="same id with other content"):
        push_release(other, folder, release)
    folder.files(release).remove(CLAIM)
    folder.claim(other.manifest(release))
    with pytest.raises(IntegrityError, match="is of other content"):
        push_release(other, folder, release)


def test_a_release_damaged_at_home_is_not_pushed(folder, toy, builder):
    release = toy.publish(builder.root, "1970-01-11", 1, log=False)
    path = builder.path(release) / "fragments.bin"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(IntegrityError, match=r"fragments\.bin .*`daybreak release verify"):
        push_release(builder, folder, release)
    assert not folder.holds(release)
    with pytest.raises(NotFound):
        fetch_release(ReleaseStore(builder.root.parent / "x"), folder, release)


def test_a_removed_release_is_gone_and_one_that_is_half_gone_goes(location, announce, reader):
    release = announce(location, "1970-01-11", 1)
    location.files(release).remove("manifest.json")
    location.files(release).remove("golden.json")
    location.remove(release)
    location.remove(release)
    assert not location.holds(release)
    assert location.files(release).names() == []
    with pytest.raises(NotFound, match=release):
        pull(reader, location, grace_seconds=3600)


def test_a_fallback_that_is_kept_no_longer_is_no_error(folder, announce, reader):
    first, second = announce(folder, "1970-01-11", 1), announce(folder, "1970-01-12", 2)
    folder.remove(first)
    done = pull(reader, folder, grace_seconds=3600)
    assert (done.current, done.copied) == (second, [second])


def test_a_folder_without_a_manifest_in_the_way_is_said(folder, announce, reader):
    release = announce(folder, "1970-01-11", 1)
    replace_file(reader.versions / release / "litter", b"")
    with pytest.raises(IntegrityError, match="has no manifest; remove that folder"):
        pull(reader, folder, grace_seconds=3600)
    shutil.rmtree(reader.versions / release)
    assert pull(reader, folder, grace_seconds=3600).current == release


def test_the_deciding_store_has_the_log_of_the_location(folder, announce, reader):
    release = announce(folder, "1970-01-11", 1)
    assert deciding_store(reader.root, folder).log.current() == release
    assert deciding_store(reader.root, None).log.current() is None


def test_names_cannot_leave_the_location(folder):
    with pytest.raises(UnsafeName):
        folder.files("../log")
