"""A landed file without some of its records, every other byte as it was; a piece at a time."""

import contextlib
import gzip
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from assets.ingest.lines import split_lines

_GZIP, _PARQUET = b"\x1f\x8b", b"PAR1"
_CHUNK = 4 * 1024**2
_LEVEL = 6  # of gzip
Lines = NDArray[np.int64]
END = np.iinfo(np.int64).max
"""What follows a file's last record."""


@dataclass(frozen=True)
class Gone:
    """The records of a file that are left out.

    Attributes:
        first: (n,) first line (Parquet: row, from 1) of each, ascending.
        after: (n,) first line of the record after it, or END.
        is_all: whether they are all records of the file.
    """

    first: Lines
    after: Lines
    is_all: bool = False


def write_without(path: Path, target: Path, gone: Gone) -> None:
    """Writes a file's content but for some records, packed as it was.

    Args:
        path: the file: Parquet, CSV or JSON lines, plain or gzipped.
        target: where to.
        gone: what is left out.
    """
    with path.open("rb") as source, target.open("wb") as sink:
        packed = source.read(2) == _GZIP
        source.seek(0)
        if not packed:
            _write(source, sink, gone)
            return
        with (
            gzip.GzipFile(fileobj=source) as plain,
            gzip.GzipFile("", "wb", _LEVEL, sink, mtime=0) as packing,
        ):
            _write(plain, packing, gone)  # type: ignore[arg-type]  # all that is used of them


def _write(source: BinaryIO, sink: BinaryIO, gone: Gone) -> None:
    is_parquet = source.read(len(_PARQUET)) == _PARQUET
    source.seek(0)
    if not is_parquet:
        for piece in _pieces(source, gone):
            sink.write(piece)
        return
    with _spooled(source) as whole, tempfile.TemporaryFile() as rest:
        _write_rows(whole, rest, gone)
        rest.seek(0)
        shutil.copyfileobj(rest, sink)


@contextlib.contextmanager
def _spooled(source: BinaryIO) -> Iterator[BinaryIO]:
    """Unpacks a stream to a temporary file: Parquet is read from its end."""
    if not isinstance(source, gzip.GzipFile):
        yield source
        return
    with tempfile.TemporaryFile() as whole:
        shutil.copyfileobj(source, whole)
        whole.seek(0)
        yield whole


def _write_rows(source: BinaryIO, sink: BinaryIO, gone: Gone) -> None:
    """Copies the rows that stay, a row group at a time."""
    file = pq.ParquetFile(source)
    row = 1
    with pq.ParquetWriter(sink, file.schema_arrow) as writer:
        for place in range(file.num_row_groups):
            group = file.read_row_group(place)
            here = np.arange(row, row + group.num_rows)
            stay = pa.array(np.isin(here, gone.first, invert=True))
            writer.write_table(group.filter(stay))
            row += group.num_rows


def _pieces(source: BinaryIO, gone: Gone) -> Iterator[memoryview]:
    """Yields what lies between the records left out; each ends where the next begins."""
    line, rest = 1, b""
    while True:
        chunk = source.read(_CHUNK)
        buffer = rest + chunk
        if not buffer:
            return
        rest = b"\r" if chunk and buffer.endswith(b"\r") else b""  # it may be half of a CRLF
        buffer = buffer[: len(buffer) - len(rest)]
        _, _, follows = split_lines(np.frombuffer(buffer, np.uint8))
        n_ended = len(follows) - (not buffer.endswith((b"\n", b"\r")))
        # Where the lines `line` to `line + n_ended` begin, as far as they do here, and the end.
        bounds = np.concatenate([[0], follows[: max(0, n_ended)], [len(buffer)]])
        n_ended = len(bounds) - 2
        some = slice(
            np.searchsorted(gone.after, line, side="right"),
            np.searchsorted(gone.first, line + n_ended, side="right"),
        )
        begins = bounds[np.maximum(gone.first[some] - line, 0)].tolist()
        stops = bounds[np.minimum(gone.after[some] - line, n_ended + 1)].tolist()
        whole, done = memoryview(buffer), 0
        for begin, stop in zip(begins, stops, strict=True):
            yield whole[done:begin]
            done = stop
        yield whole[done:]
        line += n_ended
