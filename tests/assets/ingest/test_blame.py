"""A file that the machine failed on is not to blame: nothing is noted and it is read again."""

import errno
import gzip
import io

import polars as pl
import pyarrow as pa
import pytest

from assets.ingest import sql
from assets.ingest.blame import reading
from assets.ingest.landing import ingest_file
from assets.ingest.ledger import read_entries
from core.errors import InputError, MachineFault, UnreadableFile
from tests.assets.ingest.conftest import event

OF_THE_MACHINE = [
    *(
        OSError(number, "it says no")
        for number in (
            errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EIO, errno.ENOMEM,
            errno.ENOENT, errno.EROFS, errno.ESTALE, errno.ETIMEDOUT,
        )
    ),
    MemoryError(),
    pa.ArrowMemoryError("malloc of size 64 failed"),
]  # fmt: skip
OF_THE_FILE = [
    OSError("Couldn't deserialize thrift"),
    OSError(errno.EINVAL, "Invalid argument"),
    gzip.BadGzipFile("CRC check failed"),
    pa.ArrowInvalid("no magic"),
    pl.exceptions.ComputeError("no"),
    pl.exceptions.PanicException("index out of bounds"),
    ValueError("no"),
    RecursionError("too deep"),
    ZeroDivisionError(),
]


def packed_parquet() -> bytes:
    stream = io.BytesIO()
    pl.DataFrame([event()]).write_parquet(stream)
    return gzip.compress(stream.getvalue(), mtime=0)


@pytest.mark.parametrize("error", OF_THE_MACHINE, ids=repr)
def test_the_machine_is_to_blame(error):
    with pytest.raises(MachineFault, match=r"x\.csv could not be read for now"), reading("x.csv"):
        raise error


@pytest.mark.parametrize("error", OF_THE_FILE, ids=repr)
def test_the_file_is_to_blame(error):
    with pytest.raises(UnreadableFile, match="send the file again"), reading("x.csv"):
        raise error


class Interrupted(BaseException):
    """What an orchestrator raises to end a run."""


@pytest.mark.parametrize("error", [Interrupted, KeyboardInterrupt, SystemExit, InputError])
def test_nothing_is_to_blame_where_the_run_is_ended(error):
    with pytest.raises(error), reading("x.csv"):
        raise error


@pytest.mark.parametrize("error", OF_THE_MACHINE, ids=repr)
def test_a_file_is_read_once_the_machine_is_well_again(zone, monkeypatch, error):
    zone.land("events.parquet.gz", packed_parquet())

    def fails():
        raise error

    with monkeypatch.context() as patch:
        patch.setattr("assets.ingest.opening.tempfile.TemporaryFile", fails)
        with pytest.raises(MachineFault, match=r"^events\.parquet\.gz could not"):
            zone.ingest()
    assert read_entries(zone.home) == []
    assert not list(zone.home.lake.rglob("*.parquet"))
    report = zone.ingest()
    assert zone.counts(report) == (1, 1, 0, 0)
    assert report.repeated == {}


def test_a_fault_in_the_middle_leaves_no_part_of_the_file(zone, monkeypatch):
    """Rows before the fault are in no table and no index, and come in whole the next time."""
    zone.settings = zone.settings.model_copy(update={"block_bytes": 1024, "flush_rows": 5})
    zone.land_lines("events.jsonl", *(event(event_id=f"e{n}") for n in range(100)))
    real, calls = sql.select, []

    def fails_late(query, **frames):
        calls.append(query)
        if len(calls) > 20:
            raise MemoryError
        return real(query, **frames)

    with monkeypatch.context() as patch:
        for module in ("times", "json_objects"):
            patch.setattr(f"assets.ingest.{module}.select", fails_late)
        with pytest.raises(MachineFault):
            zone.ingest()
    assert not list(zone.home.lake.rglob("*.parquet"))
    assert zone.counts(zone.ingest()) == (100, 100, 0, 0)


def test_a_run_that_is_ended_leaves_the_file_alone(zone, monkeypatch):
    zone.land_lines("events.jsonl", event())

    def ended(*_):
        raise Interrupted

    with monkeypatch.context() as patch:
        patch.setattr("assets.ingest.pouring.conform", ended)
        with pytest.raises(Interrupted):
            zone.ingest()
    assert read_entries(zone.home) == []
    assert zone.counts(zone.ingest()) == (1, 1, 0, 0)


def test_a_file_that_vanishes_before_it_is_opened_is_nobody_s_fault(zone, monkeypatch):
    path = zone.land_lines("events.jsonl", event())

    def vanishes(found):
        path.unlink()
        return "0" * 64

    monkeypatch.setattr("assets.ingest.one_file.hash_file", vanishes)
    with pytest.raises(InputError, match=r"events\.jsonl cannot be opened \(No such file"):
        ingest_file(zone.home, path, None, zone.settings)
    assert read_entries(zone.home) == []


def test_duckdb_out_of_memory_is_a_memory_error():
    database = sql._database()
    [[limit]] = database.sql("select current_setting('memory_limit')").fetchall()
    database.execute("set memory_limit = '1MB'")
    try:
        with pytest.raises(MemoryError):
            sql.select("select list(range) from range(10_000_000)")
    finally:
        database.execute(f"set memory_limit = '{limit}'")
