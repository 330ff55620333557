from zlib import crc32

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from core.errors import CheckFailed, IntegrityError
from serving.kept_texts import KeptTexts
from serving.mapped_file import map_bytes, map_words
from serving.packed_lists import PackedLists, write_packed_lists
from serving.record_store import RecordReader, RecordWriter
from serving.sorted_blocks import SortedBlocks, side_by_side


def int32s(*values):
    return np.array(values, np.int32)


def write_records(path, *batches):
    with RecordWriter(path) as writer:
        for batch in batches:
            writer.append(*zip(*batch, strict=True))


def test_records_come_back_and_unknown_keys_are_none(tmp_path):
    path = tmp_path / "a" / "b.records"
    write_records(path, [(b"a", b"1"), (b"b", b"22")], [(b"\xc3\xa9", b"")])
    reader = RecordReader(path)
    assert [reader.get(key) for key in (b"a", b"b", b"\xc3\xa9", b"z")] == [b"1", b"22", b"", None]
    assert len(reader) == 3
    reader.close()
    assert [x.name for x in path.parent.iterdir()] == ["b.records"]


@pytest.mark.parametrize(
    "records",
    [[(b"b", b""), (b"a", b"")], [(b"a", b""), (b"a", b"")], [(b"", b"")], [(b"k" * 512, b"")]],
    ids=["descending", "doubled", "empty", "too long"],
)
def test_records_out_of_order_or_with_bad_keys_are_refused(tmp_path, records):
    with pytest.raises(CheckFailed), RecordWriter(tmp_path / "x.records") as writer:
        writer.append(*zip(*records, strict=True))


def test_two_identical_builds_of_records_have_identical_bytes(tmp_path):
    batches = [
        [(b"%06d" % (1000 * n + k), b"v" * (k % 700)) for k in range(1000)] for n in range(5)
    ]
    write_records(tmp_path / "1.records", *batches)
    write_records(tmp_path / "2.records", *batches)
    assert (tmp_path / "1.records").read_bytes() == (tmp_path / "2.records").read_bytes()


def test_a_record_file_that_is_missing_or_none_is_an_integrity_error(tmp_path):
    with pytest.raises(IntegrityError):
        RecordReader(tmp_path / "missing.records")
    assert not (tmp_path / "missing.records").exists()
    (tmp_path / "bad.records").write_bytes(b"not a database" * 1000)
    with pytest.raises(IntegrityError):
        RecordReader(tmp_path / "bad.records")


def colliding(n):
    """Returns n keys of equal CRC-32: eight bytes whose difference the code can't see."""
    base = [crc32(bytes(8)) ^ crc32((1 << at).to_bytes(8, "little")) for at in range(64)]
    rows = [[1 << at, code] for at, code in enumerate(base)]
    kernel = []  # combinations of bits that leave the code as it is, by elimination
    pivots = {}
    for bits, code in rows:
        while code and code.bit_length() in pivots:
            other_bits, other = pivots[code.bit_length()]
            bits, code = bits ^ other_bits, code ^ other
        if code:
            pivots[code.bit_length()] = bits, code
        else:
            kernel.append(bits)
    found = {0}
    for bits in kernel:
        found |= {bits ^ x for x in found}
        if len(found) >= n:
            break
    return sorted(x.to_bytes(8, "little") for x in sorted(found)[:n])


def test_keys_of_one_code_are_told_apart(tmp_path):
    keys = colliding(200)
    assert len({crc32(key) for key in keys}) == 1
    path = tmp_path / "x.records"
    write_records(path, [(key, key[::-1]) for key in keys[1:]])
    reader = RecordReader(path)
    assert [reader.get(key) for key in keys] == [None, *(key[::-1] for key in keys[1:])]


@pytest.mark.parametrize("n", [1, 63, 64, 65, 1_000, 20_000])
def test_every_record_is_found_and_no_other(tmp_path, n):
    path = tmp_path / "x.records"
    keys = [b"%05d" % (3 * k) for k in range(n)]
    write_records(path, [(key, key * 3) for key in keys])
    reader = RecordReader(path)
    assert all(reader.get(key) == key * 3 for key in keys)
    assert all(reader.get(b"%05d" % k) is None for k in range(3 * n) if k % 3)
    assert list(reader.items()) == [(key, key * 3) for key in keys]
    for prefix in (b"", b"0", b"00", b"001", b"0019", b"05", b"3", b"9", b"zz"):
        assert list(reader.keys(prefix)) == [key for key in keys if key.startswith(prefix)]


def test_a_file_without_records_knows_no_key(tmp_path):
    write_records(tmp_path / "x.records")
    reader = RecordReader(tmp_path / "x.records")
    assert (len(reader), reader.get(b"a")) == (0, None)
    assert list(reader.items()) == list(reader.keys(b"")) == []
    reader.close()


def test_a_file_of_records_that_is_cut_or_longer_is_refused(tmp_path):
    path = tmp_path / "x.records"
    write_records(path, [(b"%03d" % k, b"v") for k in range(300)])
    content = path.read_bytes()
    for wrong in (content[:-8], content + bytes(8), content[:20], b"x" + content[1:]):
        path.write_bytes(wrong)
        with pytest.raises(IntegrityError, match="rebuild it"):
            RecordReader(path)


def test_a_record_that_is_too_long_is_refused(tmp_path):
    with (
        pytest.raises(CheckFailed, match="65536 bytes; the limit is 65535"),
        RecordWriter(tmp_path / "x.records") as writer,
    ):
        writer.append([b"a"], [bytes(65_536)])


def test_texts_are_made_once_and_forgotten_when_they_are_too_many():
    made = []

    def text(number):
        made.append(number)
        return b"%d" % number

    texts = KeptTexts(10, text, 3)
    assert texts.of([1, 2, 1]) == [b"1", b"2", b"1"]
    assert texts[1] == b"1"
    assert sorted(made) == [1, 2]
    assert texts.of([2, 3, -1]) == [b"2", b"3", b"-1"]  # with the fourth all go
    assert texts.of([2]) == [b"2"]
    assert made.count(2) == 2
    with pytest.raises(IndexError):
        texts.of([10])


def test_packed_lists_come_back_whole_cut_or_empty(tmp_path):
    stem = tmp_path / "lists"
    blocks = [
        (int32s(0, 0, 2), int32s(5, 3, 9), int32s(70, -60, 0)),
        (int32s(), int32s(), int32s()),
        (int32s(2, 3), int32s(1, 4), int32s(8, 7)),
    ]
    assert write_packed_lists(stem, 5, blocks) == 5
    lists = PackedLists(stem, 5)
    assert [lists.rows(n) for n in range(5)] == [
        ([5, 3], [70, -60]),
        ([], []),
        ([9, 1], [0, 8]),
        ([4], [7]),
        ([], []),
    ]
    assert lists.rows(0, limit=1) == ([5], [70])


def test_packed_lists_may_be_empty_altogether(tmp_path):
    assert write_packed_lists(tmp_path / "none", 2, []) == 0
    assert PackedLists(tmp_path / "none", 2).rows(1) == ([], [])


def test_packed_lists_out_of_order_are_refused(tmp_path):
    with pytest.raises(CheckFailed):
        write_packed_lists(tmp_path / "x", 3, [(int32s(1, 0), int32s(1, 1), int32s(1, 1))])
    block = (int32s(1), int32s(1), int32s(1))
    with pytest.raises(CheckFailed):
        write_packed_lists(tmp_path / "y", 3, [block, (int32s(0), int32s(1), int32s(1))])


def test_a_mapped_file_of_another_length_is_an_integrity_error(tmp_path):
    path = tmp_path / "words"
    path.write_bytes(bytes(7))
    with pytest.raises(IntegrityError, match="7 bytes where 8 belong"):
        map_words(path, "i", 2)
    with pytest.raises(IntegrityError):
        map_bytes(tmp_path / "missing")


def test_blocks_of_several_tables_never_split_a_key(tmp_path, monkeypatch):
    monkeypatch.setattr("serving.sorted_blocks.ROW_GROUPS", 1)
    rng = np.random.default_rng(11)
    frames = [
        pl.DataFrame(
            {"k": [f"k{n:02d}" for n in sorted(rng.integers(0, high, size))]},
            schema={"k": pl.String},
        )
        for high, size in ((20, 60), (50, 33), (9, 0))
    ]
    tables = []
    for n, frame in enumerate(frames):
        frame.write_parquet(tmp_path / f"{n}.parquet", row_group_size=7, use_pyarrow=True)
        tables.append(SortedBlocks(tmp_path / f"{n}.parquet", ["k"], "k"))
    pieces = list(side_by_side(tables))
    assert len(pieces) > 5
    for n, frame in enumerate(frames):
        assert pl.DataFrame(pa.concat_tables([piece[n] for piece in pieces])).equals(frame)
    seen: set[str] = set()
    for piece in pieces:
        keys = {key for part in piece for key in part["k"].to_pylist()}
        assert not keys & seen
        seen |= keys
