"""JSON lines: one object a line, each judged by itself."""

import itertools
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from assets.ingest import json_objects
from assets.ingest.block import Block, Rows, cut_raw, refuse
from assets.ingest.checked import first_fault, is_not
from assets.ingest.fields import Field, FileKind, resolve
from assets.ingest.lines import LineReader, split_lines
from assets.ingest.text import whole_numbers
from assets.ingest.utf8 import invalid_records
from core.ingest_settings import IngestSettings, Mapping


@dataclass(frozen=True)
class _Objects:
    """The objects of one buffer, their lines, and the lines that are no object."""

    texts: pl.Series
    lines: Rows
    refused: pl.DataFrame


class JsonSource:
    """A JSON lines file; its columns are the keys met so far."""

    def __init__(self, stream: BinaryIO, settings: IngestSettings) -> None:
        """Reads up to the first block that holds an object, whose keys tell the columns."""
        self._settings = settings
        self._reader = LineReader(stream, settings.block_bytes, settings.max_record_bytes)
        self._line = 1
        self._keys: dict[str, None] = {}
        self._first: list[_Objects] = []
        for piece in self._pieces():
            self._first.append(piece)
            if len(piece.texts):
                break

    @property
    def columns(self) -> Collection[str]:
        """The keys met so far, in order."""
        return tuple(self._keys)

    def blocks(self, kind: FileKind, mapping: Mapping) -> Iterator[Block]:
        """Yields all records in file order; raises UnreadableFile where the stream breaks."""
        found = resolve(kind, self.columns, mapping)
        keys = [found.get(f.name, mapping.columns.get(f.name, f.name)) for f in kind.fields]
        for piece in itertools.chain(self._first, self._pieces()):
            yield self._block(piece, kind, keys)

    def _pieces(self) -> Iterator[_Objects]:
        while (buffer := self._reader.read()) is not None:
            content = np.frombuffer(buffer, np.uint8)
            starts, ends, _ = split_lines(content)
            yield self._objects(content, starts, ends)
            self._line += len(starts)

    def _objects(self, content: NDArray[np.uint8], starts: Rows, ends: Rows) -> _Objects:
        """Tells objects from other lines; blank lines are neither."""
        limit = self._settings.max_record_bytes
        why = np.full(len(starts), None, object)
        why[invalid_records(content, starts, ends)] = "not valid UTF-8"
        why[ends - starts > limit] = f"longer than {limit} bytes"
        fit = np.flatnonzero(pl.Series(why, dtype=pl.String).is_null().to_numpy() & (ends > starts))
        texts = _texts(content, starts, fit)
        given = (texts.str.len_bytes() > 256) | (texts.str.strip_chars() != "")
        texts, fit = texts.filter(given), fit[given.to_numpy()]
        faults = json_objects.object_faults(texts, self._settings.max_json_depth)
        whole = faults.is_null().arg_true()
        repeated, keys = json_objects.repeated_keys(texts.gather(whole))
        self._keys.update(dict.fromkeys(keys))
        if repeated.null_count() < len(repeated):
            said = pl.select(pl.format("key '{}' stands twice", repeated)).to_series()
            faults = faults.scatter(whole, said)
        why[fit] = faults.to_numpy()
        reasons = pl.Series(why, dtype=pl.String)
        bad = reasons.is_not_null().arg_true().to_numpy().astype(np.int64)
        good = faults.is_null()
        return _Objects(
            texts.filter(good),
            self._line + fit[good.to_numpy()],
            refuse(
                self._line + bad,
                [self._raw(content[starts[row] : ends[row]].tobytes()) for row in bad],
                reasons.gather(bad).to_list(),
            ),
        )

    def _block(self, piece: _Objects, kind: FileKind, keys: list[str]) -> Block:
        values = json_objects.members(piece.texts, keys)
        read = [read_member(field, value) for field, value in zip(kind.fields, values, strict=True)]
        cells = {field.name: cell for field, (cell, _) in zip(kind.fields, read, strict=True)}
        texts, lines, refused = piece.texts, piece.lines, piece.refused
        if faults := [fault for _, fault in read if fault is not None]:
            fault = first_fault(faults)
            keep, drop = fault.is_null().arg_true(), fault.is_not_null().arg_true()
            raw = [self._raw(text.encode()) for text in texts.gather(drop)]
            odd = refuse(lines[drop.to_numpy()], raw, fault.gather(drop).to_list())
            texts, lines = texts.gather(keep), lines[keep.to_numpy()]
            refused = pl.concat([refused, odd])
            cells = {name: column.gather(keep) for name, column in cells.items()}
        return Block(
            cells,
            lines,
            lambda rows: [self._raw(text.encode()) for text in texts.gather(rows)],
            refused,
        )

    def _raw(self, content: bytes) -> str:
        return cut_raw(content.rstrip(b"\r\n"), self._settings.max_raw_bytes)


def _texts(content: NDArray[np.uint8], starts: Rows, rows: Rows) -> pl.Series:
    """Returns some lines as text, with their line ends, which JSON reads as blanks."""
    offsets = np.append(starts, len(content))
    lines = pa.Array.from_buffers(
        pa.large_binary(), len(starts), [None, pa.py_buffer(offsets), pa.py_buffer(content)]
    )
    if len(rows) < len(starts):
        lines = lines.take(pa.array(rows))
    return pl.Series(lines.cast(pa.large_string()), dtype=pl.String)


def read_member(field: Field, values: pl.Series) -> tuple[pl.Series, pl.Series | None]:
    """Returns a member's values as text, and why each cannot be meant (None where all can).

    Args:
        field: what the member should be.
        values: JSON texts, null where an object lacks the member.
    """
    texts = values.set(values == "null", None)
    is_string = texts.str.starts_with('"')
    if is_string.any():
        strings = json_objects.unquoted(texts.set(~is_string, None))
        texts = strings.zip_with(is_string.fill_null(True), texts)
    if is_string.drop_nulls().all():
        return texts.alias(field.name), None
    bare = (~is_string).fill_null(False)  # numbers, true, false, arrays, objects
    first = texts.str.slice(0, 1)
    if field.kind == "id":
        whole = whole_numbers(texts)
        odd = bare & whole.is_null()
        texts = whole.zip_with(bare, texts)
    elif field.kind in ("texts", "object"):
        odd = bare & (first != ("[" if field.kind == "texts" else "{"))
    elif field.kind == "bool":
        odd = bare & first.is_in(["[", "{"])
    else:
        odd = bare & first.is_in(["[", "{", "t", "f"])
    fault = is_not(field.name, field.kind, odd, values) if odd.any() else None
    return texts.alias(field.name), fault
