"""Files in every state that a landing zone may hold them in, the same bytes each time."""

import gzip
import io
import json
from pathlib import Path

import polars as pl

_LIMIT = 1_048_576  # bytes of a record; see [ingest] max_record_bytes
_COLUMNS = ("event_id", "user_id", "item_id", "action", "occurred_at")


def _rows(name: str, n_rows: int = 40) -> list[dict[str, object]]:
    return [
        {
            "event_id": f"{name}-{n}", "user_id": f"u{n:06d}", "item_id": f"i{n % 50:05d}",
            "action": "view", "occurred_at": "2025-03-20T10:00:00Z",
        }
        for n in range(n_rows)
    ]  # fmt: skip


def _event(name: str, **fields: object) -> dict[str, object]:
    return {**_rows(name, 1)[0], **fields}


def _list(n_items: int = 3, **fields: object) -> dict[str, object]:
    """Returns a list as the server logs it."""
    return {
        "user_id": "u000001", "occurred_at": 1_742_465_000_000_000, "release": "2025-03-19.abcdef",
        "rung": "personal", "experiment_id": None, "arm": "default",
        "items": [f"i{n:05d}" for n in range(n_items)], "rungs": ["personal"] * n_items, **fields,
    }  # fmt: skip


def _parquet(rows: pl.DataFrame) -> bytes:
    stream = io.BytesIO()
    rows.write_parquet(stream)
    return stream.getvalue()


def _json_lines(*rows: dict[str, object] | str) -> bytes:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    return ("\n".join(lines) + "\n").encode("utf-8", "surrogatepass")


def _csv(rows: list[dict[str, object]], separator: str = ",", end: str = "\n") -> str:
    lines = [separator.join(_COLUMNS)]
    lines += [separator.join(str(row[name]) for name in _COLUMNS) for row in rows]
    return end.join(lines) + end


def _whole_files() -> dict[str, bytes]:
    """Returns files that no reader opens."""
    whole = _parquet(pl.DataFrame(_rows("whole")))
    zipped = gzip.compress(_csv(_rows("zipped", 400)).encode(), mtime=0)
    header = ",".join(_COLUMNS).encode()
    bomb = gzip.compress(header + b"\n" + b"0" * 80_000_000, compresslevel=9, mtime=0)
    torn = {f"events-torn-{share}.parquet": whole[: len(whole) * share // 100]
            for share in (1, 50, 99)}  # fmt: skip
    return {
        **torn,
        "events-zero-bytes.parquet": b"",
        "events-footer.parquet": whole[:-8] + b"\0" * 8,
        "events-noise.parquet": bytes(range(256)) * 20,
        "events-torn.csv.gz": zipped[: len(zipped) // 2],
        "events-renamed.csv": _csv(_rows("renamed")).replace("user_id", "personId").encode(),
        "events-missing.parquet": _parquet(pl.DataFrame(_rows("missing")).drop("item_id")),
        "events-bomb.csv.gz": bomb,
        "impressions-torn.jsonl.gz": gzip.compress(
            _json_lines(*(_list(occurred_at=n) for n in range(400))), mtime=0
        )[:700],
        "impressions-array.jsonl": json.dumps([_list()]).encode(),
        "impressions-missing.jsonl": _json_lines({"user_id": "u000001", "items": ["i00001"]}),
    }


def _half_files() -> dict[str, bytes]:
    """Returns files with good records among the bad ones, and odd ones that are good."""
    frame = pl.DataFrame(_rows("odd"))
    long = _event("long", user_id="x" * (_LIMIT + 10))
    quotes = _csv(_rows("quotes")) + 'q1,"u000001,i00001,view,2025-03-20\n' + "q2,u\0,i,view,x\n"
    return {
        "events-no-groups.parquet": _parquet(frame.head(0)),
        "events-no-gzip.csv.gz": _csv(_rows("plain")).encode(),
        "events-bytes.parquet": _parquet(frame.with_columns(user_id=pl.lit(b"\xff"))),
        "events-reordered.parquet": _parquet(
            frame.with_columns(colour=pl.lit("red"), event_id="reordered-" + pl.col("event_id"))
            .select("colour", "occurred_at", *_COLUMNS[:4])
        ),
        "events-numbers.parquet": _parquet(
            frame.with_columns(
                event_id="numbers-" + pl.col("event_id"), user_id=pl.int_range(pl.len()),
                occurred_at=pl.lit(1_742_465_000) * pl.Series([1, 1_000] * 20),
            )
        ),
        "events-twin-a.jsonl": _json_lines(*_rows("twin")),
        "events-twin-b.jsonl": _json_lines(*_rows("twin")),
        "events-quotes.csv": b"\xef\xbb\xbf" + quotes.encode(),
        "events-ends.csv": _csv(_rows("ends"), end="\r\n").encode() + b"broken line\n",
        "events-semicolons.csv": _csv(_rows("semicolons"), separator=";").encode(),
        "events-long.jsonl": _json_lines(_event("short"), long),
        "events-latin.csv": _csv(_rows("latin")).encode() + b"l1,u\xff,i00001,view,2025-03-20\n",
        "impressions-twin-a.jsonl": _json_lines(_list()),
        "impressions-twin-b.jsonl": _json_lines(_list()),
        "impressions-lines.jsonl": _json_lines(
            _list(50, user_id="u000002"), json.dumps(_list())[:80], _list(51), _list(0),
            _list(rungs=["personal"]), _list(rungs=["personal", "top", "trending"]),
            _list(rungs="personal"), _list(items=["i00001", None, "i00002"]),
            _list(items=[1.5, "i00001", "i00002"]), _list(items={}), _list(user_id=None),
            _list(release=["r"]), _list(occurred_at="someday"), _list(user_id="\ud800"),
            _list(user_id="u" * (_LIMIT + 10)), json.dumps(_list()) * 2, "null",
        ),
        "events-lines.jsonl": _json_lines(
            _event("lines-1"), '{"event_id": "torn', _event("lines-2"),
            json.dumps(_event("double-1")) + json.dumps(_event("double-2")),
            "[" * 100_000 + "]" * 100_000,
            '{"event_id": "k", "user_id": "u000001", "user_id": "u000002", "item_id": "i00001",'
            ' "action": "view", "occurred_at": "2025-03-20"}',
            *(json.dumps(_event(f"number-{n}")).replace('"view"', f'"view", "value": {text}')
              for n, text in enumerate(("NaN", "Infinity", "1e400", "9007199254740993"))),
            json.dumps(_event("digits")).replace('"u000000"', "12345678901234567890123"),
            '{"event_id": "s", "user_id": "\\ud800", "item_id": "i00001", "action": "view",'
            ' "occurred_at": "2025-03-20"}',
            "null", "[]", "3",
        ),
    }  # fmt: skip


IDS = (
    "null", "None", "nan", "0", "-1", "", "   ", "Cafe\u0301", "Caf\u00e9", "ABC", "abc",
    "\uff21\uff22", "a\u200bb", "\u05d0\u05d1", "x" * 10_000, "../../etc/passwd", "a/b", "..",
    "%2e%2e%2f", "a\nb", "a\0b",
)  # fmt: skip
"""Ids of users that try what an id may be; the last good ones have lists of their own."""

_TIMES = (
    "2999-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "1970-01-01T00:00:00Z", "-5", "0",
    "2025-03-20T10:00:00", "2025-03-20T10:00:00+05:30", "2025-03-30T02:30:00+01:00", "someday",
    "2025-02-30T00:00:00Z", "2025-03-01T00:00:00Z", "1990-01-01T00:00:00Z",
)  # fmt: skip


def _ids_and_times() -> dict[str, bytes]:
    ids = [
        _event(f"id-{n}-{item}", user_id=user, item_id=f"i{item:05d}", action="like")
        for n, user in enumerate(IDS)
        for item in range(4)
    ]
    times = [_event(f"time-{n}", occurred_at=text) for n, text in enumerate(_TIMES)]
    titles = [
        {"item_id": "i00001", "title": "One title"}, {"item_id": "i00001", "title": "Another"},
        {"item_id": "only-in-the-catalogue", "title": "Never touched"},
        {"item_id": None, "title": "Nobody"}, {"item_id": "../../x", "title": "A path"},
    ]  # fmt: skip
    return {
        "events-ids.jsonl": _json_lines(*ids),
        "events-times.jsonl": _json_lines(*times),
        "events-unknown-items.jsonl": _json_lines(
            *(_event(f"new-{n}", item_id="only-in-events", user_id=f"u{n:06d}") for n in range(9))
        ),
        "items-titles.jsonl": _json_lines(*titles),
        "notes.txt": b"A reader who wonders what this file is should be told its name.\n",
    }


def salt(landing: Path) -> None:
    """Puts the bad files into a landing zone."""
    landing.mkdir(parents=True, exist_ok=True)
    files = {**_whole_files(), **_half_files(), **_ids_and_times()}
    for name, content in files.items():
        (landing / name).write_bytes(content)
    (landing / "events-still-written.csv.part").write_bytes(b"event_id,us")


UNREADABLE = frozenset(_whole_files()) | {"notes.txt"}
"""The files of which nothing can be read."""
