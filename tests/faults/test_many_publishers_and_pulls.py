"""Many publishers, pulls, rollbacks and removals at one location: nothing lost, mixed, unreadable.

Publishers race for entries; pullers read in full what they serve after every pull; one process
rolls the current release back again and again; one clears up as `daybreak release gc` does.
"""

import time
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta

import pytest

from core.release_store import ReleaseStore
from core.retention import clear_releases
from core.retention_settings import RetentionSettings
from tests.faults.moving import at, check_there, clear_away, finish, publish, roll_back, start, take
from tests.servers import BUCKET
from tests.serving.conftest import publish_toy

pytestmark = pytest.mark.faults


@dataclass(frozen=True)
class Crowd:
    """How many do what, and how often; pauses in seconds make them meet each other."""

    n_publishers: int
    n_each: int
    n_rollbacks: int
    n_readers: int
    n_pulls: int
    pause: float
    grace_seconds: float = 1.0  # longer than a push waits to be announced


SMALL = Crowd(n_publishers=5, n_each=3, n_rollbacks=3, n_readers=2, n_pulls=20, pause=0.1)
FULL = Crowd(
    n_publishers=20, n_each=3, n_rollbacks=20, n_readers=8, n_pulls=25, pause=0.3, grace_seconds=3
)


def let_loose(tmp_path, location, crowd):
    """Lets them all work at once; returns the releases that were to be published."""
    builder, over = ReleaseStore(tmp_path / "builder"), tmp_path / "over"
    n_releases = crowd.n_publishers * crowd.n_each
    days = [(date(2000, 1, 1) + timedelta(days=n)).isoformat() for n in range(n_releases)]
    names = [publish_toy(builder.root, day, n + 1, log=False) for n, day in enumerate(days)]
    kept = 3 + crowd.n_rollbacks  # a rollback must find what it goes back to
    begin = time.monotonic()
    started = [
        start(
            take, root, location, crowd.n_pulls, crowd.pause, crowd.grace_seconds, folder=tmp_path
        )
        for root in readers(tmp_path, crowd)
    ]
    started += [
        start(publish, builder.root, location, *names[n :: crowd.n_publishers], folder=tmp_path)
        for n in range(crowd.n_publishers)
    ]
    started.append(start(roll_back, location, crowd.n_rollbacks, crowd.pause, folder=tmp_path))
    clearing = start(
        clear_away, tmp_path / "clearer", location, over, kept, crowd.grace_seconds, folder=tmp_path
    )
    ended = [finish(one) for one in started]
    over.touch()
    ended.append(finish(clearing))
    assert [one for one in ended if one.status] == []
    counts = sum((one.points for one in ended), Counter())
    print(
        f"{crowd.n_publishers} publishers of {n_releases} releases, "
        f"{crowd.n_readers * crowd.n_pulls} pulls with {counts['pull_committed']} copies and "
        f"{counts['entry_copied']} entries, {crowd.n_rollbacks} rollbacks, "
        f"{counts['entry_about_to_be_created'] - counts['entry_created']} lost races, "
        f"{time.monotonic() - begin:.1f} s"
    )
    return names


def readers(tmp_path, crowd):
    return [tmp_path / f"reader{number}" for number in range(crowd.n_readers)]


def check(tmp_path, location, crowd, names):
    there = at(location)
    settings = RetentionSettings(keep_releases=3 + crowd.n_rollbacks)
    cleared = clear_releases(
        ReleaseStore(tmp_path / "clearer"), settings, grace_seconds=0, location=there
    )
    entries = there.log.entries()
    retired = [x.release for x in entries if x.action == "retire"]
    print(f"{len(retired)} retired, of which {len(cleared.deleted)} were still there at the end")
    assert len(entries) == len(names) + crowd.n_rollbacks + len(set(retired))
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    assert sorted(x.release for x in entries if x.action == "publish") == sorted(names)
    barred = [x.release for x in entries if x.action == "rollback"]
    assert len(barred) == len(set(barred)) == crowd.n_rollbacks
    standing = there.log.standing()
    for entry in standing.candidates[:3]:
        check_there(there, entry.release)
    assert retired
    assert there.ids() == sorted(set(names) - set(retired))
    for root in readers(tmp_path, crowd):
        take(root, location, grace_seconds=0)
        assert not set(ReleaseStore(root).ids()) & set(retired)
        assert ReleaseStore(root).log.entries() == entries
        assert ReleaseStore(root).log.current() == standing.candidates[0].release
        assert not list((root / "versions").glob(".*"))


def test_on_a_folder(tmp_path, trials):
    (tmp_path / "shared").mkdir()
    crowd = trials(SMALL, FULL)
    names = let_loose(tmp_path, str(tmp_path / "shared"), crowd)
    check(tmp_path, str(tmp_path / "shared"), crowd, names)


def test_on_a_bucket(tmp_path, s3, trials):
    location = f"s3://{BUCKET}/{tmp_path.name}"
    crowd = trials(None, FULL)
    if crowd is None:
        pytest.skip("its full form only, as one moto answers all of them")
    check(tmp_path, location, crowd, let_loose(tmp_path, location, crowd))
