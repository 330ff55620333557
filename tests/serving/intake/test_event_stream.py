import asyncio
import os
import threading
import time

from serving.intake.segments import Segment
from tests.serving.intake.conftest import Intake, line


def test_lines_are_there_in_order_when_they_are_acknowledged(intake):
    start = intake.positions[1]
    assert intake.post([line("a"), line("b")], [line("c")], row=1, stop=False) == [True, True]
    (path,) = intake.home.intake.iterdir()
    assert path.name == f"events-w01-{start:016d}.jsonl"
    assert path.read_bytes() == line("a") + line("b") + line("c")
    assert intake.positions[1] == start + path.stat().st_size
    assert intake.positions[0] != intake.positions[1]


def test_a_stop_takes_the_segment_to_the_landing_zone(intake):
    assert intake.post([line("a")]) == [True]
    assert list(intake.home.intake.iterdir()) == []
    (path,) = intake.home.landing.iterdir()
    assert path.read_bytes() == line("a")


def test_segments_follow_each_other_without_a_gap(tmp_path, intake):
    small = Intake(intake.home, intake.settings.model_copy(update={"segment_bytes": 1_024}))
    batches = [[line(f"e{n}") * 5] for n in range(20)]
    assert small.post(*batches) == [True] * 20
    paths = sorted(small.home.landing.iterdir())
    assert len(paths) > 3
    end = None
    for path in paths:
        start = Segment.named(path.name).start
        assert end in (None, start)
        end = start + path.stat().st_size
    assert small.lines() == [line(f"e{n}") for n in range(20) for _ in range(5)]


def test_a_segment_goes_by_its_age_without_anyone_asking(intake):
    intake.settings = intake.settings.model_copy(update={"segment_seconds": 0.05})
    intake.post([line("a")], stop=False)
    deadline = time.monotonic() + 20
    while not list(intake.home.landing.glob("events-*")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert intake.lines() == [line("a")]


def test_seal_soon(intake):
    async def give():
        stream = intake.stream()
        stream.start(asyncio.get_running_loop())
        assert await stream.append([line("a")])
        stream.seal_soon()
        while not list(intake.home.landing.glob("events-*")):
            await asyncio.sleep(0.01)
        assert await stream.append([line("b")])
        await asyncio.to_thread(stream.stop)

    asyncio.run(asyncio.wait_for(give(), 20))
    assert intake.lines() == [line("a"), line("b")]


def test_whoever_comes_later_goes_on_behind(intake):
    intake.post([line("a")])
    end = intake.positions[0]
    intake.post([line("b")])
    assert intake.positions[0] == end + len(line("b"))
    assert len(list(intake.home.landing.iterdir())) == 2


def test_another_server_life_never_takes_a_name_again(intake):
    intake.post([line("a")])
    (path,) = intake.home.landing.iterdir()
    path.unlink()
    again = Intake(intake.home)
    again.post([line("b")])
    (other,) = intake.home.landing.iterdir()
    assert other.name > path.name


def test_one_flush_does_for_all_that_wait(intake, monkeypatch):
    flushes = []
    real = os.fdatasync

    def slow(file):
        flushes.append(file)
        time.sleep(0.02)
        real(file)

    monkeypatch.setattr(os, "fdatasync", slow)

    async def give():
        stream = intake.stream()
        stream.start(asyncio.get_running_loop())
        done = await asyncio.gather(*(stream.append([line(f"e{n}")]) for n in range(200)))
        await asyncio.to_thread(stream.stop)
        return done

    assert asyncio.run(give()) == [True] * 200
    assert intake.lines() == [line(f"e{n}") for n in range(200)]
    assert len(flushes) < 20


def test_the_queue_is_bounded(intake):
    intake.settings = intake.settings.model_copy(update={"max_waiting_bytes": 1_024})

    async def give():
        stream = intake.stream()
        assert stream.append([line("early")]) is None  # it has not begun
        stream.start(asyncio.get_running_loop())
        assert stream.append([b"x" * 1_024 + b"\n"]) is None
        taken = [stream.append([line("e")]) for _ in range(50)]
        assert None in taken
        assert all(await asyncio.gather(*(one for one in taken if one is not None)))
        assert stream.n_bytes_waiting == 0
        assert await stream.append([line("later")])
        await asyncio.to_thread(stream.stop)
        assert stream.append([line("too late")]) is None
        return sum(one is not None for one in taken)

    n_taken = asyncio.run(give())
    assert intake.lines() == [line("e")] * n_taken + [line("later")]


def test_what_the_disk_refuses_is_not_acknowledged_and_it_recovers(intake, file_limit, caplog):
    caplog.set_level("INFO", "daybreak.serving")
    start = intake.positions[0]

    async def give():
        stream = intake.stream()
        stream.start(asyncio.get_running_loop())
        assert await stream.append([line("a")])
        with file_limit(10):
            for _ in range(3):
                assert not await stream.append([line("torn"), line("torn")])
            assert stream.failure == "File too large"
            assert intake.positions[0] == start + len(line("a"))
        assert await stream.append([line("b")])
        assert stream.failure is None
        await asyncio.to_thread(stream.stop)

    asyncio.run(asyncio.wait_for(give(), 30))
    assert intake.lines() == [line("a"), line("b")]
    assert [record.getMessage() for record in caplog.records] == [
        "intake: can't write events (File too large)",
        "intake: can write events again",
    ]


def test_a_reserve_of_the_disk_stays_free(intake):
    intake.settings = intake.settings.model_copy(update={"reserve_bytes": 2**60})
    assert intake.post([line("a")]) == [False]
    assert intake.lines() == []


def test_a_folder_that_cannot_be_made_is_no_crash(intake):
    intake.home.intake.write_text("in the way")
    assert intake.post([line("a")]) == [False]
    intake.home.intake.unlink()
    assert intake.post([line("b")]) == [True]
    assert intake.lines() == [line("b")]


def test_a_landing_zone_that_takes_nothing_stops_no_events(intake):
    intake.home.landing.write_text("in the way")
    intake.settings = intake.settings.model_copy(update={"segment_bytes": 1_024})
    assert intake.post(*[[line(f"e{n}") * 10] for n in range(3)]) == [True] * 3
    assert len(intake.lines(intake.home.intake)) == 30
    assert threading.active_count() < 20
