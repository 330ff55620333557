"""JSON lines in every state."""

import json

import pytest

from core.ingest_settings import IngestSettings, Mapping
from tests.assets.ingest.conftest import event

NOT_JSON = "not valid JSON: torn, misspelt, or two values on one line"


def test_plain_rows_come_in(zone):
    zone.land_lines(
        "events.jsonl",
        event(value=2.5, position=3, session_id="s", surface="home", user_agent='A "b" \\ é\t'),
        event(event_id="e2", value=None, position=None),
        "",
        event(event_id="e3", action="rating", value=4),
    )
    assert zone.counts(zone.ingest()) == (3, 3, 0, 0)
    assert zone.rows("events").select(
        "event_id", "value", "position", "user_agent", "line"
    ).rows() == [
        ("e1", 2.5, 3, 'A "b" \\ é', 1),
        ("e2", None, None, None, 2),
        ("e3", 4.0, None, None, 4),
    ]


NO_ID = "not text or an exact integer"
NO_NUMBER = "not a finite number"
NO_PLACE = "not a whole number from 0 to 2147483647"


def bare(field, token):
    """An event with a JSON token that json.dumps would not write."""
    return json.dumps(event(**{field: "TOKEN"})).replace('"TOKEN"', token)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"event_id": "e2", "user_id": "u2"', NOT_JSON),
        (json.dumps(event()) + json.dumps(event(event_id="e2")), NOT_JSON),
        (json.dumps(event()) + " " + json.dumps(event(event_id="e2")), NOT_JSON),
        ('{"user_id": "\\ud800"}', NOT_JSON),
        ("not json", NOT_JSON),
        ("[1, 2]", "a JSON array, not an object"),
        ("17", "a JSON ubigint, not an object"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "nested deeper than 64 levels"),
        ('{"a":' + "[" * 100_000 + "]" * 100_000 + "}", "nested deeper than 64 levels"),
        ("[" * 100_000, NOT_JSON),
        ('{"user_id": "u1", "user_id": "u2"}', "key 'user_id' stands twice"),
        (bare("user_id", "NaN"), f"user_id is NaN, {NO_ID}"),
        (bare("user_id", "1.5"), f"user_id is 1.5, {NO_ID}"),
        (bare("user_id", "1e400"), f"user_id is 1e400, {NO_ID}"),
        (bare("item_id", "9007199254740993.0"), f"item_id is 9007199254740992.0, {NO_ID}"),
        (bare("user_id", "true"), f"user_id is true, {NO_ID}"),
        (bare("user_id", '{"id":1}'), f'user_id is {{"id":1}}, {NO_ID}'),
        (bare("user_id", "null"), "user_id is missing"),
        (json.dumps(event(user_id=...)), "user_id is missing"),
        (bare("value", "NaN"), f"value is NaN, {NO_NUMBER}"),
        (bare("value", "Infinity"), f"value is Infinity, {NO_NUMBER}"),
        (bare("value", "-1e400"), f"value is -1e400, {NO_NUMBER}"),
        (bare("value", "[1]"), f"value is [1], {NO_NUMBER}"),
        (json.dumps(event(value="abc")), f"value is abc, {NO_NUMBER}"),
        (bare("position", "-1"), f"position is -1, {NO_PLACE}"),
        (bare("position", "1.5"), f"position is 1.5, {NO_PLACE}"),
        (bare("position", "2147483648"), f"position is 2147483648, {NO_PLACE}"),
        (bare("session_id", "[1]"), "session_id is [1], not text"),
        (json.dumps(event(surface="a\0b")), "surface holds a NUL character"),
        (json.dumps(event(surface="x" * 70_000)), "surface is longer than 65536 bytes"),
        (json.dumps(event(action="VIEW")), "action 'VIEW' is unknown; map it with --actions"),
        (bare("action", "null"), "action is missing"),
        (json.dumps(event(action="rating")), "rating without a value"),
    ],
    ids=lambda value: value[:30] if value.startswith(("{", "[")) else None,
)
def test_a_broken_line_is_refused_by_itself(zone, line, reason):
    zone.land_lines("events.jsonl", event(event_id="a"), line, event(event_id="b"))
    assert zone.counts(zone.ingest()) == (3, 2, 0, 1)
    assert zone.refusals() == [(2, reason)]
    assert zone.rows("quarantine")["raw"].to_list() == [line[:4096]]


def test_a_deep_line_is_found_among_lines_without_brackets(zone):
    deep = '{"a":' * 65 + "1" + "}" * 65
    fits = '{"x":' * 62 + "1" + "}" * 62
    zone.land_lines("events.jsonl", event(), {**event(), "y": json.loads(fits)}, deep, *["x"] * 200)
    assert zone.counts(zone.ingest()) == (203, 1, 1, 201)
    assert zone.refusals()[0] == (3, "nested deeper than 64 levels")


def test_bytes_that_are_no_text_and_lines_too_long(zone):
    zone.settings = IngestSettings(max_record_bytes=2_000)
    good = json.dumps(event()).encode()
    zone.land(
        "events.jsonl",
        b"\xef\xbb\xbf"
        + good
        + b"\r\n"
        + b'{"user_id": "\xff"}\r'
        + good[:-1]
        + b" " * 3_000
        + b"}\n",
    )
    assert zone.counts(zone.ingest()) == (3, 1, 0, 2)
    assert zone.refusals() == [(2, "not valid UTF-8"), (3, "longer than 2000 bytes")]


def test_numbers_as_ids_keep_every_digit(zone):
    zone.land_lines(
        "events.jsonl",
        event(user_id=12, item_id=12.0),
        event(event_id="e2", user_id=12345678901234567890123, item_id=2**53 + 1),
        event(event_id=3, user_id=0, item_id=-1),
    )
    assert zone.counts(zone.ingest()) == (3, 3, 0, 0)
    assert zone.rows("events").select("event_id", "user_id", "item_id").rows() == [
        ("e1", "12", "12"),
        ("e2", "12345678901234567890123", "9007199254740993"),
        ("3", "0", "-1"),
    ]


def test_keys_of_any_spelling_can_be_mapped(zone):
    zone.land_lines(
        "events.jsonl",
        {"who/is~it": "u1", "what'\"s": "i1", "": "view", "a b": "2025-12-31"},
        {"who/is~it": "u2", "what'\"s": "i1", "": "view", "a b": "2025-12-31", "new": 1},
    )
    mapping = Mapping(columns={"user_id": "who/is~it", "item_id": "what'\"s", "occurred_at": "a b"})
    with_action = Mapping(columns={**mapping.columns, "action": "x"}, default_action="click")
    report = zone.ingest(with_action)
    assert zone.counts(report) == (2, 2, 0, 0)
    assert zone.rows("events")["action"].to_list() == ["click", "click"]
    assert report.entries[0].ignored_columns == ["", "new"]


def test_a_column_that_appears_late_is_read(zone):
    zone.settings = IngestSettings(block_bytes=1024)
    rows = [event(event_id=f"e{n}") for n in range(50)] + [event(event_id="z", value=7)]
    zone.land_lines("events.jsonl", *rows)
    zone.ingest()
    assert zone.rows("events")["value"].drop_nulls().to_list() == [7.0]


def test_a_key_that_no_object_has_refuses_the_file(zone):
    zone.land_lines(
        "events.jsonl", {"userId": "u", "item_id": "i", "action": "view", "occurred_at": 1}
    )
    zone.ingest()
    assert zone.refusals() == [
        (
            0,
            "column 'user_id' is missing; the file has userId, item_id, action, occurred_at; "
            "map it with --columns user_id=…",
        )
    ]


def test_one_json_array_is_quarantined_whole(zone):
    zone.land("events.json", json.dumps([event()]))
    zone.ingest()
    assert zone.refusals() == [(0, "is one JSON array; send JSON lines, one object a line")]


def test_items_with_lists_and_facts(zone):
    zone.land_lines(
        "items.jsonl",
        {
            "item_id": "i1", "title": "Cafe\u0301", "genres": ["Drama", " Crime ", "Drama", ""],
            "creators": "A|B", "themes": [], "released_at": "1959-05-04",
            "available_until": "9999-12-31", "facts": {"year": 1959, "cast": ["X", "Y"]},
        },
        {"item_id": "i2", "category": "News", "genres": ["Drama"], "facts": '{"year": 2000}'},
        {"item_id": "i3", "genres": [["nested"]]},
        {"item_id": "i4", "facts": "[1]"},
        {"item_id": "i5", "facts": {"score": "N"}},
        '{"item_id": "i6", "facts": {"score": NaN}}',
        '{"item_id": "i7", "facts": {"a": 1, "a": 2}}',
        {"item_id": "i8", "facts": {"text": "nan, Infinity and 1e999"}},
        {"item_id": "i9", "title": True},
        {"item_id": "i10", "genres": "a\0b"},
        {"item_id": "i11", "facts": 7},
        '{"item_id": "i12", "facts": {"score": 1e999}}',
    )  # fmt: skip
    assert zone.counts(zone.ingest()) == (12, 4, 0, 8)
    assert zone.rows("item_rows").drop("ingested_us", "source_file").head(2).rows() == [
        (
            "i1", "Café", "Drama", ["Drama", "Crime"], ["A", "B"], [], -336_528_000_000_000, None,
            253_402_214_400_000_000, '{"year":1959,"cast":["X","Y"]}', 1,
        ),
        ("i2", None, "News", ["Drama"], None, None, None, None, None, '{"year": 2000}', 2),
    ]  # fmt: skip
    assert zone.refusals() == [
        (3, 'genres is [["nested"]], not a list of texts'),
        (4, "facts: a JSON array, not an object"),
        (6, "facts: a number in it is not finite"),
        (7, "facts: key 'a' stands twice"),
        (9, "title is true, not text"),
        (10, "genres holds a NUL character"),
        (11, "facts is 7, not a JSON object"),
        (12, "facts: a number in it is not finite"),
    ]


def test_lines_are_counted_on_after_the_first_block(zone):
    records = [json.dumps(event(event_id=f"e{n}", surface="s" * 90)) for n in range(2_000)]
    zone.land_gzip("events.jsonl.gz", "\n".join([*records, "no object"]) + "\n")
    zone.ingest()
    events = zone.rows("events").sort("line")
    assert events["line"].to_list() == list(range(1, 2_001))
    assert events["event_id"].to_list() == [f"e{n}" for n in range(2_000)]
    assert [line for line, _ in zone.refusals()] == [2_001]
