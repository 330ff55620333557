"""Parquet files: typed columns, read in batches; any damage refuses the file as a whole."""

from collections.abc import Collection, Iterator
from typing import Any, BinaryIO

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from assets.ingest.block import Block, Rows, nothing_refused, refuse
from assets.ingest.fields import FileKind, resolve
from core.errors import UnreadableFile
from core.ingest_settings import IngestSettings, Mapping

_MAX_BATCH = 131_072
_MAX_FOOTER = 64 * 1024**2  # bytes that one string or list of the footer may claim


class ParquetSource:
    """A Parquet file."""

    def __init__(self, stream: BinaryIO, settings: IngestSettings) -> None:
        """Opens the footer.

        Raises:
            UnreadableFile: it is torn, or the file claims to hold more than `max_file_bytes`.
        """
        self._settings = settings
        self._file = pq.ParquetFile(
            stream,
            thrift_string_size_limit=_MAX_FOOTER,
            thrift_container_size_limit=_MAX_FOOTER // 64,
            page_checksum_verification=True,
        )
        self._schema = self._file.schema_arrow
        self.columns: Collection[str] = tuple(self._schema.names)
        footer = self._file.metadata
        groups = [footer.row_group(place).total_byte_size for place in range(footer.num_row_groups)]
        # A run of equal values takes no room, so rows count at least one byte each.
        size = max(sum(groups), footer.num_rows)
        if size > settings.max_file_bytes:
            raise UnreadableFile(
                f"holds {size} bytes decompressed, the limit is {settings.max_file_bytes}; "
                "split it or raise ingest.max_file_bytes"
            )
        row_bytes = max(1, size // max(1, footer.num_rows))
        self._batch = max(1, min(_MAX_BATCH, settings.block_bytes // row_bytes))

    def blocks(self, kind: FileKind, mapping: Mapping) -> Iterator[Block]:
        """Yields all rows in file order.

        Raises:
            UnreadableFile: the footer's row count is wrong, or a needed column stands twice.
        """
        fields = resolve(kind, self.columns, mapping)
        for source in fields.values():
            if list(self.columns).count(source) > 1:
                raise UnreadableFile(f"column {source!r} stands twice; keep one")
        names = list(dict.fromkeys(fields.values()))
        read = 0
        for batch in self._file.iter_batches(self._batch, columns=names, use_threads=False):
            yield self._block(batch, fields, read)
            read += batch.num_rows
        if read != self._file.metadata.num_rows:
            raise UnreadableFile(
                f"the footer promises {self._file.metadata.num_rows} rows, {read} are there; "
                "send the file again"
            )

    def _block(self, batch: Any, fields: dict[str, str], read: int) -> Block:
        cells, units = {}, {}
        bad = np.zeros(batch.num_rows, bool)
        for name, source in fields.items():
            column = batch.column(source)
            if pa.types.is_timestamp(column.type):
                units[name] = column.type.unit
                column = column.cast(pa.int64())
            else:
                column, invalid = _as_valid(_plain(column))
                bad[invalid] = True
            cells[name] = pl.Series(name, column)
        lines = np.arange(read + 1, read + 1 + batch.num_rows, dtype=np.int64)
        refused = nothing_refused()
        if bad.any():
            rows = np.flatnonzero(bad)
            refused = refuse(lines[rows], _raw(cells, rows), ["not valid UTF-8"] * len(rows))
            cells = {name: column.filter(~bad) for name, column in cells.items()}
            lines = lines[~bad]
        return Block(cells, lines, lambda rows: _raw(cells, rows), refused, units)


def _plain(column: Any) -> Any:
    """Returns a column without dictionary or extension types, binary where it is text."""
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_binary(kind) or pa.types.is_string_view(kind):
        return column.cast(pa.large_binary())
    return column


def _as_valid(column: Any) -> tuple[Any, list[int]]:
    """Returns a text column checked to be UTF-8 (null where it is not) and the rows that are not.

    Parquet's readers do not check this, and Polars relies on it.
    """
    if pa.types.is_large_string(column.type) or pa.types.is_large_binary(column.type):
        column = column.cast(pa.large_binary())
        try:
            return column.cast(pa.large_string()), []
        except pa.ArrowInvalid:
            values = [_decoded(value) for value in column.to_pylist()]
            invalid = [row for row, value in enumerate(values) if value is False]
            texts = [value or None for value in values]
            return pa.array(texts, pa.large_string()), invalid
    column.validate(full=True)
    return column, []


def _decoded(value: bytes | None) -> str | bool | None:
    try:
        return None if value is None else value.decode("utf-8")
    except UnicodeDecodeError:
        return False


def _raw(cells: dict[str, pl.Series], rows: Rows) -> list[str]:
    """Returns rows as JSON text."""
    shown = pl.DataFrame(cells)[rows].select(
        pl.col(name)
        if isinstance(column.dtype, pl.List | pl.Struct | pl.Array)
        else pl.col(name).cast(pl.String)
        for name, column in cells.items()
    )
    return shown.select(pl.struct(pl.all()).struct.json_encode()).to_series().to_list()
