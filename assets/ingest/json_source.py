"""JSON lines: one object a line, each judged by itself."""

import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from assets.ingest import json_objects
from assets.ingest.block import Block, Rows, as_raw, refuse
from assets.ingest.checked import first_fault, is_not, no_faults
from assets.ingest.fields import Field, FileKind, resolve
from assets.ingest.lines import LineReader, split_lines
from assets.ingest.text import whole_numbers
from assets.ingest.utf8 import invalid_records
from core.ingest_settings import IngestSettings, Mapping
from core.raw_records import RecordForm


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
            yield self._block(piece, kind, keys, RecordForm.of(mapping))

    def _pieces(self) -> Iterator[_Objects]:
        while (buffer := self._reader.read()) is not None:
            content = np.frombuffer(buffer, np.uint8)
            starts, ends, _ = split_lines(content)
            piece = self._objects(content, starts, ends)
            self._line += len(starts)  # before the yield: the first piece's reader never comes back
            yield piece

    def _objects(self, content: NDArray[np.uint8], starts: Rows, ends: Rows) -> _Objects:
        """Tells objects from other lines; blank lines are neither."""
        limit = self._settings.max_record_bytes
        why = no_faults(len(starts))
        why = why.scatter(invalid_records(content, starts, ends), "not valid UTF-8")
        why = why.scatter(np.flatnonzero(ends - starts > limit), f"longer than {limit} bytes")
        fit = np.flatnonzero(why.is_null().to_numpy() & (ends > starts))
        texts = _texts(content, starts, fit)
        given = ~_blank(texts)
        texts, fit = texts.filter(given), fit[given]
        # Every line that begins with a bracket has one; a deep one needs `depth` more.
        depth = self._settings.max_json_depth
        n_opened = ((content == ord("{")) | (content == ord("["))).sum()
        n_objects = (content[starts] == ord("{")).sum()
        faults, keys = json_objects.judge_objects(
            texts, depth, may_nest=bool(n_opened >= n_objects + depth)
        )
        self._keys.update(dict.fromkeys(keys))
        why = why.scatter(fit, faults)
        bad = why.is_not_null().arg_true().to_numpy().astype(np.int64)
        good = faults.is_null()
        return _Objects(
            texts.filter(good),
            self._line + fit[good.to_numpy()],
            refuse(
                self._line + bad,
                [as_raw(content[starts[row] : ends[row]].tobytes()) for row in bad],
                why.gather(bad).to_list(),
            ),
        )

    def _block(self, piece: _Objects, kind: FileKind, keys: list[str], form: RecordForm) -> Block:
        cells, faults = read_members(kind.fields, json_objects.members(piece.texts, keys))
        texts, lines, refused = piece.texts, piece.lines, piece.refused
        if faults:
            fault = first_fault(faults)
            keep, drop = fault.is_null().arg_true(), fault.is_not_null().arg_true()
            raw = texts.gather(drop).str.strip_chars_end("\r\n").to_list()
            odd = refuse(lines[drop.to_numpy()], raw, fault.gather(drop).to_list())
            texts, lines = texts.gather(keep), lines[keep.to_numpy()]
            refused = pl.concat([refused, odd])
            cells = {name: column.gather(keep) for name, column in cells.items()}
        return Block(
            cells,
            lines,
            lambda rows: texts.gather(rows).str.strip_chars_end("\r\n").to_list(),
            refused,
            form=form,
        )


def _texts(content: NDArray[np.uint8], starts: Rows, rows: Rows) -> pl.Series:
    """Returns some lines as text, with their line ends, which JSON reads as blanks."""
    offsets = np.append(starts, len(content))
    lines = pa.Array.from_buffers(
        pa.large_binary(), len(starts), [None, pa.py_buffer(offsets), pa.py_buffer(content)]
    )
    if len(rows) < len(starts):
        lines = lines.take(pa.array(rows))
    return pl.Series(lines.cast(pa.large_string()), dtype=pl.String)


def _blank(texts: pl.Series) -> NDArray[np.bool_]:
    """Returns which lines hold nothing but blanks; long ones are left to the JSON parser."""
    short = np.flatnonzero((texts.str.len_bytes() <= 256).to_numpy())
    blank = np.zeros(len(texts), bool)
    blank[short] = (texts.gather(short).str.strip_chars() == "").to_numpy()
    return blank


def read_members(
    fields: Sequence[Field], values: pl.DataFrame
) -> tuple[dict[str, pl.Series], list[pl.Series]]:
    """Returns members as text by field, and the faults of those that cannot be meant.

    Args:
        fields: what the members should be.
        values: JSON texts, a column for each field in order; null where there is no value.
    """
    plain, only_strings = json_objects.unquoted(values)
    cells, faults = {}, []
    for field, name in zip(fields, values.columns, strict=True):
        texts = plain[name]
        if not only_strings[name]:
            bare = (~values[name].str.starts_with('"')).fill_null(False)
            texts, odd = _read_bare(field, texts, bare)
            if odd.any():
                faults.append(is_not(field.name, field.kind, odd, values[name]))
        cells[field.name] = texts.alias(field.name)
    return cells, faults


def _read_bare(field: Field, texts: pl.Series, bare: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Judges numbers, true, false, arrays and objects: returns the texts, and which are odd."""
    first = texts.str.slice(0, 1)
    match field.kind:
        case "id":
            whole = whole_numbers(texts)
            return whole.zip_with(bare, texts), bare & whole.is_null()
        case "texts" | "ids" | "rungs":
            return texts, bare & (first != "[")
        case "object":
            return texts, bare & (first != "{")
        case "bool":
            return texts, bare & first.is_in(["[", "{"])
        case _:
            return texts, bare & first.is_in(["[", "{", "t", "f"])
