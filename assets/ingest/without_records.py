"""A landed file without some of its records, every other byte as it was."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from assets.ingest.lines import split_lines

_GZIP, _PARQUET = b"\x1f\x8b", b"PAR1"
Lines = NDArray[np.int64]


def write_without(path: Path, target: Path, gone: Lines, starts: Lines) -> None:
    """Writes a file's content but for some records, packed as it was.

    Args:
        path: the file: Parquet, CSV or JSON lines, plain or gzipped.
        target: where to.
        gone: first line (Parquet: row, from 1) of each record that is left out, ascending.
        starts: the same of every record of the file, ascending.
    """
    content = path.read_bytes()
    packed = content.startswith(_GZIP)
    plain = gzip.decompress(content) if packed else content
    if plain.startswith(_PARQUET):
        rest = _parquet_without(plain, gone)
    else:
        rest = b"".join(_pieces(plain, gone, starts))
    target.write_bytes(gzip.compress(rest, mtime=0) if packed else rest)


def _parquet_without(content: bytes, gone: Lines) -> bytes:
    table = pq.read_table(pa.BufferReader(content))
    keep = np.ones(table.num_rows, dtype=bool)
    keep[gone - 1] = False
    sink = pa.BufferOutputStream()
    pq.write_table(table.filter(pa.array(keep)), sink)
    rest: bytes = sink.getvalue().to_pybytes()
    return rest


def _pieces(content: bytes, gone: Lines, starts: Lines) -> Iterator[bytes]:
    """Yields what lies between the records left out; each ends where the next begins."""
    begin, _, follow = split_lines(np.frombuffer(content, np.uint8))
    next_start = np.append(starts, len(begin) + 1)[np.searchsorted(starts, gone, side="right")]
    done = 0
    for first, after in zip(begin[gone - 1], follow[next_start - 2], strict=True):
        yield content[done:first]
        done = int(after)
    yield content[done:]
