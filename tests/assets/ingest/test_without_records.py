"""A landed file loses some records and no other byte."""

import gzip
import tracemalloc

import numpy as np
import polars as pl
import pytest

from assets.ingest import without_records
from assets.ingest.without_records import END, Gone, write_without


def cut(tmp_path, content, gone, starts):
    path, target = tmp_path / "in", tmp_path / "out"
    path.write_bytes(content)
    first = np.array(gone, np.int64)
    after = [next((x for x in starts if x > line), END) for line in gone]
    write_without(path, target, Gone(first, np.array(after, np.int64)))
    return target.read_bytes()


@pytest.mark.parametrize(
    ("content", "gone", "starts", "left"),
    [
        (b"h\na\nb\nc\n", [3], [2, 3, 4], b"h\na\nc\n"),
        (b"h\r\na\r\nb\r\nc", [4], [2, 3, 4], b"h\r\na\r\nb\r\n"),
        (b"h\ra\rb\r", [2, 3], [2, 3], b"h\r"),
        (b'h\n"a\nb"\nc\n', [2], [2, 4], b"h\nc\n"),
        (b"\xef\xbb\xbfh\na\n\n\nb\n", [5], [2, 5], b"\xef\xbb\xbfh\na\n\n\n"),
        (b"a\nb\n", [1], [1, 2], b"b\n"),
        (b"a\nb\n", [], [1, 2], b"a\nb\n"),
    ],
)
@pytest.mark.parametrize("chunk", [1, 2, 3, 5, 1000])
def test_text_is_cut_between_records(tmp_path, monkeypatch, content, gone, starts, left, chunk):
    monkeypatch.setattr(without_records, "_CHUNK", chunk)
    assert cut(tmp_path, content, gone, starts) == left
    packed = cut(tmp_path, gzip.compress(content), gone, starts)
    assert gzip.decompress(packed) == left


def test_rows_of_parquet_go_by_their_place(tmp_path):
    frame = pl.DataFrame({"user_id": ["a", "b", "c"], "n": [1, 2, 3]})
    frame.write_parquet(tmp_path / "in.parquet")
    whole = (tmp_path / "in.parquet").read_bytes()
    for content in (whole, gzip.compress(whole)):
        left = cut(tmp_path, content, [2], [1, 2, 3])
        plain = gzip.decompress(left) if left.startswith(b"\x1f\x8b") else left
        (tmp_path / "left.parquet").write_bytes(plain)
        assert pl.read_parquet(tmp_path / "left.parquet").equals(frame[[0, 2]])
        assert b"b" not in plain.split(b"PAR1")[1][:40]


def test_a_row_group_is_held_at_a_time(tmp_path):
    frame = pl.DataFrame({"user_id": [f"u{n}" for n in range(10)], "n": range(10)})
    frame.write_parquet(tmp_path / "in.parquet", row_group_size=3)
    left = cut(tmp_path, (tmp_path / "in.parquet").read_bytes(), [1, 2, 3, 8], range(1, 11))
    (tmp_path / "left.parquet").write_bytes(left)
    assert pl.read_parquet(tmp_path / "left.parquet").equals(frame[[3, 4, 5, 6, 8, 9]])


def test_memory_does_not_grow_with_the_file(tmp_path):
    path, target = tmp_path / "in.csv.gz", tmp_path / "out"
    row = b"e1,ann,i1,like,2025-03-01," + b"n" * 100 + b"\n"
    with gzip.open(path, "wb", 1) as file:
        for _ in range(100):
            file.write(row * 10_000)
    gone = Gone(np.array([500_000], np.int64), np.array([500_001], np.int64))
    tracemalloc.start()
    write_without(path, target, gone)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50 * 1024**2 < 999_999 * len(row)
    with gzip.open(target) as file:
        assert sum(len(piece) for piece in iter(lambda: file.read(1 << 20), b"")) == 999_999 * len(
            row
        )
