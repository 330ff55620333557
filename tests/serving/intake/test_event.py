import json
import random
import typing
from datetime import UTC, datetime

import pytest

from core.columns import ACTIONS, RUNGS
from core.home import Home
from core.ingest_settings import IngestSettings
from core.intake_settings import IntakeSettings
from serving.intake.action_memory import Action as Remembered
from serving.intake.event import Action, Event, EventReader, Rung
from serving.web.problems import Problem

WHOLE = {"user_id": "ann", "item_id": "m1", "action": "click", "event_id": "e1"}
AT = {"occurred_at": "2026-01-02T03:04:05Z"}


def read(*events, **settings):
    reader = EventReader(IntakeSettings(**settings), IngestSettings())
    return reader.read(json.dumps(list(events)).encode())


def body(text):
    return EventReader(IntakeSettings(), IngestSettings()).read(text)


def test_actions_are_those_of_the_tables():
    assert typing.get_args(Action) == ACTIONS
    assert typing.get_args(Rung) == RUNGS
    assert typing.get_args(typing.get_type_hints(Remembered)["action"]) == ACTIONS


def test_the_fields_are_those_that_ingest_reads():
    from assets.ingest.fields import EVENT_FILE

    assert {field.name for field in EVENT_FILE.fields} == set(Event.__struct_fields__)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(WHOLE | AT),
        json.dumps([WHOLE | AT]),
        json.dumps({"events": [WHOLE | AT]}),
        "\n " + json.dumps([WHOLE | AT]),
    ],
)
def test_the_three_forms_of_a_body(text):
    events = body(text.encode())
    assert (events.users, events.event_ids) == (["ann"], ["e1"])
    assert events.lines == [
        b'{"user_id":"ann","item_id":"m1","action":"click","event_id":"e1",'
        b'"occurred_at":"2026-01-02T03:04:05Z"}\n'
    ]


def test_ids_and_texts_are_written_as_ingest_stores_them():
    event = {"user_id": " zoe\u0308 ", "item_id": "日本\t", "action": "view", "surface": "  "}
    (line,) = read(event | AT | {"event_id": " x "}).lines
    assert json.loads(line) == {
        "user_id": "zoë", "item_id": "日本", "action": "view", "event_id": "x",
        "occurred_at": "2026-01-02T03:04:05Z",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("2026-01-02T05:04:05.25+02:00", "2026-01-02T03:04:05.250000Z"),
        (1_767_323_045_000_001, "2026-01-02T03:04:05.000001Z"),
        ("1990-01-01T00:00:00Z", "1990-01-01T00:00:00Z"),
    ],
)
def test_times_become_one_spelling(given, written):
    (line,) = read(WHOLE | {"occurred_at": given}).lines
    assert json.loads(line)["occurred_at"] == written


def test_what_the_server_adds():
    before = datetime.now(UTC)
    events = read(*[{**WHOLE, "event_id": None}] * 50)
    assert len(set(events.event_ids)) == 50
    for event_id, line in zip(events.event_ids, events.lines, strict=True):
        written = json.loads(line)
        assert written["event_id"] == event_id
        assert before <= datetime.fromisoformat(written["occurred_at"]) <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"user_id": ""}, "user_id", "'' names nothing"),
        ({"user_id": "null"}, "user_id", "'null' names nothing"),
        ({"item_id": "a\u200bb"}, "item_id", "control or invisible"),
        ({"item_id": "é" * 129}, "item_id", "longer than 256 bytes"),
        ({"event_id": "a\nb"}, "event_id", "control or invisible"),
        ({"user_id": 7}, "user_id", "user_id 7 does not fit: Expected `str`, got `int`"),
        ({"action": "clic"}, "action", 'action "clic" does not fit'),
        ({"action": "c" * 900}, "action", "does not fit: Invalid enum value 'ccc"),
        ({"action": "rating"}, "value", "a rating needs its stars"),
        ({"value": "4"}, "value", 'value "4" does not fit'),
        ({"position": -1}, "position", "position -1 does not fit: Expected `int` >= 0"),
        ({"position": 2**31}, "position", "<= 2147483647"),
        ({"position": 1.5}, "position", "position 1.5 does not fit"),
        ({"occurred_at": "yesterday"}, "occurred_at", '"yesterday" does not fit'),
        ({"occurred_at": "2026-01-02T03:04:05"}, "occurred_at", "timezone"),
        ({"occurred_at": 1_767_323_045}, "occurred_at", "not between 1990-01-01 and 2100-01-01"),
        ({"occurred_at": "9999-12-31T23:59:59Z"}, "occurred_at", "not between"),
        ({"user_agent": "a\0"}, "user_agent", "NUL"),
        ({"user_agent": "é" * 32_769}, "user_agent", "longer than 65536 bytes"),
        ({"surface": ["home"]}, "surface", 'surface ["home"] does not fit'),
        ({"ingested_us": 1}, "ingested_us", "'ingested_us' is no field; those are user_id"),
        ({"a" * 90: 1}, "a" * 40, "is no field"),
    ],
)
def test_the_first_fault_is_named_and_nothing_is_taken(change, field, says):
    problem = read(WHOLE, WHOLE | change, WHOLE | {"user_id": "nan", "action": "rating"})
    assert isinstance(problem, Problem)
    assert (problem.status, problem.parameter, problem.index) == (400, field, 1)
    assert problem.detail.startswith("event 1: ")
    assert says in problem.detail
    assert len(problem.detail) < 400


def test_a_missing_field_is_named():
    problem = read({"user_id": "ann", "action": "view"})
    assert problem == Problem(400, "event 0: item_id is missing", "item_id", 0)


def test_an_event_that_is_no_object_is_named():
    assert "event 1: Expected `object`, got `int`" in read(WHOLE, 1).detail


@pytest.mark.parametrize(
    ("settings", "n_events", "says"),
    [
        ({"max_batch": 2}, 3, "holds 3 events; send 1 to 2"),
        ({}, 0, "holds 0 events; send 1 to 1000"),
    ],
)
def test_a_batch_has_a_size(settings, n_events, says):
    assert says in read(*[WHOLE] * n_events, **settings).detail


def test_a_long_event_is_refused_as_a_line():
    problem = read(WHOLE | AT | {"user_agent": "\x01" * 300}, max_event_bytes=1_024)
    assert problem.detail == "event 0 takes 1919 bytes, the limit is 1024; shorten it"


@pytest.mark.parametrize(
    "text",
    [
        b"", b"\xff", b"{", b'{"a":1', b"[" * 100_000, b'{"x":' * 50_000, b"null", b'"events"',
        b'{"events":{}}', b'{"events":[],"more":1}', b'{"user_id":"\\ud800","item_id":"1"}',
        b'{"user_id":"a","item_id":"b","action":"view","value":1e400}',
        b'{"user_id":"a","item_id":"b","action":"view","value":NaN}',
        b'{"user_id":"a","item_id":"b","action":"view","position":%d}' % 10**40,
        b'{"x` - at `$[' + b"9" * 5_000 + b'].y":1}',
    ],
    ids=lambda text: text[:20].decode("latin-1"),
)  # fmt: skip
def test_what_is_no_body_is_one_problem(text):
    problem = body(text)
    assert isinstance(problem, Problem)
    assert problem.status == 400
    assert tells_its_detail(problem)


def tells_its_detail(problem):
    return json.loads(problem.to_bytes())["detail"] == problem.detail


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (b'[{"user_id":5', "user_id"),
        (b'[{"user_id":5}', "user_id"),
        (b'[{"user_id":5},]', "user_id"),
        (b'[{"user_id":5}] x', "user_id"),
        (b'{"user_id":5,"\xff":1}', "user_id"),
        (b'{"events":[{"user_id":5}],"events":[]}', "user_id"),
        (b'[{"user_id":5},' + b"[" * 100_000, "user_id"),
        (b'[{"value":' + b"[" * 100_000, "value"),
        (b'[{"action":"clock","a":NaN}]', "action"),
        (b'{"user_id":"a","item_id":"b","action":"click","value":"\xff"}', "value"),
        (b'{"user_id":"a","item_id":"b","action":"click","occurred_at":"\xff"}', "occurred_at"),
        (b'{"user_id":"a","item_id":"b","action":["\xff"]}', "action"),
    ],
    ids=lambda given: given[:40].decode("latin-1") if isinstance(given, bytes) else "",
)
def test_a_value_is_not_quoted_from_a_body_that_ends_as_no_json(text, field):
    problem = body(text)
    assert isinstance(problem, Problem)
    assert (problem.status, problem.parameter, problem.index) == (400, field, 0)
    assert problem.detail.startswith(f"event 0: {field} does not fit: ")
    assert tells_its_detail(problem)


PIECES = [
    b"", b"\xff", b"\xc3", b"\0", b'"', b"\\", b"\\ud800", b"[", b"]", b"{", b"}", b",", b":", b"5",
    b"-", b"1e400", b"NaN", b"null", b" x", b"[" * 3_000, b'{"a":' * 3_000, b"9" * 5_000,
    b'"user_id":5,', b'"action":"clock",', b'"value":"\xff",', b'"events":[],', b" - at `$[7].x`",
]  # fmt: skip


def spoilt(text, draw):
    """Returns a body after one to three cuts, insertions, changed bytes or doubled pieces."""
    for _ in range(draw.randint(1, 3)):
        start, end = sorted(draw.choices(range(len(text) + 1), k=2))
        match draw.randrange(5):
            case 0:
                text = text[:start]
            case 1:
                text = text[:start] + text[end:]
            case 2:
                text = text[:start] + draw.choice(PIECES) + text[start:]
            case 3:
                text = text[:start] + draw.randbytes(1) + text[start + 1 :]
            case 4:
                text = text[:end] + text[start:]
    return text


def test_whatever_is_posted_is_answered():
    draw = random.Random(7)
    events = [WHOLE | AT | {"value": 3.5, "position": 2}, WHOLE | {"surface": "日本"}]
    whole = [
        json.dumps(posted, ensure_ascii=False).encode()
        for posted in (events[0], events, {"events": events}, [WHOLE | {"user_id": 5}, WHOLE])
    ]
    reader = EventReader(IntakeSettings(), IngestSettings())
    refused = 0
    for _ in range(4_000):
        text = spoilt(draw.choice(whole), draw)
        answer = reader.read(text)
        if isinstance(answer, Problem):
            assert answer.status == 400, text
            assert tells_its_detail(answer), text
            refused += 1
    assert 2_000 < refused < 4_000


VALID = [
    WHOLE | AT | {"event_id": f"{action}", "action": action, "value": 3.5} for action in ACTIONS
] + [
    WHOLE | AT | {"event_id": "bare"},
    WHOLE | {"event_id": "unit", "occurred_at": 1_767_323_045_000_001},
    WHOLE | {"event_id": "early", "occurred_at": "1990-01-01T00:00:00Z"},
    WHOLE | AT | {"event_id": "odd ids", "user_id": "0", "item_id": "-1"},
    WHOLE | AT | {"event_id": "23", "user_id": "1" * 23, "item_id": '../"\\/日本'},
    WHOLE | AT | {"event_id": "long", "user_id": "é" * 128, "item_id": "x" * 256},
    WHOLE | AT | {"event_id": "none", "session_id": None, "value": None, "position": None},
    WHOLE | AT | {"event_id": "small", "value": 1e-300, "position": 0},
    WHOLE | AT | {"event_id": "large", "value": -1.7e308, "position": 2_147_483_647},
    WHOLE | AT | {
        "event_id": "all", "session_id": "s", "surface": "home\u2028\n", "experiment_id": "x",
        "arm": "b", "user_agent": 'Mozilla "5.0" \t\x01 \U0001f305', "ip_prefix": "192.0.2.0/24",
    },
    WHOLE | AT | {"event_id": "longest", "user_agent": "\x01" * 2_500},
]  # fmt: skip


def test_ingest_accepts_all_that_passes_and_counts_it_once(tmp_path):
    from assets.ingest.landing import ingest_landing
    from assets.ingest.snapshot import snapshot

    home = Home(tmp_path)
    home.landing.mkdir()
    events = read(*VALID)
    content = b"".join(events.lines)
    settings = IngestSettings()
    (home.landing / "events-w00-0000000000000001.jsonl").write_bytes(content)
    first = ingest_landing(home, settings).totals
    n = len(VALID)
    assert (first.read, first.accepted, first.duplicate, first.quarantined) == (n, n, 0, 0)
    # the same file under another name, then the same events posted once more among a new one
    (home.landing / "events-w01-0000000000000001.jsonl").write_bytes(content)
    assert ingest_landing(home, settings).entries == []
    more = b"".join(read(*VALID, WHOLE | AT | {"event_id": "new"}).lines)
    (home.landing / "events-w01-0000000000000002.jsonl").write_bytes(more)
    last = ingest_landing(home, settings).totals
    assert (last.read, last.accepted, last.duplicate, last.quarantined) == (n + 1, 1, n, 0)
    assert snapshot(home).accounts["events"].accepted == n + 1
