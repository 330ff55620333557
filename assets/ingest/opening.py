"""From a path to a source of records: decompressed within limits, told by its first bytes."""

import contextlib
import gzip
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from assets.ingest.access import accessible
from assets.ingest.block import Source
from assets.ingest.csv_source import CsvSource
from assets.ingest.json_source import JsonSource
from assets.ingest.parquet_source import ParquetSource
from core.errors import UnreadableFile
from core.ingest_settings import IngestSettings

_GZIP = b"\x1f\x8b"
_PARQUET = b"PAR1"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_FREE_BYTES = 64 * 1024**2  # up to here any compression ratio is believed
_CHUNK = 1024**2
_HEAD = 65_536  # bytes that tell the format


@contextlib.contextmanager
def opened(path: Path, settings: IngestSettings) -> Iterator[Source]:
    """Opens a file as a source of records.

    Raises:
        InputError: it vanished or may not be opened.
        UnreadableFile: it is empty, torn, larger than allowed, or of no known format.
    """
    with contextlib.ExitStack() as stack:
        stream: BinaryIO = stack.enter_context(_open(path))
        if not (size := os.fstat(stream.fileno()).st_size):
            raise UnreadableFile("the file is empty (0 bytes); send it again")
        head = _peek(stream)
        if head.startswith(_GZIP):
            unzipped = stack.enter_context(gzip.GzipFile(fileobj=stream))
            stream = _Limited(unzipped, size, settings)  # type: ignore[assignment]  # all that is read of it
            head = stream.read(_HEAD)
            if head.startswith(_PARQUET):
                stream = stack.enter_context(_spooled(head, stream))
            else:
                stream = _Chained(head, stream)  # type: ignore[assignment]  # all that is read of it
        elif size > settings.max_file_bytes:
            raise UnreadableFile(
                f"has {size} bytes, the limit is {settings.max_file_bytes}; split it or raise "
                "ingest.max_file_bytes"
            )
        yield _source(head, stream, settings)


def _open(path: Path) -> BinaryIO:
    with accessible(path):
        return path.open("rb")


def _peek(stream: BinaryIO) -> bytes:
    head = stream.read(_HEAD)
    stream.seek(0)
    return head


def _source(head: bytes, stream: BinaryIO, settings: IngestSettings) -> Source:
    """Returns the reader for what the first bytes say."""
    if head.startswith(_PARQUET):
        return ParquetSource(stream, settings)
    if head.startswith(_UTF16):
        raise UnreadableFile("is text in UTF-16; send it in UTF-8")
    text = head.removeprefix(b"\xef\xbb\xbf").strip()
    lines = [line.strip() for line in text.splitlines()]
    n_objects = sum(line.startswith(b"{") and line.endswith(b"}") for line in lines)
    if text.startswith(b"{") or n_objects > len(lines) / 2:
        return JsonSource(stream, settings)
    if text.startswith(b"["):
        raise UnreadableFile("is one JSON array; send JSON lines, one object a line")
    return CsvSource(stream, settings)


@contextlib.contextmanager
def _spooled(head: bytes, stream: BinaryIO) -> Iterator[BinaryIO]:
    """Unpacks a stream to a temporary file, for a format that must be read from its end."""
    with tempfile.TemporaryFile() as whole:
        whole.write(head)
        while chunk := stream.read(_CHUNK):
            whole.write(chunk)
        whole.seek(0)
        yield whole


class _Limited:
    """A decompressed stream that refuses to grow beyond what its file can mean."""

    def __init__(self, stream: gzip.GzipFile, n_compressed: int, settings: IngestSettings) -> None:
        self._stream = stream
        self._n_compressed = n_compressed
        self._settings = settings
        self._n_read = 0

    def read(self, n_bytes: int) -> bytes:
        chunk = self._stream.read(n_bytes)
        self._n_read += len(chunk)
        ratio = self._settings.max_compression_ratio
        if self._n_read > self._settings.max_file_bytes:
            raise UnreadableFile(
                f"decompresses to more than {self._settings.max_file_bytes} bytes; split it or "
                "raise ingest.max_file_bytes"
            )
        if self._n_read > _FREE_BYTES and self._n_read > ratio * self._n_compressed:
            raise UnreadableFile(
                f"decompresses to more than {ratio} times its {self._n_compressed} bytes; if it "
                "is no bomb raise ingest.max_compression_ratio"
            )
        return chunk


class _Chained:
    """A stream whose first bytes have been looked at."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        self._head = head
        self._stream = stream

    def read(self, n_bytes: int) -> bytes:
        if self._head:
            head, self._head = self._head[:n_bytes], self._head[n_bytes:]
            return head
        return self._stream.read(n_bytes)
