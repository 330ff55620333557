"""Segments go from a server's home to a pipeline's home, by way of a folder that both see."""

import json
import multiprocessing
import os
import signal
import time

import pytest

from assets.ingest.snapshot import snapshot
from assets.ingest.stage import make_lake
from core.home import Home
from core.intake_settings import IntakeSettings
from core.kill_points import IN_HANDING_OVER, listen
from core.night import Workspace
from core.place import open_place
from core.release_location import ReleaseLocation
from core.release_settings import ReleaseSettings
from core.release_store import ReleaseStore
from core.settings import Settings
from core.tombstones import Tombstones
from serving import tombstone_commands as commands
from serving.intake.handing_over import HandingOver, fetch_handed_over
from serving.location_watch import LocationWatch
from tests.servers import BUCKET
from tests.serving.intake.conftest import line

A = "events-w00-0000000000000100.jsonl"
B = "impressions-w00-0000000000000300.jsonl"
SHOWN = json.dumps(
    {
        "user_id": "ann", "occurred_at": 1_767_225_600_000_000, "release": "1970-01-11.aaaaaa",
        "rung": "personal", "experiment_id": None, "arm": "default", "items": ["m1", "m2"],
        "rungs": ["personal", "personal"],
    }
).encode() + b"\n"  # fmt: skip


def event(event_id, user="ann"):
    return line(event_id, user).replace(b'"action"', b'"occurred_at":1767225600000000,"action"')


def server(root, **files):
    home = Home(root)
    home.landing.mkdir(parents=True, exist_ok=True)
    for name, content in (files or {A: event("e1") + event("e2"), B: SHOWN}).items():
        (home.landing / name).write_bytes(content)
    return home


def handing(home, **settings):
    return HandingOver(home, IntakeSettings(**settings))


@pytest.fixture
def shared(tmp_path):
    (tmp_path / "shared").mkdir()
    return open_place(str(tmp_path / "shared")).under("landing")


def lake_of(home, root):
    """Returns how many events a home has accepted, items shown included."""
    settings = Settings(releases=ReleaseSettings(location=str(root)))
    make_lake(Workspace(home, settings).night("2026-01-11"))
    return snapshot(home).accounts["events"].accepted


def test_what_two_servers_took_in_is_in_the_lake_once(tmp_path, shared):
    one = server(tmp_path / "one")
    two = server(tmp_path / "two", **{A: event("e3")})  # the same name, as chance may have it
    pipeline = Home(tmp_path / "pipeline")
    assert [handing(home).hand_over(shared, Tombstones()) for home in (one, two)] == [2, 1]
    assert len(shared.names()) == 3
    assert list(one.landing.iterdir()) == list(two.landing.iterdir()) == []
    assert (one.handed_over / A).read_bytes() == event("e1") + event("e2")
    assert not (one.handed_over / B).exists()  # nobody reads what was shown back
    assert lake_of(pipeline, tmp_path / "shared") == 3 + 2
    assert shared.names() == []
    assert handing(one).hand_over(shared, Tombstones()) == 0
    server(tmp_path / "one", **{A: event("e1") + event("e4")})  # posted again, and one more
    handing(one).hand_over(shared, Tombstones())
    assert lake_of(pipeline, tmp_path / "shared") == 4 + 2


def test_a_bucket_does_as_well(tmp_path, s3):
    location = f"s3://{BUCKET}/{tmp_path.name}"
    home, pipeline = server(tmp_path / "one"), Home(tmp_path / "pipeline")
    assert handing(home).hand_over(open_place(location).under("landing"), Tombstones()) == 2
    assert lake_of(pipeline, location) == 2 + 2
    assert open_place(location).under("landing").names() == []


def test_a_home_that_takes_in_its_own_landing_zone_hands_nothing_over(tmp_path, shared):
    home = server(tmp_path / "one")
    home.ledger.mkdir(parents=True)
    (home.ledger / "00000001.json").write_text("{}")
    assert handing(home).hand_over(shared, Tombstones()) == 0
    assert sorted(path.name for path in home.landing.iterdir()) == [A, B]


def test_what_cannot_be_handed_over_stays(tmp_path, shared):
    home = server(tmp_path / "one")
    (tmp_path / "shared" / "landing").write_text("no folder")
    with pytest.raises(OSError):
        handing(home).hand_over(shared, Tombstones())
    assert sorted(path.name for path in home.landing.iterdir()) == [A, B]
    (tmp_path / "shared" / "landing").unlink()
    assert handing(home).hand_over(shared, Tombstones()) == 2


def killed_at(point, act, *given):
    """Returns the status of a process that a function is run in and killed at a kill point."""

    def run():
        listen(lambda name: os.kill(os.getpid(), signal.SIGKILL) if name == point else None)
        act(*given)

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    process.join(30)
    return process.exitcode


def test_killed_at_every_moment_nothing_is_lost_or_doubled(tmp_path, shared):
    assert set(IN_HANDING_OVER) == {"segment_handed_over", "segment_fetched"}
    home, pipeline = server(tmp_path / "one"), Home(tmp_path / "pipeline")
    hand_over = handing(home).hand_over
    for _ in range(2):  # each time behind one file more
        assert killed_at("segment_handed_over", hand_over, shared, Tombstones()) == -9
    assert hand_over(shared, Tombstones()) == 2
    for _ in range(2):
        assert killed_at("segment_fetched", fetch_handed_over, pipeline, shared) == -9
    assert lake_of(pipeline, tmp_path / "shared") == 2 + 2
    assert shared.names() == []


def test_who_is_erased_is_not_handed_over_nor_kept(tmp_path, shared):
    home = server(tmp_path / "one")
    one = handing(home)
    one.hand_over(shared, Tombstones())
    commands.erase(home, "ann")
    tombstones = ReleaseStore(home.releases).tombstones.state()
    more = event("e5", "bob") + b"no event\n" + event("e6", "ann")
    server(tmp_path / "one", **{A.replace("100", "900"): more, B: SHOWN})
    for name in shared.names():
        shared.remove(name)
    one.hand_over(shared, tombstones)
    assert [shared.read(name) for name in shared.names()] == [event("e5", "bob") + b"no event\n"]
    assert list(home.landing.iterdir()) == []
    kept = [path.read_bytes() for path in sorted(home.handed_over.iterdir())]
    assert kept == [b"", event("e5", "bob") + b"no event\n"]


def test_who_is_erased_does_not_come_back_by_a_server(tmp_path, shared):
    home, pipeline = server(tmp_path / "one"), Home(tmp_path / "pipeline")
    handing(home).hand_over(shared, Tombstones())  # it does not know yet
    commands.erase(pipeline, "ann")
    lake_of(pipeline, tmp_path / "shared")
    assert [p for p in pipeline.root.rglob("*") if p.is_file() and b'"ann"' in p.read_bytes()] == []
    assert shared.names() == []


def test_what_is_kept_is_read_back_and_goes_when_it_is_old(intake, shared):
    home = intake.home
    intake.post([line("e1", "ann", "m7")])
    one = handing(home, session_hours=2)
    one.hand_over(shared, Tombstones())
    assert intake.reader().recent("ann")[0] == ["m7"]
    path = next(home.handed_over.glob("events-*"))
    moment = time.time() - 3 * 3600
    os.utime(path, (moment, moment))
    one.hand_over(shared, Tombstones())
    assert list(home.handed_over.iterdir()) == []


def test_a_damaged_file_and_others_files_are_left_there(tmp_path, shared, caplog):
    handing(server(tmp_path / "one")).hand_over(shared, Tombstones())
    folder = tmp_path / "shared" / "landing"
    damaged = next(folder.glob("events-*"))
    damaged.write_bytes(damaged.read_bytes().replace(b"m1", b"m3", 1))
    (folder / "notes.txt").write_text("x")
    pipeline = Home(tmp_path / "pipeline")
    assert fetch_handed_over(pipeline, shared) == 1
    assert sorted(shared.names()) == sorted([damaged.name, "notes.txt"])
    assert f"{damaged.name} is damaged" in caplog.text


def test_a_watch_hands_over_and_once_more_as_it_stops(tmp_path):
    (tmp_path / "shared").mkdir()
    home = server(tmp_path / "one")
    settings = ReleaseSettings(location=str(tmp_path / "shared"), poll_seconds=0.05)
    location = ReleaseLocation(open_place(settings.location))
    watch = LocationWatch(home, settings, 3600, handing=handing(home))
    watch.start()
    deadline = time.monotonic() + 10
    while len(location.landing.names()) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    settings = settings.model_copy(update={"poll_seconds": 600.0})
    late = LocationWatch(home, settings, 3600, handing=handing(home))
    late.start()
    watch.stop()
    server(tmp_path / "one", **{A.replace("100", "900"): event("e9")})
    late.stop()
    assert len(location.landing.names()) == 3
