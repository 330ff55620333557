"""Which releases stay, and that the others go in two steps."""

import os
import time
from pathlib import Path

import pytest

from core.departure import delete
from core.entry_log import to_bytes
from core.errors import ReleaseConflict, UsageError
from core.kill_points import listen
from core.place import open_place
from core.release_location import ReleaseLocation
from core.release_pull import pull
from core.release_push import push_log, push_release
from core.release_standing import ReleaseEntry
from core.release_store import ReleaseStore
from core.release_writer import ReleasePlan, ReleaseWriter
from core.retention import clear_releases, kept_releases
from core.retention_settings import RetentionSettings

THREE = RetentionSettings(keep_releases=3)
LONG = 3600.0


@pytest.fixture
def releases(tmp_path: Path) -> ReleaseStore:
    return ReleaseStore(tmp_path / "releases")


def stored(releases: ReleaseStore, day: int, seed: int = 1) -> str:
    writer = ReleaseWriter(releases)
    plan = ReleasePlan(f"2026-01-{day:02}", {}, {}, seed)
    staging = writer.begin(plan)
    staging.file("one.txt").write_text(f"{day} {seed}")
    writer.commit(plan, staging)
    return plan.version


def log(releases: ReleaseStore, action: str, name: str) -> None:
    releases.log.append(action, name, name[:10], reason="test")


def published(releases: ReleaseStore, n_days: int) -> list[str]:
    names = [stored(releases, day) for day in range(1, n_days + 1)]
    for name in names:
        log(releases, "publish", name)
    return names


def clear(releases: ReleaseStore, grace: float = LONG, **more: object):
    return clear_releases(releases, THREE, grace_seconds=grace, **more)


def old(path: Path) -> None:
    """Makes a folder look as if nobody had written to it for a day."""
    moment = time.time() - 86_400
    for one in [path, *path.rglob("*")]:
        os.utime(one, (moment, moment))


def test_the_newest_stay_and_the_others_go_in_two_steps(releases: ReleaseStore) -> None:
    names = published(releases, 5)
    found = clear(releases)
    assert (sorted(found.retired), found.deleted) == (names[:2], [])
    assert releases.ids() == names  # whoever reads them may go on
    assert [entry.release for entry in releases.log.standing().candidates] == names[:1:-1]
    assert (clear(releases).retired, releases.ids()) == ({}, names)
    found = clear(releases, grace=0)
    assert (found.retired, found.deleted) == ({}, names[:2])
    assert releases.ids() == names[2:]
    assert (clear(releases, grace=0).deleted, releases.ids()) == ([], names[2:])


def test_pinned_current_and_what_an_experiment_names_stay(releases: ReleaseStore) -> None:
    names = published(releases, 7)
    log(releases, "pin", names[0])
    settings = RetentionSettings(keep_releases=3, experiments={"longer": [names[2]]})
    kept = kept_releases(releases.log.standing(), names, settings)
    assert sorted(kept) == [names[0], names[2], *names[4:]]
    assert kept[names[2]] == "experiment longer reads it"
    clear_releases(releases, settings, grace_seconds=0)
    clear_releases(releases, settings, grace_seconds=0)
    assert releases.ids() == [names[0], names[2], *names[4:]]
    assert releases.log.current() == names[0]


def test_archived_ones_are_kept_by_when_they_were_filed(releases: ReleaseStore) -> None:
    names = [stored(releases, day) for day in range(1, 6)]
    log(releases, "publish", names[4])
    for name in (names[3], names[0], names[1], names[2]):
        log(releases, "archive", name)
    kept = kept_releases(releases.log.standing(), names, THREE)
    assert sorted(kept) == [*names[:3], names[4]]


def test_barred_and_unannounced_ones_stay_as_long_as_their_date(releases: ReleaseStore) -> None:
    names = published(releases, 4)
    log(releases, "rollback", names[3])
    refused_old, refused_new = stored(releases, 1, seed=2), stored(releases, 2, seed=2)
    for name in (refused_old, refused_new):
        old(releases.path(name))
    clear(releases)
    assert set(releases.log.standing().retired) == set()  # three stand: 1, 2 and 3
    names.append(stored(releases, 5))
    log(releases, "publish", names[4])
    assert set(clear(releases).retired) == {names[0], refused_old}
    clear(releases, grace=0)
    assert set(releases.ids()) == {refused_new, *names[1:]}


def test_a_release_about_to_be_announced_is_left_alone(releases: ReleaseStore) -> None:
    published(releases, 5)
    waiting = stored(releases, 1, seed=2)
    assert waiting not in clear(releases).retired
    log(releases, "archive", waiting)
    assert releases.log.standing().status(waiting) == "archived"


def test_a_trial_changes_nothing(releases: ReleaseStore) -> None:
    names = published(releases, 5)
    (releases.versions / ".staging-1").mkdir()
    found = clear(releases, grace=0, is_trial=True)
    assert sorted(found.retired) == names[:2]
    assert [path.name for path in found.swept] == [".staging-1"]
    assert (releases.log.last_seq(), releases.ids()) == (5, names)
    assert (releases.versions / ".staging-1").exists()


def test_litter_goes_when_it_is_old_and_half_deleted_ones_at_once(releases: ReleaseStore) -> None:
    names = published(releases, 1)
    young, aged = releases.versions / ".staging-young", releases.versions / ".staging-aged"
    half = releases.versions / ".deleted-2026-01-01.aaaaaa-0123"
    for folder in (young, aged, half):
        (folder / "users").mkdir(parents=True)
        (folder / "users" / "one").write_text("1")
    old(aged)
    (aged / "users" / "one").touch()  # somebody writes to it still
    beside = releases.root / "log" / ".00000002.json.0123"
    beside.write_text("half")
    assert clear(releases).swept == [half]
    assert (young.exists(), aged.exists(), half.exists()) == (True, True, False)
    old(aged)
    os.utime(beside, (0, 0))
    assert clear(releases).swept == [aged, beside]
    assert releases.ids() == names
    assert len(releases.log.entries()) == 1


def test_what_is_being_served_is_decided_anew_where_another_writer_came_between(
    releases: ReleaseStore,
) -> None:
    names = published(releases, 5)
    came = []

    def pin_first(point: str) -> None:
        if point == "entry_about_to_be_created" and not came:
            came.append(point)
            log(ReleaseStore(releases.root), "pin", names[0])

    listen(pin_first)
    try:
        found = clear(releases)
    finally:
        listen(None)
    assert sorted(found.retired) == [names[1]]
    assert releases.log.current() == names[0]


def test_a_log_that_never_rests_is_said_so(releases: ReleaseStore) -> None:
    names = published(releases, 5)
    turn = ["pin", "unpin"]

    def busy(point: str) -> None:
        if point == "entry_about_to_be_created":
            listen(None)
            log(ReleaseStore(releases.root), turn[0], names[4])
            turn.reverse()
            listen(busy)

    listen(busy)
    try:
        with pytest.raises(ReleaseConflict, match="run `daybreak release gc` again"):
            clear(releases)
    finally:
        listen(None)
    assert releases.ids() == names


def test_fewer_than_three_are_refused() -> None:
    with pytest.raises(ValueError, match="greater than or equal to 3"):
        RetentionSettings(keep_releases=2)
    with pytest.raises(ValueError, match="grace_hours"):
        RetentionSettings(grace_hours=0.5)


def test_where_machines_share_releases_their_log_decides_and_both_copies_go(
    releases: ReleaseStore, tmp_path: Path
) -> None:
    (tmp_path / "shared").mkdir()
    location = ReleaseLocation(open_place(str(tmp_path / "shared")))
    names = published(releases, 5)
    push_log(releases, location)
    delete(releases.path(names[1]))  # this home has it no longer, the location has
    found = clear(releases, location=location)
    assert sorted(found.retired) == names[:2]
    assert set(location.log.standing().retired) == set(names[:2])
    assert releases.log.entries() == location.log.entries()
    assert [location.holds(name) for name in names] == [True] * 5
    found = clear(releases, grace=0, location=location, is_trial=True)
    assert (found.deleted, [location.holds(name) for name in names[:2]]) == (names[:2], [True] * 2)
    found = clear(releases, grace=0, location=location)
    assert found.deleted == names[:2]
    assert [location.holds(name) for name in names] == [False] * 2 + [True] * 3
    assert releases.ids() == names[2:]
    assert clear(releases, grace=0, location=location).deleted == []


def follower(location: ReleaseLocation, root: Path) -> ReleaseStore:
    """Returns a home that has what the location has, and its log."""
    home = ReleaseStore(root)
    pull(home, location, fallbacks=9, grace_seconds=LONG)
    return home


def test_a_home_keeps_what_its_own_log_names_however_far_the_locations_has_gone_on(
    releases: ReleaseStore, tmp_path: Path
) -> None:
    (tmp_path / "shared").mkdir()
    location = ReleaseLocation(open_place(str(tmp_path / "shared")))
    served = published(releases, 1)[0]
    push_log(releases, location)
    behind = follower(location, tmp_path / "behind")
    for day in range(2, 6):  # the home that is behind copies none of these
        name = stored(releases, day)
        push_release(releases, location, name)
        location.log.append("publish", name, name[:10], reason="test")
    clear(releases, location=location)
    found = clear(behind, grace=0, location=location)
    assert served in found.deleted
    assert not location.holds(served)
    assert behind.log.current() == served
    assert behind.ids() == [served]


def test_the_grace_counts_from_when_the_home_learned_of_it(
    releases: ReleaseStore, tmp_path: Path
) -> None:
    (tmp_path / "shared").mkdir()
    location = ReleaseLocation(open_place(str(tmp_path / "shared")))
    names = published(releases, 4)
    push_log(releases, location)
    home = follower(location, tmp_path / "home")
    slow = "2020-01-01T00:00:00Z"  # the clock of the machine that retires it, or its long absence
    entry = ReleaseEntry(5, "retire", names[0], names[0][:10], slow, "old", nonce="1")
    location.log.folder.create("00000005.json", to_bytes(entry))
    pull(home, location, fallbacks=9, grace_seconds=LONG)
    assert home.log.last_seq() == 5
    assert home.ids() == names
    assert clear(home, location=location).deleted == []
    os.utime(home.root / "log" / "00000005.json", (0, 0))
    assert clear(home, location=location).deleted == [names[0]]
    assert (home.ids(), location.holds(names[0])) == (names[1:], True)
    os.utime(tmp_path / "shared" / "log" / "00000005.json", (0, 0))
    assert clear(home, location=location).deleted == [names[0]]
    assert not location.holds(names[0])


def test_what_was_pushed_and_never_announced_goes_with_its_litter(
    releases: ReleaseStore, tmp_path: Path
) -> None:
    shared = tmp_path / "shared"
    (shared / "versions" / "lost+found").mkdir(parents=True)
    location = ReleaseLocation(open_place(str(shared)))
    published(releases, 3)
    push_log(releases, location)
    died, recent = stored(releases, 1, seed=2), stored(releases, 2, seed=2)
    location.claim(releases.manifest(died))
    (shared / "versions" / died / ".one.txt.0123").write_text("half")
    push_release(releases, location, recent)
    delete(releases.path(died))
    delete(releases.path(recent))
    log_there = stored(releases, 4)
    push_release(releases, location, log_there)
    location.log.append("publish", log_there, "2026-01-04", reason="test")
    first = releases.ids()[0]
    assert list(clear(releases, location=location).retired) == [first]
    old(shared / "versions" / died)
    assert list(clear(releases, location=location).retired) == [died]
    assert died in clear(releases, grace=0, location=location).deleted
    assert died not in location.ids()
    assert clear(releases, grace=0, location=location).deleted == []
    assert location.holds(recent)  # of a date that is kept


def test_folders_that_others_put_beside_the_releases_are_left_alone(
    releases: ReleaseStore, tmp_path: Path
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    location = ReleaseLocation(open_place(str(shared)))
    names = published(releases, 4)
    push_log(releases, location)
    odd = {"@eaDir", "old copies", "1970-01-11.x (1)", "x y+1", "+1", "lost+found", ".hidden"}
    for name in odd:
        (shared / "versions" / name).mkdir()
        (shared / "versions" / name / "manifest.json").write_text("{}")
    assert location.ids() == names
    assert location.redactions() == {}
    assert list(clear(releases, location=location).retired) == [names[0]]
    assert clear(releases, grace=0, location=location).deleted == [names[0]]
    assert {path.name for path in (shared / "versions").iterdir()} == odd | set(names[1:])


def test_an_experiment_that_names_what_is_not_there_is_refused(releases: ReleaseStore) -> None:
    names = published(releases, 5)
    wrong = RetentionSettings(keep_releases=3, experiments={"longer": ["2026-01-01.ffffff"]})
    with pytest.raises(UsageError, match=r"experiments\.longer names .*ffffff, which does not"):
        clear_releases(releases, wrong, grace_seconds=0)
    assert (releases.ids(), releases.log.last_seq()) == (names, 5)
    clear(releases)
    late = RetentionSettings(keep_releases=3, experiments={"longer": [names[0]]})
    with pytest.raises(UsageError, match=rf"{names[0]}, which was retired"):
        clear_releases(releases, late, grace_seconds=0)
    assert releases.ids() == names
