"""CSV files: comma, semicolon, tab or bar, quoted or not, broken here and there."""

import csv
from collections.abc import Collection, Iterator
from typing import BinaryIO

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from assets.ingest.block import Block, Rows, as_raw, refuse
from assets.ingest.csv_records import FAULTS, CsvRecords, CsvShape, find_records
from assets.ingest.fields import FileKind, resolve
from assets.ingest.lines import LineReader, split_lines
from core.errors import UnreadableFile
from core.ingest_settings import IngestSettings, Mapping
from core.raw_records import RecordForm

_SEPARATORS = ",;\t|"


class CsvSource:
    """A CSV file whose first line names its columns."""

    def __init__(self, stream: BinaryIO, settings: IngestSettings) -> None:
        """Reads the header.

        Raises:
            UnreadableFile: there is no header, or it is no text.
        """
        self._settings = settings
        self._reader = LineReader(stream, settings.block_bytes, settings.max_record_bytes)
        header, self._rest, self._line = self._read_header()
        self._separator = max(_SEPARATORS, key=header.count)  # the first of equals: comma
        names = next(csv.reader([header], delimiter=self._separator))
        self._names = [name.strip().strip("\ufeff") for name in names]
        self.columns: Collection[str] = tuple(self._names)

    def blocks(self, kind: FileKind, mapping: Mapping) -> Iterator[Block]:
        """Yields all records in file order.

        Raises:
            UnreadableFile: a needed column stands twice in the header, or the stream breaks.
        """
        fields = resolve(kind, self._names, mapping)
        for source in fields.values():
            if self._names.count(source) > 1:
                raise UnreadableFile(f"column {source!r} stands twice in the header; keep one")
        shape = CsvShape(
            ord(self._separator), len(self._names),
            self._settings.max_record_bytes, self._settings.max_record_lines,
        )  # fmt: skip
        form = RecordForm.of(mapping, self._names, self._separator)
        buffer, upcoming = self._rest, self._reader.read()
        while buffer or upcoming is not None:
            records = find_records(np.frombuffer(buffer, np.uint8), shape, final=upcoming is None)
            if len(records.starts):
                yield self._block(buffer, records, fields, shape, form)
            self._line += records.n_lines
            buffer = buffer[records.n_bytes :] + (upcoming or b"")
            upcoming = None if upcoming is None else self._reader.read()

    def _read_header(self) -> tuple[str, bytes, int]:
        """Returns the first line that is not blank, what follows it, and that one's line number."""
        line = 1
        while (buffer := self._reader.read()) is not None:
            starts, ends, follows = split_lines(np.frombuffer(buffer, np.uint8))
            for row in range(len(starts)):
                if header := buffer[starts[row] : ends[row]].strip():
                    return _header_text(header), buffer[follows[row] :], line + row + 1
            line += len(starts)
        raise UnreadableFile("the file holds nothing but blank lines; send one with a header")

    def _block(
        self,
        buffer: bytes,
        records: CsvRecords,
        fields: dict[str, str],
        shape: CsvShape,
        form: RecordForm,
    ) -> Block:
        good = records.faults == 0
        whole = memoryview(buffer)
        starts, ends = records.starts[good], records.ends[good]

        def text(start: int, end: int) -> str:
            return as_raw(bytes(whole[start:end]))

        def raw(rows: Rows) -> list[str]:
            return [text(*bounds) for bounds in zip(starts[rows], ends[rows], strict=True)]

        bad = np.flatnonzero(~good)
        return Block(
            cells=self._parse(_joined(buffer, records, good), int(good.sum()), fields),
            lines=self._line + records.lines[good],
            raw=raw,
            form=form,
            refused=refuse(
                self._line + records.lines[bad],
                [text(*b) for b in zip(records.starts[bad], records.ends[bad], strict=True)],
                [
                    FAULTS[int(records.faults[row])].format(
                        max_bytes=shape.max_bytes,
                        found=records.n_found[row],
                        expected=shape.n_fields,
                    )
                    for row in bad
                ],
            ),
        )

    def _parse(
        self, content: memoryview, n_records: int, fields: dict[str, str]
    ) -> dict[str, pl.Series]:
        """Returns the needed columns of well-formed records, all as text."""
        if not n_records:
            return {name: pl.Series(name, [], pl.String) for name in fields}
        numbered = [str(number) for number in range(len(self._names))]
        wanted = {name: numbered[self._names.index(source)] for name, source in fields.items()}
        table = pa_csv.read_csv(
            pa.BufferReader(content),
            read_options=pa_csv.ReadOptions(
                column_names=numbered, block_size=len(content) + 1, use_threads=False
            ),
            parse_options=pa_csv.ParseOptions(
                delimiter=self._separator, newlines_in_values=True, ignore_empty_lines=False
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(wanted.values(), pa.large_string()),
                include_columns=list(dict.fromkeys(wanted.values())),
                strings_can_be_null=False,
                check_utf8=False,
            ),
        )
        if table.num_rows != n_records:
            raise UnreadableFile(
                f"{n_records} CSV records near line {self._line} parse as {table.num_rows}; "
                "send the file as Parquet or JSON lines"
            )
        return {name: pl.Series(name, table.column(number)) for name, number in wanted.items()}


def _header_text(header: bytes) -> str:
    """Returns the header as text; raises UnreadableFile where it is none."""
    try:
        text = header.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text or len(text) > 65_536:
        raise UnreadableFile("neither Parquet, CSV nor JSON lines; send one of these, in UTF-8")
    if text.count('"') % 2:
        raise UnreadableFile("the header, its first line, leaves a quote open; close it")
    return text


def _joined(buffer: bytes, records: CsvRecords, good: NDArray[np.bool_]) -> memoryview:
    """Returns the bytes of the good records, one after the other."""
    whole = memoryview(buffer)
    if good.all() and (records.starts[1:] == records.follows[:-1]).all():
        return whole[records.starts[0] : records.follows[-1]]
    edges = np.zeros(len(buffer) + 1, np.int8)
    edges[records.starts[good]] += 1
    edges[records.follows[good]] -= 1
    kept = np.cumsum(edges[:-1], dtype=np.int8).astype(bool)
    return memoryview(np.frombuffer(buffer, np.uint8)[kept])
