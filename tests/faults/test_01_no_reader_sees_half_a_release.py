"""A publisher may die or fail at any moment: the old release stays, and a second run ends it."""

import errno
import random
import shutil
import time
from collections import Counter
from pathlib import Path

import pytest

from core.kill_points import AT_HOME
from core.release_store import ReleaseStore
from serving.reader import open_release
from tests.faults.conftest import Attempt, Publisher, Reader
from tests.faults.publishing import GRACE_SECONDS, plan_of

pytestmark = pytest.mark.faults
FIRST = 3
"""The number of the first release that is not there yet."""


def whole(home: Path) -> ReleaseStore:
    """Returns the releases after a look at every byte of every one that has its name."""
    releases = ReleaseStore(home / "releases")
    for name in releases.ids():
        open_release(releases.path(name)).close()
    for entry in releases.log.standing().candidates:
        assert releases.path(entry.release).is_dir()
    return releases


def check_interrupted(home: Path, number: int) -> bool:
    """Checks a home after a fault; returns whether the new release was announced."""
    releases = whole(home)
    old, new = plan_of(number - 1).version, plan_of(number).version
    assert releases.log.current() in (old, new)
    return releases.log.current() == new


def check_ended(publisher: Publisher, number: int) -> None:
    """Runs once more without a fault, and checks that the work is ended."""
    again = publisher("publish", number)
    assert again.status == 0, again
    releases = whole(publisher.home)
    new = plan_of(number).version
    assert releases.log.current() == new
    announced = [e for e in releases.log.entries() if (e.action, e.release) == ("publish", new)]
    assert len(announced) == 1
    assert len(releases.log.standing().candidates) == 3


def check_nothing_left(publisher: Publisher, number: int) -> None:
    """Checks that, once it is old, nothing of all the failed attempts is left on the disk."""
    from assets.publication.garbage import clear_up
    from core.home import Home
    from core.retention_settings import RetentionSettings

    keep = RetentionSettings(keep_releases=3)
    for _ in range(2):
        clear_up(Home(publisher.home), keep, grace_seconds=0)
    assert len(whole(publisher.home).ids()) == 3
    hidden = [path for path in publisher.home.rglob(".*") if path.name != ".lock"]
    assert hidden == [], number


def test_killed_at_random_moments(publisher, trials):
    n_trials, number = trials(25, 1000), FIRST
    reader, draw = Reader(publisher.home), random.Random(1)
    start, ends, announced = time.monotonic(), Counter(), 0
    while ends[-9] < n_trials:
        if ends[-9] % 25 == 0:  # how long a run takes now
            seconds = float(publisher("publish", number).told["seconds"])
            number += 1
        killed = publisher("publish", number, kill_after=draw.uniform(0, seconds))
        ends[killed.status] += 1
        announced += check_interrupted(publisher.home, number)
        check_ended(publisher, number)
        # Every run looks through all dates: a thousand of them would be most of its time.
        old = publisher.home / "artefacts" / "lists" / plan_of(number - 10).as_of
        shutil.rmtree(old, ignore_errors=True)
        number += 1
    seen = reader.close()
    check_nothing_left(publisher, number)
    print(f"\n{n_trials} killed in {time.monotonic() - start:.0f} s, ends {dict(ends)}, "
          f"{announced} announced before the second run, reader: {seen}")  # fmt: skip
    assert seen["faults"] == []
    assert seen["served"] >= n_trials / 2


def test_killed_at_every_named_moment(publisher, trials):
    reader, number, hits = Reader(publisher.home), FIRST, Counter()
    for point in AT_HOME:
        for nth in range(1, trials(1, 12) + 1):
            if point == "damaged_set_aside":
                assert publisher("damage", number).status == 0
            if point.startswith("version_"):
                time.sleep(GRACE_SECONDS)  # what was retired last is to be deleted now
            killed = publisher("publish", number, point=point, nth=nth)
            if killed.status == 0:
                break  # this run did not come by so often
            assert killed.status == -9
            hits[point] += 1
            if point != "damaged_set_aside":
                check_interrupted(publisher.home, number)
            check_ended(publisher, number)
            number += 1
        else:
            continue
        number += 1
    seen = reader.close()
    print(f"\nkilled at {dict(hits)}; reader: {seen}")
    assert seen["faults"] == []
    assert set(hits) == set(AT_HOME)


@pytest.mark.parametrize("fault", ["EIO", "ENOSPC", "killed"])
def test_the_nth_system_call_fails(failing_publisher, trials, fault):
    publisher, draw = failing_publisher, random.Random(fault)
    calls = publisher("publish", FIRST).calls
    number = FIRST + 1
    how = -1 if fault == "killed" else getattr(errno, fault)
    every = range(1, len(calls) + 1)
    chosen = sorted(draw.sample(every, trials(8, len(calls))))
    reader, ends, failed = Reader(publisher.home), Counter(), Counter()
    for nth in chosen:
        made = publisher("publish", number, call=nth, errno=how)
        ends[made.status] += 1
        failed[calls[nth - 1]] += 1
        check_said_so(made, fault)
        check_interrupted(publisher.home, number)
        check_ended(publisher, number)
        number += 1
    seen = reader.close()
    check_nothing_left(publisher, number)
    print(f"\n{len(chosen)} of {len(calls)} calls, ends {dict(ends)}, {dict(failed)}; {seen}")
    assert seen["faults"] == []
    assert ends[-9 if fault == "killed" else 3] >= len(chosen) / 4


def check_said_so(made: Attempt, fault: str) -> None:
    """A call that failed was made up for, or ended the run with one error of Daybreak's own."""
    assert made.status in ((-9, 0) if fault == "killed" else (0, 3)), made
    if made.status == 3:
        assert "\n" not in made.error
        assert made.error.partition(":")[0].endswith(("Fault", "Error", "Failed", "Found")), made


# The very last that is written are entries of the log behind the one that publishes.
@pytest.mark.parametrize("share", [0.01, 0.5, 0.9])
def test_the_disk_is_full(failing_publisher, share):
    publisher = failing_publisher
    needed = int(publisher("publish", FIRST).told["bytes"])
    made = publisher("publish", FIRST + 1, room=int(share * needed))
    assert made.status == 3
    assert "No space left" in made.error, made.error
    assert not check_interrupted(publisher.home, FIRST + 1)
    left = [path.name for path in (publisher.home / "releases" / "versions").glob(".*")]
    assert left == []  # a full disk is not made fuller
    check_ended(publisher, FIRST + 1)


@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_a_failed_flush_or_rename_abandons_the_build(failing_publisher, call):
    publisher = failing_publisher
    calls = publisher("publish", FIRST).calls
    named = calls.index("link")  # the entry gets its name: from there on there is no build
    places = [n for n, name in enumerate(calls[:named], start=1) if name == call]
    assert len(places) == len(set(places)) >= (2 if call == "rename" else 15)
    *build, last = places if call == "fsync" else (*places, 0)
    for nth in build:
        made = publisher("publish", FIRST + 1, call=nth, errno=errno.EIO)
        assert (made.status, "Input/output error" in made.error) == (3, True), (nth, made)
        assert not check_interrupted(publisher.home, FIRST + 1)
        left = [path.name for path in (publisher.home / "releases").rglob(".*")]
        assert left == []
        assert plan_of(FIRST + 1).version not in ReleaseStore(publisher.home / "releases").ids()
    if last:  # the flush of the entry itself, before it has its name
        made = publisher("publish", FIRST + 1, call=last, errno=errno.EIO)
        assert (made.status, made.error[:13]) == (3, "MachineFault:"), made
        assert "is not there" in made.error
        assert not check_interrupted(publisher.home, FIRST + 1)
    check_ended(publisher, FIRST + 1)
