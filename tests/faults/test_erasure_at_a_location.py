"""Row 26 where machines share releases: what is forgotten in one home is forgotten at the location,
and in every home that follows it, whoever is killed meanwhile and whoever else forgets at once."""

import contextlib
import functools
import random
import shutil
import time
from collections import Counter, namedtuple

import pytest

from assets.erasure import shared as erasure_shared
from assets.erasure.stage import carry_out
from core import kill_points, release_push
from core.disk_place import DiskPlace
from core.durable import replace_file
from core.entry_log import EntryLog
from core.errors import IntegrityError, MachineFault, ReleaseConflict
from core.home import Home
from core.kill_points import IN_ERASURE, IN_SHARED_ERASURE
from core.release_pull import pull
from core.release_push import push_release
from core.release_settings import ReleaseSettings
from core.release_store import ReleaseStore
from core.retention import clear_releases
from core.retention_settings import RetentionSettings
from core.tombstones import Tombstone
from serving.location_commands import pull_release
from serving.tombstone_commands import erase
from tests.faults.forgetting import forget
from tests.faults.moving import (
    Fault,
    at,
    check_served,
    check_there,
    finish,
    publish,
    run,
    start,
    take,
)
from tests.servers import BUCKET
from tests.serving.conftest import publish_toy
from tests.traces import traces

pytestmark = pytest.mark.faults

SENTENCE = 'Like "Amélie".'.replace('"', '\\"')  # on nobody's list but ann's
POINTS = (
    "redaction_staged", "redaction_claimed", "redaction_described", "redaction_committed",
    "push_file_sent", "push_files_sent", "push_described", "shared_folder_undescribed",
    "shared_folder_removed", "erasure_carried_out", "erasure_noted",
)  # fmt: skip
"""Those of IN_ERASURE that are not here want a lake, and the test of one home reaches them."""

_N_TIMES = {
    point: 1 if point.startswith(("erasure", "pull")) else 2 for point in POINTS
}  # fmt: skip
"""How often each comes in an erasure of two releases; `push_file_sent` once a file."""


class Shared:
    """A location, the home that built its two releases, and a search of what lies there."""

    def __init__(self, folder, location, s3=None):
        self.folder, self.location, self._s3 = folder, location, s3
        self.builder = folder / "builder"
        self.names = [
            publish_toy(self.builder / "releases", f"1970-01-1{n}", n, log=False) for n in (1, 2)
        ]
        publish(self.builder / "releases", location, *self.names)

    def home(self, name):
        """Returns the releases of another home, which has pulled."""
        take(self.folder / name / "releases", self.location)
        return ReleaseStore(self.folder / name / "releases")

    def traces(self, *texts):
        """Returns what lies at the location and holds one of the texts, unpacked."""
        if self._s3 is None:
            return traces(self.folder / "shared", *texts)
        copied = self.folder / "objects"
        shutil.rmtree(copied, ignore_errors=True)
        begin = self.location.removeprefix(f"s3://{BUCKET}/") + "/"
        for key, content in self._s3.objects().items():
            if key.startswith(begin):
                replace_file(copied / key.removeprefix(begin), content)
        return traces(copied, *texts)

    def folders(self):
        return sorted(at(self.location).place.under("versions").names())

    def check_forgotten(self, *homes, user="ann"):
        """Nothing names the user, at the location or in the homes, and all of it is whole."""
        gone = (f'"{user}"', user, SENTENCE)
        assert self.traces(*gone) == {}
        there = at(self.location)
        for name in self.names:
            check_there(there, name)
        for home in homes:
            assert traces(home.root, *gone) == {}
            take(home.root, self.location)
            assert home.log.current() == self.names[-1]
            check_served(home, there, self.names[-1])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "shared").mkdir()
    monkeypatch.setenv("DAYBREAK_RELEASES__LOCATION", str(tmp_path / "shared"))
    return Shared(tmp_path, str(tmp_path / "shared"))


@pytest.fixture(params=["folder", "bucket"])
def shared(request, tmp_path, monkeypatch):
    if request.param == "folder":
        return request.getfixturevalue("folder")
    location = f"s3://{BUCKET}/{tmp_path.name}"
    s3 = request.getfixturevalue("s3")
    monkeypatch.setenv("DAYBREAK_RELEASES__LOCATION", location)
    return Shared(tmp_path, location, s3)


def test_the_location_and_a_home_that_follows_forget(shared):
    reader = shared.home("reader")
    assert shared.traces("ann", SENTENCE)
    assert traces(reader.root, "ann", SENTENCE)
    home = Home(shared.builder)
    erase(home, "ann")
    assert carry_out(home).releases == 2
    assert shared.folders() == [f"{name}+1" for name in shared.names]
    assert shared.traces("ann", SENTENCE) == {}
    done = pull(reader, at(shared.location), grace_seconds=3600)
    assert sorted(done.copied) == shared.names
    assert sorted(path.name for path in reader.versions.iterdir()) == shared.folders()
    shared.check_forgotten(reader, ReleaseStore(home.releases))
    assert carry_out(home).erasures == 0
    assert [x.kind for x in _entries(shared)] == ["erase", "rewrite"]


def test_a_home_that_has_none_of_the_releases_rewrites_them_all(folder):
    other = Home(folder.folder / "other")
    erase(other, "ann")
    assert carry_out(other).releases == 2
    folder.check_forgotten(ReleaseStore(other.releases))
    builder = Home(folder.builder)  # its own files are still to be rewritten, by itself
    assert carry_out(builder).erasures == 1
    folder.check_forgotten(ReleaseStore(builder.releases))
    third = Home(folder.folder / "third")  # somebody has done it at the location
    assert carry_out(third).erasures == 1
    assert ReleaseStore(third.releases).ids() == []


def test_what_lies_beside_the_releases_goes_too(folder):
    """What was set aside as damaged, half deleted or half copied, in both homes."""
    home, reader, first = Home(folder.builder), folder.home("reader"), folder.names[0]
    for releases in (ReleaseStore(home.releases), reader):
        for name in (f".damaged-{first}-1f", f".deleted-{first}-2f", f".leaving-{first}-3f",
                     f".pull-{first}"):  # fmt: skip
            shutil.copytree(releases.path(first), releases.versions / name)
    erase(home, "ann")
    carry_out(home)
    pull(reader, at(folder.location), grace_seconds=3600)
    folder.check_forgotten(ReleaseStore(home.releases), reader)
    for releases in (ReleaseStore(home.releases), reader):
        assert sorted(path.name for path in releases.versions.iterdir()) == folder.folders()


def test_a_home_filled_by_name_reaches_where_it_was_filled_from(folder, monkeypatch):
    monkeypatch.delenv("DAYBREAK_RELEASES__LOCATION")
    other = Home(folder.folder / "other")
    settings = ReleaseSettings(spread_seconds=0)
    pull_release(other, settings, grace_seconds=3600, origin=folder.location)
    erase(other, "ann")
    assert carry_out(other).releases == 2
    folder.check_forgotten(ReleaseStore(other.releases))


def test_folders_that_others_put_there_do_not_stop_it(folder):
    odd = ["@eaDir", "old copies", "x y+1"]
    for name in odd:
        (folder.folder / "shared/versions" / name).mkdir()
    erase(Home(folder.builder), "ann")
    assert carry_out(Home(folder.builder)).releases == 2
    assert folder.folders() == sorted([*(f"{name}+1" for name in folder.names), *odd])
    folder.check_forgotten()


def test_a_rewritten_release_that_is_damaged_there_is_named_though_nothing_stands(tmp_path):
    (tmp_path / "shared").mkdir()
    there, builder = at(str(tmp_path / "shared")), ReleaseStore(tmp_path / "builder/releases")
    name = publish_toy(builder.root, "1970-01-11", 1, log=False)
    push_release(builder, there, name)
    reader = ReleaseStore(tmp_path / "reader")
    shutil.copytree(builder.root, reader.root)
    act = (forget, tmp_path / "builder", str(there), "ann")
    assert run(*act, folder=tmp_path).status == 0
    (tmp_path / "shared/versions" / f"{name}+1" / "fragments.bin").write_bytes(b"damaged")
    with pytest.raises(IntegrityError, match="fragments"):
        pull(reader, there, grace_seconds=3600)


@pytest.mark.parametrize("moment", ["pull_file_copied", "before its manifest is read"])
def test_what_is_retired_there_meanwhile_is_left_out(folder, monkeypatch, moment):
    """The erasing home has none of the releases; the location's gc takes the first of them."""
    other, there = Home(folder.folder / "other"), at(folder.location)
    gone = folder.names.pop(0)
    erase(other, "ann")
    if moment == "pull_file_copied":
        with _once(moment, lambda: there.remove(gone)):
            done = carry_out(other)
    else:
        check = erasure_shared._check_room

        def remove_first(releases, location, missing):
            there.remove(gone)
            check(releases, location, missing)

        monkeypatch.setattr(erasure_shared, "_check_room", remove_first)
        done = carry_out(other)
    assert done.releases == 1
    assert folder.folders() == [f"{folder.names[0]}+1"]
    assert [x.name for x in ReleaseStore(other.releases).versions.iterdir()] == folder.folders()
    folder.check_forgotten(ReleaseStore(other.releases))


def test_a_damaged_release_there_still_stops_it(folder):
    other = Home(folder.folder / "other")
    (folder.folder / "shared/versions" / folder.names[0] / "fragments.bin").unlink()
    erase(other, "ann")
    with pytest.raises(IntegrityError, match="fragments"):
        carry_out(other)
    assert [x.kind for x in _entries(folder)] == ["erase"]


def test_a_home_from_an_older_backup_is_rewritten_again(folder):
    home, backup = Home(folder.builder), folder.folder / "backup"
    shutil.copytree(home.root, backup)
    erase(home, "ann")
    carry_out(home)
    shutil.rmtree(home.root)
    shutil.copytree(backup, home.root)
    assert traces(home.releases, "ann", SENTENCE)
    assert carry_out(home).erasures == 1
    folder.check_forgotten(ReleaseStore(home.releases))


def test_a_damaged_rewritten_release_is_not_replaced_by_what_it_was(folder):
    """The location still has the old one, for the erasure was killed before it came there."""
    act = (forget, folder.builder, folder.location, "ann")
    fault = Fault("redaction_committed", 2)
    assert run(*act, folder=folder.folder, fault=fault).status == -9
    releases, name = ReleaseStore(folder.builder / "releases"), folder.names[1]
    (releases.path(name) / "fragments.bin").write_bytes(b"damaged")
    with pytest.raises(IntegrityError, match="fragments"):
        pull(releases, at(folder.location), grace_seconds=3600)
    assert releases.path(name).name == f"{name}+1"
    assert not (releases.versions / f".pull-{name}").exists()
    shutil.rmtree(releases.path(name))  # it can be had again, and forgets again
    assert run(*act, folder=folder.folder).status == 0
    folder.check_forgotten(releases)


def test_one_more_is_forgotten(folder):
    home, reader = Home(folder.builder), folder.home("reader")
    for number, user in enumerate(("ann", "bob"), 1):
        erase(home, user)
        carry_out(home)
        assert folder.folders() == [f"{name}+{number}" for name in folder.names]
        pull(reader, at(folder.location), grace_seconds=3600)
        folder.check_forgotten(reader, user=user)


def test_a_home_that_has_not_forgotten_yet_brings_nobody_back(folder):
    """Its push sends nothing; one that was under way leaves nothing."""
    late, midway = folder.folder / "late", folder.folder / "midway"
    for root in (late, midway):
        shutil.copytree(folder.builder / "releases", root)
    newest = publish_toy(midway, "1970-01-13", 3, log=False)
    shutil.copytree(
        ReleaseStore(midway).path(newest), folder.builder / "releases/versions" / newest
    )
    fault = Fault("push_file_sent", 3)
    assert run(publish, midway, folder.location, newest, folder=folder.folder, fault=fault).status
    erase(Home(folder.builder), "ann")
    carry_out(Home(folder.builder))
    assert folder.folders() == [*(f"{name}+1" for name in folder.names), f"{newest}+1"]
    for root in (late, midway):
        for name in folder.names:
            done = push_release(ReleaseStore(root), at(folder.location), name)
            assert (done.n_sent, done.n_kept) == (0, 0)
    publish(midway, folder.location, newest)
    assert folder.traces("ann", SENTENCE) == {}
    folder.names.append(newest)
    folder.home("reader")
    take(midway, folder.location)
    folder.check_forgotten(ReleaseStore(midway), folder.home("reader"))


@pytest.mark.parametrize("point", ["push_file_sent", "push_files_sent", "push_described"])
def test_a_push_that_is_overtaken_leaves_nothing(folder, point):
    """The erasure comes between two steps of a home's push, which has not forgotten yet."""
    late, name = folder.folder / "late", folder.names[0]
    shutil.copytree(folder.builder / "releases", late)
    there = at(folder.location)
    there.remove(name)
    with _overtaken(point, folder, "ann"):
        push_release(ReleaseStore(late), there, name)
    assert folder.folders() == [f"{name}+1" for name in folder.names]
    folder.check_forgotten()


def _with_a_new_one(folder):
    """Returns a home that has built one more release, which the location has not."""
    late = ReleaseStore(folder.folder / "late/releases")
    shutil.copytree(folder.builder / "releases", late.root)
    return late, publish_toy(late.root, "1970-01-13", 3, log=False)


@contextlib.contextmanager
def _once(point, do):
    """Does something at the first time that a moment of what is done within is reached."""
    done = []

    def listen(name):
        if name == point and not done:
            done.append(name)
            do()

    kill_points.listen(listen)
    try:
        yield
    finally:
        kill_points.listen(None)
    assert done


@pytest.mark.parametrize("point", ["redaction_staged", "erasure_carried_out", "erasure_noted"])
def test_a_home_that_has_not_forgotten_pushes_nothing_new_while_another_forgets(folder, point):
    late, newest = _with_a_new_one(folder)
    there = at(folder.location)

    def push():
        with pytest.raises(ReleaseConflict, match="yet to forget 1 of the users"):
            push_release(late, there, newest)

    erase(Home(folder.builder), "ann")
    with _once(point, push):
        assert carry_out(Home(folder.builder)).releases == 2
    push()
    assert folder.folders() == [f"{name}+1" for name in folder.names]
    assert folder.traces("ann", SENTENCE) == {}
    assert carry_out(Home(late.root.parent)).erasures == 1
    publish(late.root, folder.location, newest)
    folder.names.append(newest)
    folder.check_forgotten(late)


@pytest.mark.parametrize("moment", ["push_file_sent", "push_files_sent", "just before it is whole"])
def test_a_push_of_what_the_erasure_could_not_see_does_not_become_whole(
    folder, monkeypatch, moment
):
    late, newest = _with_a_new_one(folder)
    there, describe = at(folder.location), release_push._describe

    def forget_first(*given):
        act = (forget, folder.builder, folder.location, "ann")
        assert run(*act, folder=folder.folder).status == 0
        return describe(*given)

    around = contextlib.nullcontext()
    if moment.startswith("push"):
        around = _overtaken(moment, folder, "ann")
    else:
        monkeypatch.setattr(release_push, "_describe", forget_first)
    with around, pytest.raises(ReleaseConflict, match="yet to forget 1 of the users"):
        push_release(late, there, newest)
    monkeypatch.undo()
    monkeypatch.setenv("DAYBREAK_RELEASES__LOCATION", folder.location)
    assert not there.holds(newest)
    for name in folder.names:
        check_there(there, name)
    assert carry_out(Home(late.root.parent)).erasures == 1
    publish(late.root, folder.location, newest)
    folder.names.append(newest)
    folder.check_forgotten(late)


def test_what_becomes_whole_while_it_is_rewritten_is_rewritten_too(folder):
    """Its pusher looked before the erasure began, and died before it looked again."""
    late, newest = _with_a_new_one(folder)
    erase(Home(folder.builder), "ann")
    push = functools.partial(push_release, late, at(folder.location), newest, through=10**6)
    with _once("redaction_staged", push):
        assert carry_out(Home(folder.builder)).releases == 3
    folder.names.append(newest)
    assert folder.folders() == [f"{name}+1" for name in folder.names]
    assert folder.traces("ann", SENTENCE) == {}


def test_a_pull_that_is_overtaken_takes_the_rewritten_one(shared, trials):
    rng = random.Random(3)
    for number, user in enumerate(("ann", "bob", "rex")[: trials(1, 3)]):
        reader = ReleaseStore(shared.folder / f"reader{number}" / "releases")
        with _overtaken("pull_file_copied", shared, user, nth=rng.randint(1, 10)):
            done = pull(reader, at(shared.location), grace_seconds=3600)
        assert done.current == shared.names[-1]
        assert sorted(path.name for path in reader.versions.iterdir()) == shared.folders()
        shared.check_forgotten(reader, user=user)


@contextlib.contextmanager
def _overtaken(point, shared, user, nth=1, root=None):
    """At a moment of what is done within, another process erases a user, from start to end."""
    reached, ended = 0, []

    def overtake(name):
        nonlocal reached
        reached += name == point
        if reached == nth and not ended:
            act = (forget, root or shared.builder, shared.location, user)
            ended.append(run(*act, folder=shared.folder))

    kill_points.listen(overtake)
    try:
        yield
    finally:
        kill_points.listen(None)
    assert [one.status for one in ended] == [0], ended


def test_killed_at_any_moment_the_next_attempt_ends_it(tmp_path, trials):
    """A home that follows reads whole releases all the while, and forgets with the location."""
    begun, hits, rng = time.monotonic(), Counter(), random.Random(5)
    points = trials(("redaction_claimed", "push_described", "shared_folder_undescribed"), POINTS)
    for point in points:
        for number in range(trials(1, 20)):
            shared = fresh(tmp_path / f"{point}-{number}")
            reader, there = shared.home("reader"), at(shared.location)
            act = (forget, shared.builder, shared.location, "ann")
            many = point == "push_file_sent"
            fault = Fault(point, rng.randint(1, 20) if many else rng.randint(1, _N_TIMES[point]))
            ended = run(*act, folder=shared.folder, fault=fault)
            assert ended.status == -9, ended
            hits[point] += 1
            for name in shared.names:
                check_there(there, name)
            take(reader.root, shared.location)
            check_served(reader, there, reader.log.current())
            ended = run(*act, folder=shared.folder)
            assert ended.status == 0, ended
            take(reader.root, shared.location)
            assert shared.folders() == [f"{name}+{_last(there, name)}" for name in shared.names]
            shared.check_forgotten(reader, ReleaseStore(shared.builder / "releases"))
            shutil.rmtree(shared.folder)
    print(f"{sum(hits.values())} kills {dict(hits)}, {time.monotonic() - begun:.1f} s")
    assert set(hits) == set(points)


def test_every_moment_of_a_shared_erasure_is_one_at_which_it_is_killed():
    """But those that only a lake has, and one that only a pull reaches."""
    others = {"lake_entry_replaced", "landed_file_announced", "pull_superseded_removed"}
    assert (IN_ERASURE.keys() | IN_SHARED_ERASURE.keys()) - others <= set(POINTS)


def test_a_pull_that_is_killed_leaves_one_of_the_two(tmp_path, trials):
    every = ("pull_block_copied", "pull_files_copied", "pull_described", "pull_committed",
             "pull_superseded_removed")  # fmt: skip
    points = trials(every[-2:], every)
    hits = Counter()
    for point in points:
        for number in range(trials(1, 10)):
            shared = fresh(tmp_path / f"{point}-{number}")
            reader, there = shared.home("reader"), at(shared.location)
            forgotten = run(forget, shared.builder, shared.location, "ann", folder=shared.folder)
            assert forgotten.status == 0, forgotten
            act = (take, reader.root, shared.location)
            assert run(*act, folder=shared.folder, fault=Fault(point)).status == -9
            hits[point] += 1
            check_served(reader, there, reader.log.current())
            assert run(*act, folder=shared.folder).status == 0
            assert sorted(path.name for path in reader.versions.iterdir()) == shared.folders()
            shared.check_forgotten(reader)
            shutil.rmtree(shared.folder)
    assert set(hits) == set(points)


def test_the_s3_server_is_killed_at_a_point(tmp_path, s3, trials):
    points = ("redaction_claimed", "push_file_sent", "push_described", "shared_folder_undescribed")
    for number, point in enumerate(points[: trials(1, 4)]):
        (tmp_path / point).mkdir()
        location = f"s3://{BUCKET}/{tmp_path.name}-{number}"
        shared = Shared(tmp_path / point, location, s3)
        act = (forget, shared.builder, location, "ann")
        fault = Fault(point, 1, s3.process.pid)
        ended = run(*act, folder=shared.folder, fault=fault)
        assert (ended.status, ended.points[point]) == (3, 1), ended
        assert "can't be reached" in ended.error or "nobody knows" in ended.error, ended
        s3.kill()  # it is dead; this takes leave of it
        s3.start()
        for name in shared.names:
            check_there(at(location), name)
        assert run(*act, folder=shared.folder).status == 0
        shared.check_forgotten(ReleaseStore(shared.builder / "releases"))


@pytest.mark.parametrize(("method", "step"), [("create", 1), ("put", 7), ("remove", 11)])
@pytest.mark.parametrize("is_done", [True, False])
def test_a_write_whose_outcome_nobody_knows(tmp_path, monkeypatch, trials, method, step, is_done):
    """One write at the location fails, done or not; the next attempt ends the erasure."""
    plain, n_failed = getattr(DiskPlace, method), 0
    for number in range(trials(1, 2), trials(60, 65), trials(3 * step, 1))[: trials(2, 64)]:
        shared = fresh(tmp_path / str(number))
        monkeypatch.setenv("DAYBREAK_RELEASES__LOCATION", shared.location)
        left = number

        def fail(place, *given, shared=shared):
            nonlocal left
            left -= 1
            if left:
                return plain(place, *given)
            if is_done:
                plain(place, *given)
            raise OSError(5, "the answer is lost")

        home = Home(shared.builder)
        erase(home, "ann")
        monkeypatch.setattr(DiskPlace, method, fail)
        try:
            carry_out(home)
        except MachineFault:
            n_failed += 1
        else:  # an entry that is there was written; or there are not so many writes
            assert left > 0 or method == "create"
        monkeypatch.setattr(DiskPlace, method, plain)
        for name in shared.names:
            check_there(at(shared.location), name)
        carry_out(home)
        shared.check_forgotten(ReleaseStore(home.releases))
        shutil.rmtree(shared.folder)
    assert n_failed


def test_two_homes_that_forget_at_once_both_end_well(tmp_path, trials):
    begun, conflicts = time.monotonic(), 0
    for number in range(trials(2, 40)):
        shared = fresh(tmp_path / str(number))
        other = shared.folder / "other"
        shutil.copytree(shared.builder, other)
        users = (["ann"], ["ann"]) if number % 2 else (["ann"], ["bob"])
        acts = [
            start(forget, root, shared.location, *names, folder=shared.folder)
            for root, names in zip((shared.builder, other), users, strict=True)
        ]
        for ended in map(finish, acts):
            assert ended.status == 0, ended
            conflicts += ended.points["redaction_staged"] > ended.points["redaction_committed"]
        for root in (shared.builder, other):  # what the other asked for later on
            assert run(forget, root, shared.location, folder=shared.folder).status == 0
        homes = [ReleaseStore(root / "releases") for root in (shared.builder, other)]
        for user in {*users[0], *users[1]}:
            shared.check_forgotten(*homes, user=user)
        shutil.rmtree(shared.folder)
    print(f"{conflicts} were overtaken, {time.monotonic() - begun:.1f} s")


@pytest.mark.parametrize("whose", ["ann", "bob"])
@pytest.mark.parametrize(
    "point",
    ["redaction_staged", "redaction_claimed", "redaction_committed", "push_file_sent",
     "push_files_sent", "push_described", "shared_folder_removed", "erasure_carried_out"],
)  # fmt: skip
def test_another_home_forgets_meanwhile(folder, monkeypatch, trials, point, whose):
    """The same user or another, from start to end between two steps of the first home."""
    if not trials(False, True) and point not in ("redaction_claimed", "push_files_sent"):
        pytest.skip("two moments in the small form")
    other, home = folder.folder / "other", Home(folder.builder)
    shutil.copytree(folder.builder, other)
    erase(home, "ann")
    with _overtaken(point, folder, whose, root=other):
        carry_out(home)
    take(other / "releases", folder.location)
    for user in {"ann", whose}:
        folder.check_forgotten(
            ReleaseStore(home.releases), ReleaseStore(other / "releases"), user=user
        )
    for root in (home, Home(other)):
        assert carry_out(root).erasures == 0


def test_without_room_nothing_is_changed(folder, monkeypatch):
    other, usage = Home(folder.folder / "other"), namedtuple("usage", "total used free")
    erase(other, "ann")
    before = folder.folders()
    monkeypatch.setattr(erasure_shared.shutil, "disk_usage", lambda path: usage(0, 0, 1000))
    with pytest.raises(
        MachineFault, match=r"needs \d+ bytes and has 1000 free; nothing was changed"
    ):
        carry_out(other)
    assert folder.folders() == before
    assert ReleaseStore(other.releases).ids() == []
    assert [x.kind for x in _entries(folder)] == ["erase"]


def test_what_a_dead_home_was_pushing_goes_with_the_garbage(folder):
    late, name = folder.folder / "late", folder.names[0]
    shutil.copytree(folder.builder / "releases", late)
    with _overtaken("push_file_sent", folder, "ann", nth=3), contextlib.suppress(KeyError):
        kill_here = at(folder.location)
        kill_here.remove(name)
        kill_here.remove_superseded = lambda release: None  # it dies before
        push_release(ReleaseStore(late), kill_here, name)
    home = ReleaseStore(folder.builder / "releases")
    there = at(folder.location)
    there.folder(name, 0).put("fragments.bin", late / "versions" / name / "fragments.bin")
    there.claim(ReleaseStore(late).manifest(name))
    clear_releases(home, RetentionSettings(), grace_seconds=3600, location=there)
    folder.check_forgotten(home)


def fresh(folder):
    """Returns a location of its own with two releases."""
    (folder / "shared").mkdir(parents=True)
    return Shared(folder, str(folder / "shared"))


def _last(there, name):
    return there.redaction(name)


def _entries(shared):
    log = EntryLog(at(shared.location).tombstones.folder, Tombstone, "the tombstones")
    return log.entries()
