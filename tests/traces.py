"""Looks for a text in every file under a folder, whatever the file is packed in."""

import gzip
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def traces(folder: Path, *texts: str) -> dict[str, list[str]]:
    """Returns, by file, the texts that stand in it: in its bytes, or unpacked, or in its name.

    Unpacked are gzip, zip (npz) and Parquet, whose every column is looked at, with dictionaries
    and statistics; records, SQLite, safetensors, JSON and all else are searched as they are.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        pieces = [name.encode(), *(unpacked(path.read_bytes()) if path.is_file() else ())]
        content = b"\0".join(pieces)
        if here := [text for text in texts if text.encode() in content]:
            found[name] = here
    return found


def unpacked(content: bytes) -> Iterator[bytes]:
    """Yields the bytes as they are, and all that is packed in them."""
    yield content
    if content.startswith(b"\x1f\x8b"):
        try:
            inner = gzip.decompress(content)
        except (OSError, EOFError, gzip.BadGzipFile):
            return
        yield from unpacked(inner)
    elif content.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield from unpacked(archive.read(name))
    elif content.startswith(b"PAR1"):
        try:
            table = pq.read_table(io.BytesIO(content))
        except (pa.ArrowException, OSError):
            return
        for column in table.columns:
            yield from _texts(column.combine_chunks())


def _texts(column: pa.Array) -> Iterator[bytes]:
    """Yields a column's strings, those in lists too, joined by NUL."""
    if isinstance(column, pa.ChunkedArray):
        for chunk in column.chunks:
            yield from _texts(chunk)
    elif pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        yield from _texts(column.flatten())
    elif pa.types.is_struct(column.type):
        for child in column.flatten():
            yield from _texts(child)
    elif pa.types.is_dictionary(column.type):
        yield from _texts(column.dictionary)
    elif pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        yield b"\0".join(value.encode() for value in column.to_pylist() if value is not None)
    elif pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        yield b"\0".join(value for value in column.to_pylist() if value is not None)
