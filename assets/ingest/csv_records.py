"""Where CSV records begin and end, and which of them are broken; found without parsing values.

A quote that is never closed must not swallow the rest of the file. So lines with an odd number of
quotes are paired: one opens a field that spans lines, the next closes it. A pair that does not
make a record (a quote in the wrong place, too many lines or bytes) costs its first line only, and
reading resumes at the next one.

Legend: R records of one buffer.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assets.ingest.csv_marks import Bytes, Marks, Places
from assets.ingest.lines import split_lines
from assets.ingest.utf8 import invalid_records

FAULTS = {
    0: "",
    1: "open quote: its field does not end where a field may end",
    2: "longer than {max_bytes} bytes",
    3: "stray quote inside a field",
    4: "{found} fields where the header has {expected}",
    5: "holds a NUL byte",
    6: "not valid UTF-8",
}
_OPEN, _LONG, _STRAY, _FIELDS, _NUL, _UTF8 = range(1, 7)


@dataclass(frozen=True)
class CsvShape:
    """What a record of a file must look like.

    Attributes:
        separator: the byte between fields.
        n_fields: fields of the header.
        max_bytes: longest record.
        max_lines: most physical lines of a record.
    """

    separator: int
    n_fields: int
    max_bytes: int
    max_lines: int


@dataclass(frozen=True)
class CsvRecords:
    """The records of one buffer, blank lines left out.

    Attributes:
        starts: (R,) first byte.
        ends: (R,) byte after the text, before the line end.
        follows: (R,) byte after the line end.
        lines: (R,) line of the first byte, from 0 at the buffer's start.
        faults: (R,) 0, or a key of FAULTS.
        n_found: (R,) fields found.
        n_bytes: how much of the buffer is settled; the rest is an open record.
        n_lines: lines in that part.
    """

    starts: Places
    ends: Places
    follows: Places
    lines: Places
    faults: NDArray[np.uint8]
    n_found: Places
    n_bytes: int
    n_lines: int


def find_records(buffer: Bytes, shape: CsvShape, *, final: bool) -> CsvRecords:
    """Returns the records of a buffer of whole lines.

    Args:
        buffer: the bytes; they begin at a record.
        shape: what a record must look like.
        final: whether nothing follows; else a record that is still open is left for later.
    """
    starts, ends, follows = split_lines(buffer)
    marks = Marks.of(buffer, shape.separator, starts, ends)
    first, last, broken, n_lines = _group(marks, starts, ends, shape, final)
    faults = np.zeros(len(first), np.uint8)
    n_found = marks.n_separators(first, last) + 1
    record_starts, record_ends = starts[first], ends[last]
    # Later assignments win: the cause stands above what follows from it.
    faults[n_found != shape.n_fields] = _FIELDS
    faults[invalid_records(buffer, record_starts, record_ends)] = _UTF8
    zeros = np.flatnonzero(buffer == 0)
    faults[_between(zeros, record_starts, record_ends) > 0] = _NUL
    faults[marks.n_misplaced(first, last) > 0] = _STRAY
    faults[np.searchsorted(first, broken)] = _OPEN
    faults[record_ends - record_starts > shape.max_bytes] = _LONG
    kept = ~_blank(buffer, record_starts, record_ends, faults == _FIELDS)
    return CsvRecords(
        record_starts[kept], record_ends[kept], follows[last][kept], first[kept], faults[kept],
        n_found[kept], int(follows[n_lines - 1]) if n_lines else 0, n_lines,
    )  # fmt: skip


def _group(
    marks: Marks, starts: Places, ends: Places, shape: CsvShape, final: bool
) -> tuple[Places, Places, Places, int]:
    """Groups lines into records.

    Returns:
        first line of each record, its last line, the lines whose quote stays open, and the number
        of lines that are settled.
    """
    n_lines = len(starts)
    odd = np.flatnonzero((marks.after - marks.before) & 1)
    opening, closing = odd[:-1], odd[1:]
    pairs = (
        (closing - opening < shape.max_lines)
        & (ends[closing] - starts[opening] <= shape.max_bytes)
        & (marks.n_misplaced(opening, closing) == 0)
    ).tolist()
    joined: list[int] = []
    broken: list[int] = []
    place = 0
    while place < len(odd):
        if place < len(pairs) and pairs[place]:
            joined.append(place)
            place += 2
            continue
        line = int(odd[place])
        hopeless = (
            place < len(pairs)
            or final
            or n_lines - line >= shape.max_lines
            or ends[-1] - starts[line] > shape.max_bytes
        )
        if not hopeless:
            n_lines = line
            break
        broken.append(line)
        place += 1
    opens, closes = opening[joined], closing[joined]
    inside = np.zeros(len(starts) + 1, np.int64)
    inside[opens + 1] += 1
    inside[closes + 1] -= 1
    first = np.flatnonzero(np.cumsum(inside[:n_lines]) == 0)
    last = first.copy()
    last[np.searchsorted(first, opens)] = closes
    return first, last, np.array(broken, np.int64), n_lines


def _between(places: Places, starts: Places, ends: Places) -> Places:
    return np.searchsorted(places, ends) - np.searchsorted(places, starts)


def _blank(
    buffer: Bytes, starts: Places, ends: Places, suspects: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Returns which records are empty lines, or lines of blanks that hold too few fields."""
    blank: NDArray[np.bool_] = starts == ends
    for row in np.flatnonzero(suspects & ~blank & (ends - starts <= 256)).tolist():
        blank[row] = not buffer[starts[row] : ends[row]].tobytes().strip()
    return blank
