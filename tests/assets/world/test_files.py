import gzip
import json

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from assets.world.columns import utc_times
from assets.world.files import open_table

TABLE = pl.DataFrame(
    {
        "event_id": ["a", "b"],
        "at": utc_times(np.array([1_740_000_000_000_001, 0])),
        "genres": [["War", "Music"], []],
        "note": ["said “yes”, then", None],
        "value": [1.5, None],
    }
).to_arrow(compat_level=pl.CompatLevel.oldest())
CSV = (
    "event_id,at,genres,note,value\n"
    'a,2025-02-19T21:20:00.000001Z,War|Music,"said “yes”, then",1.5\n'
    'b,1970-01-01T00:00:00.000000Z,"",,\n'
)


@pytest.mark.parametrize("ending", ["csv", "csv.gz"])
def test_csv_is_written_out(tmp_path, ending):
    path = tmp_path / f"table.{ending}"
    with open_table(path, ending) as writer:
        writer.write(TABLE)
    raw = path.read_bytes()
    assert (gzip.decompress(raw) if ending.endswith("gz") else raw).decode() == CSV


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz"])
def test_json_lines_are_written_out(tmp_path, ending):
    path = tmp_path / f"table.{ending}"
    with open_table(path, ending) as writer:
        writer.write(TABLE.slice(0, 1))
        writer.write(TABLE.slice(1, 1))
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if ending.endswith("gz") else raw).decode()
    assert [json.loads(line) for line in text.splitlines()] == [
        {
            "event_id": "a",
            "at": "2025-02-19T21:20:00.000001Z",
            "genres": ["War", "Music"],
            "note": "said “yes”, then",
            "value": 1.5,
        },
        {
            "event_id": "b",
            "at": "1970-01-01T00:00:00.000000Z",
            "genres": [],
            "note": None,
            "value": None,
        },
    ]


def test_parquet_comes_back_as_it_was(tmp_path):
    path = tmp_path / "table.parquet"
    with open_table(path, "parquet") as writer:
        writer.write(TABLE)
        writer.write(TABLE)
    back = pl.read_parquet(path)
    assert back.equals(pl.concat([pl.from_arrow(TABLE)] * 2))
    assert back.schema["at"] == pl.Datetime("us", "UTC")


def test_extra_lines_go_before_their_row(tmp_path):
    extra = pl.DataFrame({"before": [1, 0], "line": ["between", "first"]})
    path = tmp_path / "table.jsonl"
    rows = pa.table({"n": [0, 1]})
    with open_table(path, "jsonl") as writer:
        writer.write(rows, extra)
    assert path.read_text() == 'first\n{"n":0}\nbetween\n{"n":1}\n'


def test_a_failure_leaves_no_file(tmp_path):
    def fail() -> None:
        with open_table(tmp_path / "table.csv", "csv") as writer:
            writer.write(TABLE)
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        fail()
    assert not list(tmp_path.iterdir())
