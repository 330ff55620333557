import asyncio
import os
import time

import pytest

from core.tombstones import Secret, Tombstones
from serving.intake.recent_actions import RecentActions
from serving.intake.sealing import seal_leftovers
from serving.intake.segments import EVENTS, Segment
from tests.serving.intake.conftest import line


def hiding(*users):
    secret = Secret(b"k" * 32)
    return Tombstones(opted_out=frozenset(map(secret.hash, users)), secret=secret)


def items(reader, user="ann"):
    return list(reader.recent(user)[0])


def write(intake, row, content, *, at=None):
    """Puts bytes at the end of a row's stream, as its worker would."""
    start = intake.positions[row] if at is None else at
    intake.home.intake.mkdir(exist_ok=True)
    path = intake.home.intake / Segment(EVENTS, row, start).name
    with path.open("ab") as stream:
        stream.write(content)
    intake.positions[row] += len(content)
    return path


def test_what_any_worker_took_in_is_seen_at_the_next_look(intake):
    reader = intake.reader()
    assert items(reader) == []
    for row in range(3):
        intake.post([line(f"e{row}", item=f"m{row}")], row=row, stop=False)
        assert items(reader) == [f"m{n}" for n in range(row - 1, -1, -1)]
        reader.catch_up()
    assert items(reader) == ["m2", "m1", "m0"]
    intake.post([line("h", item="m1", action="hide")], row=1)
    reader.catch_up()
    assert reader.recent("ann") == (["m2", "m0"], {"m1"})


def test_a_worker_sees_its_own(intake):
    async def give():
        stream, reader = intake.stream(), intake.reader()
        stream.start(asyncio.get_running_loop())
        for n in range(5):
            assert await stream.append([line(f"e{n}", item=f"m{n}")])
            reader.catch_up()
            assert items(reader)[0] == f"m{n}"
        await asyncio.to_thread(stream.stop)

    asyncio.run(give())


def test_a_segment_that_went_meanwhile_is_read_to_its_end(intake):
    reader = intake.reader()
    start = intake.positions[0]
    write(intake, 0, line("a", item="a"), at=start)
    reader.catch_up()
    write(intake, 0, line("b", item="b"), at=start)
    seal_leftovers(intake.home)
    next_start = intake.positions[0]
    write(intake, 0, line("c", item="c"), at=next_start)
    seal_leftovers(intake.home)
    write(intake, 0, line("d", item="d"))
    for _ in range(2):
        reader.catch_up()
    assert items(reader) == ["d", "c", "b", "a"]


def test_a_torn_line_of_a_dead_worker_is_passed_over(intake):
    reader = intake.reader()
    start = intake.positions[0]
    path = write(intake, 0, line("a", item="a"), at=start)
    reader.catch_up()
    with path.open("ab") as stream:  # flushed and never announced, then a torn one
        stream.write(line("b", item="b") + line("c", item="c")[:-5])
    assert intake.post([line("d", item="d")]) == [True]
    deadline = time.monotonic() + 10
    while items(reader) != ["d", "b", "a"]:
        reader.catch_up()
        assert time.monotonic() < deadline, items(reader)


def test_a_position_behind_a_gap_is_found(intake):
    reader = intake.reader()
    write(intake, 0, line("a", item="a"))
    reader.catch_up()
    intake.positions[0] += 1_000
    write(intake, 0, line("b", item="b"))
    deadline = time.monotonic() + 10
    while items(reader) != ["b", "a"]:
        reader.catch_up()
        assert time.monotonic() < deadline


def test_a_file_that_is_gone_is_not_waited_for(intake):
    reader = intake.reader()
    write(intake, 0, line("a", item="a")).unlink()
    write(intake, 1, line("b", item="b"))
    for _ in range(3):
        reader.catch_up()
    write(intake, 0, line("c", item="c"))
    reader.catch_up()
    assert items(reader) == ["c", "b"]


def test_a_look_reads_a_bounded_piece(intake):
    reader = intake.reader()
    lines = [line(f"{n:06}", user=f"u{n}", item="x" * 200) for n in range(5_000)]
    write(intake, 0, b"".join(lines))
    looks = 0
    while not items(reader, "u4999"):
        before = len(reader._memory)
        reader.catch_up()
        looks += 1
        assert 0 < (len(reader._memory) - before) * len(lines[0]) <= 65_536
    assert 20 <= looks <= 45


def test_a_loop_that_answers_nothing_keeps_up(intake):
    async def watch():
        reader = intake.reader()
        write(intake, 0, b"".join(line(f"{n}", item=f"m{n}") for n in range(5_000)))
        reader._keep_up(asyncio.get_running_loop())
        while items(reader) != [f"m{n}" for n in range(4_999, 4_989, -1)]:
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(watch(), 20))


def test_what_is_no_event_is_passed_over(intake):
    reader = intake.reader()
    write(intake, 0, line("a", item="a") + b"{}\nnoise\n\n" + line("b", item="b"))
    reader.catch_up()
    assert items(reader) == ["b", "a"]


DAMAGES = {
    "no UTF-8 in an id": line("x", item="m?").replace(b"?", b"\xff"),
    "no UTF-8 in a field that is not remembered": b'{"surface":"\xc3",' + line("x")[1:],
    "no UTF-8 in a field's name": line("x").replace(b"item", b"\xfftem"),
    "a line break in an id": line("x", item="]\\nz"),
    "nesting": b'{"a":' + b"[" * 30_000 + b"\n",
}


@pytest.mark.parametrize("damaged", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_line_costs_no_other(intake, damaged):
    write(intake, 0, line("a", item="a") + damaged + line("b", item="b"))
    reader = intake.reader()
    assert items(reader)[0] == "b"
    write(intake, 0, line("c", item="c") + damaged.replace(b'"x"', b'"y"') + line("d", item="d"))
    write(intake, 1, line("e", item="e"))
    reader.catch_up()
    assert [item for item in items(reader) if item in "abcde"] == ["e", "d", "c", "b", "a"]
    assert items(intake.reader())[-1] == "a"


def test_each_byte_of_a_line_may_be_damaged(intake):
    reader = intake.reader()
    whole = line("x", item="m1", action="view")
    for place in range(len(whole) - 1):
        damaged = whole[:place] + b"\xff" + whole[place + 1 :]
        write(intake, 0, damaged + line(f"e{place}", item=f"i{place}"))
        reader.catch_up()
        assert items(reader)[0] == f"i{place}"


def test_what_fails_in_reading_back_does_not_stop_what_follows(intake, monkeypatch):
    write(intake, 0, line("a", item="a"))
    monkeypatch.setattr(RecentActions, "_read_file", lambda *_: os.close(-1))
    reader = intake.reader()
    write(intake, 0, line("b", item="b"))
    reader.catch_up()
    assert items(reader) == ["b"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_not_even_a_fault_of_ours_does(intake, monkeypatch):
    write(intake, 0, line("a", item="a"))
    monkeypatch.setattr(RecentActions, "_read_file", lambda *_: 1 // 0)
    reader = intake.reader()
    write(intake, 0, line("b", item="b"))
    reader.catch_up()
    assert items(reader) == ["b"]


def test_an_event_that_two_workers_took_in_counts_once(intake):
    reader = intake.reader()
    intake.post([line("a", item="a"), line("b", item="b")], row=0)
    intake.post([line("a", item="a")], row=1)
    reader.catch_up()
    assert items(reader) == ["b", "a"]


def test_a_start_reads_back_what_was_accepted(intake):
    intake.post([line("a", item="a")], row=0)
    intake.post([line("b", item="b")], row=1, stop=False)
    reader = intake.reader()
    assert items(reader) == ["b", "a"]
    intake.post([line("c", item="c")], row=2)
    reader.catch_up()
    assert items(reader) == ["c", "b", "a"]


def test_what_is_older_is_not_read_back(intake):
    intake.post([line("a", item="a")], row=0)
    (path,) = intake.home.landing.iterdir()
    os.utime(path, (time.time() - 7_200,) * 2)
    intake.post([line("b", item="b")], row=1)
    assert items(intake.reader(session_hours=1)) == ["b"]
    assert items(intake.reader(session_hours=3)) == ["b", "a"]


def test_the_newest_bytes_are_read_back(intake):
    lines = [line(f"{n:03}", item=f"m{n:03}") for n in range(100)]
    intake.post(lines)
    some = intake.reader(read_back_bytes=5 * len(lines[0]) + 10)
    assert items(some) == [f"m{n:03}" for n in range(99, 94, -1)]
    assert items(intake.reader(read_back_bytes=0)) == []


def test_nothing_of_the_hidden_is_remembered(intake):
    hidden = hiding()
    intake.post([line("a", user="ann"), line("b", user="ben")])
    reader = intake.reader(lambda: hidden)
    assert (items(reader, "ann"), items(reader, "ben")) == (["m1"], ["m1"])
    hidden = hiding("ann")
    reader.forget(hidden)
    intake.post([line("c", user="ann"), line("d", user="ben", item="m2")])
    reader.catch_up()
    assert (items(reader, "ann"), items(reader, "ben")) == ([], ["m2", "m1"])
    assert items(intake.reader(lambda: hidden), "ann") == []
