import fcntl
import multiprocessing
import os

import pytest

from assets.ingest.landing import ingest_landing
from assets.ingest.snapshot import snapshot
from core.ingest_settings import IngestSettings
from serving.intake.sealing import seal_leftovers
from serving.intake.segments import (
    EVENTS,
    IMPRESSIONS,
    Segment,
    first_position,
    open_segment,
    segments_in,
)
from tests.serving.intake.conftest import line


def put(home, name, content):
    home.intake.mkdir(exist_ok=True)
    path = home.intake / name
    path.write_bytes(content)
    return path


A = "events-w00-0000000000000100.jsonl"
B = "events-w01-0000000000000200.jsonl"
C = "impressions-w00-0000000000000300.jsonl"


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        (line("a") + line("b"), line("a") + line("b")),
        (line("a") + line("b")[:-1], line("a")),
        (line("a") + b"\0" * 100_000, line("a")),
        (b'{"event_id"', None),
        (b"", None),
    ],
)
def test_a_dead_writers_segment_goes_with_its_whole_lines(intake, content, kept):
    put(intake.home, A, content)
    places = seal_leftovers(intake.home)
    assert places == ([] if kept is None else [intake.home.landing / A])
    assert [path.read_bytes() for path in places] == ([] if kept is None else [kept])
    assert list(intake.home.intake.iterdir()) == []
    assert seal_leftovers(intake.home) == []


def test_both_kinds_go_and_nothing_else(intake):
    for name in (A, B, C):
        put(intake.home, name, line("a"))
    other = put(intake.home, "notes.txt", b"x")
    assert [path.name for path in seal_leftovers(intake.home)] == [A, B, C]
    assert list(intake.home.intake.iterdir()) == [other]


def test_a_home_without_an_intake_has_no_leftovers(intake):
    assert seal_leftovers(intake.home) == []


def test_a_living_writers_segment_stays(intake):
    path = put(intake.home, A, line("a") + b"half a li")
    with path.open("rb") as living:
        fcntl.flock(living, fcntl.LOCK_EX)
        assert seal_leftovers(intake.home) == []
        assert path.read_bytes() == line("a") + b"half a li"
    assert [place.name for place in seal_leftovers(intake.home)] == [A]


def test_a_reader_in_the_same_process_does_not_unlock_it(intake):
    intake.post([line("a")], stop=False)
    (segment,) = segments_in(intake.home.intake)
    os.close(open_segment(intake.home, segment))
    assert seal_leftovers(intake.home) == []


def _seal(home, barrier, results):
    barrier.wait()
    results.put([path.name for path in seal_leftovers(home)])


def test_of_several_at_once_one_seals_each(intake):
    names = [f"events-w00-{n:016d}.jsonl" for n in range(50)]
    for name in names:
        put(intake.home, name, line(name))
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(4), context.Queue()
    workers = [
        context.Process(target=_seal, args=(intake.home, barrier, results)) for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    sealed = [name for _ in workers for name in results.get(timeout=30)]
    for worker in workers:
        worker.join()
    assert sorted(sealed) == names
    assert sorted(path.name for path in intake.home.landing.iterdir()) == names


def test_streams_go_on_behind_all_that_is_known(intake):
    put(intake.home, A, b"x" * 50)
    assert first_position(intake.home, EVENTS, 0, published=120) == 150
    assert first_position(intake.home, EVENTS, 0, published=170) == 170
    seal_leftovers(intake.home)
    intake.home.landing.mkdir(exist_ok=True)
    (intake.home.landing / A).write_bytes(b"x" * 70)
    assert first_position(intake.home, EVENTS, 0, published=120) == 170
    assert first_position(intake.home, EVENTS, 1, published=120) == 120
    assert first_position(intake.home, EVENTS, 0) > 10**15


@pytest.mark.parametrize("name", [A, B, C])
def test_names(name):
    segment = Segment.named(name)
    assert segment.name == name
    assert segment.kind in (EVENTS, IMPRESSIONS)
    assert Segment.named(name + ".tmp") is None
    assert Segment.named("." + name) is None


def test_the_run_takes_in_what_a_dead_server_left(intake, tmp_path):
    from assets.ingest.stage import take_in_waiting

    first = line("a").replace(b"}", b',"occurred_at":"2026-01-02T03:04:05Z"}')
    put(intake.home, A, first + b'{"event_id":"b","us')
    assert take_in_waiting(intake.home, IngestSettings()).totals.accepted == 1
    assert snapshot(intake.home).accounts["events"].accepted == 1
    assert ingest_landing(intake.home, IngestSettings()).entries == []
