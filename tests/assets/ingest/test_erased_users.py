"""An erased user's records are refused by every reader, and nothing of them is kept."""

import csv
import io
import json

import polars as pl
import pytest

from core.erased_users import ErasedUsers
from core.ingest_settings import Mapping
from core.raw_records import RecordForm
from core.release_store import ReleaseStore
from core.tombstone_log import TombstoneLog
from tests.assets.ingest.conftest import event

GONE = "zoë-7f3a"
RECORDS = [
    event(event_id="e1", user_id="ann"),
    event(event_id="e2", user_id=GONE, session_id="secret-visit"),
    event(event_id="e3", user_id=f"  {GONE} ", action="secret-deed"),
    event(event_id="e4", user_id="bob", item_id=""),
    event(event_id="e5", user_id="cat"),
]


@pytest.fixture
def erasing(zone):
    ReleaseStore(zone.home.releases).tombstones.erase(GONE)
    return zone


def lake_bytes(zone):
    return b"".join(path.read_bytes() for path in zone.home.lake.rglob("*") if path.is_file())


def as_csv(records):
    names = [*records[0], "session_id"]
    return "\n".join([",".join(names), *(",".join(r.get(n, "") for n in names) for r in records)])


def as_parquet(records):
    return pl.DataFrame(records, infer_schema_length=None)


def as_lines(records):
    return "".join(json.dumps(r) + "\n" for r in records)  # \u00eb


@pytest.mark.parametrize(
    ("name", "spell"),
    [("events.csv", as_csv), ("events.jsonl", as_lines), ("events.parquet", as_parquet)],
)
def test_every_reader_refuses_them_and_the_account_balances(erasing, name, spell):
    erasing.land(name, spell(RECORDS))
    report = erasing.ingest()
    assert erasing.counts(report) == (5, 2, 0, 3)
    assert erasing.rows("events")["user_id"].to_list() == ["ann", "cat"]
    rows = erasing.rows("quarantine").sort("line")
    assert [x for x in rows["reason"] if x == "erased user"] == ["erased user"] * 2
    assert rows.filter(pl.col("reason") == "erased user")["raw"].to_list() == [None, None]
    assert rows.filter(pl.col("reason") != "erased user")["raw"].null_count() == 0
    stored = rows.write_json()
    assert "7f3a" not in stored
    assert "secret" not in stored


def test_a_torn_record_that_names_them_is_kept_without_its_text(erasing):
    torn = '{"event_id": "e9", "user_id": "zo\\u00eb-7f3a", "secret": '
    erasing.land_lines("events.jsonl", event(user_id="ann"), torn, '{"user_id": "bob", ')
    report = erasing.ingest()
    assert erasing.counts(report) == (3, 1, 0, 2)
    rows = erasing.rows("quarantine").sort("line")
    assert rows["reason"][0] == "erased user"
    assert rows["raw"].to_list() == [None, '{"user_id": "bob", ']


def test_users_and_tags_are_refused_too(erasing):
    erasing.land("users.csv", f"user_id,country\nann,NL\n{GONE},DE\n")
    erasing.land(
        "tags.csv",
        f"item_id,theme,user_id,occurred_at\ni1,slow,{GONE},2025-01-01\ni1,fast,ann,2025-01-01\n",
    )
    erasing.land("items.csv", "item_id,title\ni1,Heat\n")
    report = erasing.ingest()
    assert erasing.counts(report) == (5, 3, 0, 2)
    assert erasing.rows("user_rows")["user_id"].to_list() == ["ann"]
    assert erasing.rows("tags")["user_id"].to_list() == ["ann"]


def test_a_row_refused_for_them_is_no_duplicate_and_no_reuse(erasing):
    again = [event(user_id=GONE), event(user_id="ann"), event(user_id=GONE)]
    erasing.land_lines("events.jsonl", *again)
    assert erasing.counts(erasing.ingest()) == (3, 1, 0, 2)


@pytest.mark.parametrize(
    "raw",
    [
        "1,zoë-7f3a,3", '1;"zoë-7f3a";3', '{"user_id":"zoë-7f3a"}', '{"user_id": "zo\\u00eb-7f3a"',
        "a line that says zoë-7f3a.", "1\tzoe\u0308-7f3a\t3",
    ],
)  # fmt: skip
def test_a_name_is_found_however_it_is_written(tmp_path, raw):
    log = TombstoneLog(tmp_path)
    log.erase(GONE)
    found = ErasedUsers(log.state()).mentioned(pl.Series([raw, None, "1,zoë-7f3b,3"]))
    assert found.to_list() == [True, False, False]


ODD = [
    "ann,bo", "ann;bo|c\td", 'say"hi"x', '"', "line\nbreak7", "back\\slash9", "\\u0041",
    "o'hara77", "a<b>&c", "zz/yy/77", "Mary Ann Quux", "a, b", "x:y",
    "Zoë漢字-x", "😀", "{a}", "...", '{"user_id": 1}',
]  # fmt: skip


def erased(folder, user):
    log = TombstoneLog(folder)
    log.erase(user)
    return ErasedUsers(log.state())


def csv_line(cells, separator):
    stream = io.StringIO()
    csv.writer(stream, delimiter=separator, lineterminator="\n").writerow(cells)
    return stream.getvalue().removesuffix("\n")


@pytest.mark.parametrize("user", ODD)
def test_odd_ids_are_found_in_records_and_in_what_is_left_of_torn_ones(tmp_path, user):
    names = erased(tmp_path, user)
    record = {"item_id": "i1", "user_id": user, "action": 'a "deed"\\'}
    whole = [json.dumps(record, ensure_ascii=ascii) for ascii in (True, False)]
    whole += ["".join(rf"\u{c:04x}" if c > 127 else chr(c) for c in map(ord, whole[1]))] * (
        user != "😀"
    )
    torn = [text[start:end] for text in whole for start in (0, 5, 12) for end in (-1, -9)]
    twice = [text[:-1] + ', "user_id": "ann"}' for text in whole]
    nested = [json.dumps({"user_id": "ann", "more": [{"by": [user]}]})]
    for raw in [*whole, *torn, *twice, *nested]:
        assert names.mentioned(pl.Series([raw, '{"user_id": "ann"}'])).to_list() == [True, False], (
            raw
        )
    for separator in ",;\t|":
        line = csv_line(["e1", user, "i1", 'a "deed"'], separator)
        form = RecordForm(header=("event_id", "user_id", "item_id", "action"), separator=separator)
        assert names.mentioned(pl.Series([line, "e1,ann,i1,x"]), form).to_list() == [True, False]
        for raw in (
            line,
            line + separator,
            f'x"{separator}{line}',
            line[:-2],
            f"b{separator}{line}",
        ):
            assert names.mentioned(pl.Series([raw])).item(), raw
            assert names.mentioned(pl.Series([raw]), form).item(), raw


@pytest.mark.parametrize(
    ("user", "raw", "named"),
    [
        ("42", '{"user_id": 42, "x": 1}', True), ("42", '{"user_id": 42.0}', True),
        ("42", '{"user_id": 42e0}', True), ("42", '{"user_id": 4.2E+1}', True),
        ("42", '{"user_id": 4200e-2}', True), ("42", '{"user_id": 42e1}', False),
        ("42", '{"user_id": 7, "value": 42e0}', False), ("-42", '{"user_id": -42e0}', True),
        ("42", f'{{"user_id": 42e{"9" * 5000}, "by": "42"}}', False),
        ("42", '{"user_id": " 42"}', True), ("42", '{"user_id": [42]}', True),
        ("42", '{"user_id": 7, "value": 42}', False),
        ("42", '{"user_id": 7, "value": "42"}', False),
        ("42", '{"user_id": 7, "note": "of 42.0"}', False),
        ("42", '{"user_id": 7, "value": 42', True),
        ("u42", '{"user_id": 7, "note": "of u42."}', True),
        ("u42", '{"user_id": 7, "u42": 1}', True),
        ("u42", '{"user_id": "u42\\u200b"}', True),
        ("u42", '{"user_id": "u\\u202842"}', True), ("u42", '{"user_id": "u\\u202942"', True),
        ("u42", "1,u\u202842,3", True), ("u42", '1,"u\t42",3', True), ("u42", "1,u,42", False),
        ("u42", "1,u x42,3", False),
        ("u42", '{"user_id": "u42\\ud83d", "by": "u42"}', True),
        ("42", "1,142,3", False), ("42", "1,42,3", True), ("a.b+c", "1,a.b+c,3", True),
        ("a b", "1,a b,3", True), ("u42", "[" * 100_000 + '"u42"', True), ("u42", '["u42"]', True),
    ],
)  # fmt: skip
def test_ids_are_found_whole_and_numbers_where_they_are_ids(tmp_path, user, raw, named):
    assert erased(tmp_path, user).mentioned(pl.Series([raw])).to_list() == [named]


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        ("42,i1,never,5", True), ("7,42,never,42", False), ('"42",i1,never,5', True),
        ("42.0,i1,never,", True), ("7,i1,never", False), ("7,i1,42", True), ("7,i1,x,1,42", True),
        ('7,i1,"never,42', True), ("7,i1,of u42,5", False),
    ],
)  # fmt: skip
def test_a_header_tells_whose_cell_it_is(tmp_path, raw, named):
    form = RecordForm.of(Mapping(columns={"user_id": "who"}), ("who", "item_id", "at", "value"))
    assert erased(tmp_path, "42").mentioned(pl.Series([raw]), form).to_list() == [named]
