"""A landed file loses some records and no other byte."""

import gzip

import numpy as np
import polars as pl
import pytest

from assets.ingest.without_records import write_without


def cut(tmp_path, content, gone, starts):
    path, target = tmp_path / "in", tmp_path / "out"
    path.write_bytes(content)
    write_without(path, target, np.array(gone, np.int64), np.array(starts, np.int64))
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
def test_text_is_cut_between_records(tmp_path, content, gone, starts, left):
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
