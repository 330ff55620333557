"""A piece of a file on its way from a reader to the lake."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.ingest.fields import FileKind
from core.ingest_settings import Mapping
from core.raw_records import RecordForm

REFUSED = {"line": pl.Int64(), "raw": pl.String(), "reason": pl.String()}
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Block:
    """Records of a file, B of them parsed, some refused already.

    Attributes:
        cells: one column of B values by standard name, as text or in the source's own type.
        lines: (B,) the physical line (or row, from 1) at which each record starts.
        raw: returns the whole text of the records at the given places, as it stood in the file.
        refused: records that no parser understands, as `REFUSED`, with their whole text.
        time_units: what the integers of a time column count, where the file itself says so.
        form: how the texts of its records are written.
    """

    cells: dict[str, pl.Series]
    lines: Rows
    raw: Callable[[Rows], Sequence[str]]
    refused: pl.DataFrame
    time_units: dict[str, str] = field(default_factory=dict)
    form: RecordForm = field(default_factory=RecordForm)

    @property
    def n_records(self) -> int:
        """Records found, parsed or not."""
        return len(self.lines) + len(self.refused)


class Source(Protocol):
    """An open file of records."""

    @property
    def columns(self) -> Collection[str]:
        """The names of the file's columns, in its order; those of JSON lines as far as read."""
        ...

    def blocks(self, kind: FileKind, mapping: Mapping) -> Iterator[Block]:
        """Yields all records in file order; raises UnreadableFile where the rest is lost."""
        ...


def refuse(
    lines: Sequence[int] | Rows, raw: Sequence[str | None], reasons: Sequence[str]
) -> pl.DataFrame:
    """Returns refused records as a frame."""
    return pl.DataFrame({"line": lines, "raw": raw, "reason": reasons}, schema=REFUSED)


def nothing_refused() -> pl.DataFrame:
    """Returns an empty frame of refused records."""
    return pl.DataFrame(schema=REFUSED)


def as_raw(content: bytes) -> str:
    """Returns a record's bytes as text; what is no UTF-8 shows as `\\xNN`."""
    return content.decode("utf-8", "backslashreplace")


def cut_raw(raw: pl.Series, max_bytes: int) -> pl.Series:
    """Returns texts of at most `max_bytes` bytes of UTF-8, those that are longer cut there."""
    long = (raw.str.len_bytes() > max_bytes).fill_null(False).arg_true()
    cut = [text.encode()[:max_bytes].decode("utf-8", "ignore") for text in raw.gather(long)]
    return raw.clone().scatter(long, cut) if cut else raw
