"""Whatever a file holds, ingest accounts for it and goes on."""

import csv
import gzip
import io
import json

import numpy as np
import polars as pl
import pytest

from assets.ingest.csv_records import CsvShape, find_records
from core.ingest_settings import IngestSettings
from core.seeds import generator
from tests.assets.ingest.conftest import event

ROOT = 7
N_RANDOM = 5


def csv_bytes(n_rows, separator=","):
    rows = [
        event(event_id=f"e{n}", user_agent='A, "B"\nC' if n % 5 == 0 else "A")
        for n in range(n_rows)
    ]
    return pl.DataFrame(rows).write_csv(separator=separator).encode()


def jsonl_bytes(n_rows):
    return "".join(
        json.dumps(event(event_id=f"e{n}", value=n)) + "\n" for n in range(n_rows)
    ).encode()


def parquet_bytes(n_rows):
    stream = io.BytesIO()
    pl.DataFrame([event(event_id=f"e{n}", value=n) for n in range(n_rows)]).write_parquet(stream)
    return stream.getvalue()


def junk(random, size):
    """Bytes that hurt: quotes, line ends, NULs, brackets, half characters, noise."""
    hurtful = [
        b'"', b'""', b"\n", b"\r", b"\r\n", b"\0", b",", b";", b"{", b"}", b"[", b"]", b"\\",
        b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"null", b"NaN", b"1e999", b"PAR1",
        b"\x1f\x8b", b"{}{}", b'{"user_id":', b" ", b"\t", "\u202e".encode(),
    ]  # fmt: skip
    parts = [
        hurtful[random.integers(len(hurtful))] if random.random() < 0.7 else random.bytes(3)
        for _ in range(size)
    ]
    return b"".join(parts)


def mangled(random, content, spare=0):
    """The content with bytes replaced, junk put in, stretches removed, doubled and swapped."""
    for _ in range(random.integers(1, 8)):
        low = spare if spare < len(content) else 0
        start = int(random.integers(low, max(low + 1, len(content))))
        stop = start + int(random.integers(0, 60))
        match random.integers(5):
            case 0:
                content = content[:start] + junk(random, 4) + content[start:]
            case 1:
                content = content[:start] + random.bytes(stop - start) + content[stop:]
            case 2:
                content = content[:start] + content[stop:]
            case 3:
                content = content[:stop] + content[start:]
            case 4:
                end = 2 * stop - start
                swapped = content[stop:end] + content[start:stop]
                content = content[:start] + swapped + content[end:]
    return content


@pytest.mark.parametrize("seed", range(N_RANDOM))
@pytest.mark.parametrize(("name", "make"), [
    ("events.csv", csv_bytes), ("events.jsonl", jsonl_bytes), ("events.parquet", parquet_bytes),
])  # fmt: skip
def test_mangled_files(zone, name, make, seed):
    random = generator(ROOT, name, str(seed))
    zone.settings = IngestSettings(block_bytes=2048, max_record_bytes=1024, flush_rows=40)
    for place in range(6):
        content = mangled(random, make(60), spare=60 if place % 2 else 0)
        zone.land(f"{place}-{name}", gzip.compress(content) if place == 5 else content)
    zone.land(f"events-z-{name}", make(60))
    report = zone.ingest()  # raises nothing, and checks each account
    assert len(report.entries) + len(report.repeated) == 7
    totals = report.totals
    # A broken header may turn events into items or users; no row is lost for that.
    tables = ("events", "item_rows", "user_rows", "tags")
    assert sum(len(zone.rows(table)) for table in tables) == totals.accepted
    assert len(zone.rows("quarantine")) == totals.quarantined
    untouched = set(zone.rows("events")["event_id"]) >= {f"e{n}" for n in range(60)}
    assert untouched  # the whole file at the end brings every event in


@pytest.mark.parametrize("seed", range(N_RANDOM))
def test_pure_junk(zone, seed):
    random = generator(ROOT, "junk", str(seed))
    zone.settings = IngestSettings(block_bytes=1024, max_record_bytes=1024)
    for head in (
        b"",
        b"user_id\n",
        b"user_id,country\n",
        b'{"user_id":"u"}\n',
        b"PAR1",
        b"\x1f\x8b\x08",
    ):
        zone.land(f"users-{head[:3].hex()}{len(head)}", head + junk(random, 400))
    report = zone.ingest()
    assert len(report.entries) == 6
    assert len(zone.rows("quarantine")) == report.totals.quarantined


@pytest.mark.parametrize("seed", range(N_RANDOM))
def test_shuffled_lines_lose_none(zone, seed):
    """Good lines among broken ones all come in; each broken line is refused by itself."""
    random = generator(ROOT, "lines", str(seed))
    good = [json.dumps(event(event_id=f"e{n}")) for n in range(80)]
    bad = [
        "{",
        "}",
        "[]",
        "1",
        '"',
        '{"user_id": NaN}',
        good[0] + good[1],
        good[2][:40],
        '{"a":1,"a":2}',
    ]
    lines = [*good, *bad]
    order = random.permutation(len(lines))
    zone.land_lines("events.jsonl", *(lines[k] for k in order))
    assert zone.counts(zone.ingest()) == (89, 80, 0, 9)
    rows = [",".join(event(event_id=f"e{n}").values()) for n in range(80)]
    torn = [
        'e,"u,i,view,2025',
        "e,u,i",
        "e,u,i,view,2025-12-31,x",
        'e,u,i,vi"ew,2025-12-31',
        "e,u\0,i,view,2025",
    ]
    lines = [*rows, *torn]
    order = random.permutation(len(lines))
    zone.land_lines(
        "items.csv", "event_id,user_id,item_id,action,occurred_at", *(lines[k] for k in order)
    )
    assert zone.counts(zone.ingest()) == (85, 0, 80, 5)


@pytest.mark.parametrize("seed", range(40))
def test_records_of_a_clean_file_are_those_of_the_standard_library(seed):
    random = generator(ROOT, "records", str(seed))
    alphabet = ["a", ",", '"', "\n", "\r\n", " ", "é", ""]
    rows = [
        [
            "".join(alphabet[k] for k in random.integers(0, 8, random.integers(0, 6)))
            for _ in range(3)
        ]
        for _ in range(30)
    ]
    stream = io.StringIO(newline="")
    csv.writer(
        stream, lineterminator="\n", quoting=csv.QUOTE_ALL if seed % 2 else csv.QUOTE_MINIMAL
    ).writerows(rows)
    content = stream.getvalue().encode()
    shape = CsvShape(ord(","), 3, 10_000, 100)
    found = find_records(np.frombuffer(content, np.uint8), shape, final=True)
    assert not found.faults.any()
    assert found.n_bytes == len(content)
    texts = [content[s:e].decode() for s, e in zip(found.starts, found.ends, strict=True)]
    assert [
        next(csv.reader([text]))
        if "\n" not in text
        else next(csv.reader(io.StringIO(text, newline="")))
        for text in texts
    ] == rows


def test_the_same_junk_gives_the_same_account(zone, tmp_path):
    random = generator(ROOT, "again")
    content = mangled(random, csv_bytes(100)) + junk(random, 200)
    results = []
    for place in ("a", "b"):
        zone.home = type(zone.home)(tmp_path / place)
        zone.land("events.csv", content)
        report = zone.ingest()
        results.append((zone.counts(report), zone.rows("quarantine").sort("line", "reason").rows()))
    assert results[0] == results[1]
