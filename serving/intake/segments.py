"""The files of the intake's streams: how they are called, and where they are found.

A stream is what one worker's row writes of one kind; a segment holds a piece of it. Positions are
bytes. A stream of which nothing is left begins anew at the clock's microseconds, so that no name
comes twice, whatever was cleared away meanwhile.
"""

import contextlib
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from core.home import Home

EVENTS, IMPRESSIONS = "events", "impressions"
_NAME = re.compile(r"(events|impressions)-w(\d{2,})-(\d{16})\.jsonl")


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a stream.

    Attributes:
        kind: `events` or `impressions`.
        row: whose stream it is.
        start: the position of its first byte.
    """

    kind: str
    row: int
    start: int

    @property
    def name(self) -> str:
        """The file's name, here and in the landing zone."""
        return f"{self.kind}-w{self.row:02d}-{self.start:016d}.jsonl"

    @classmethod
    def named(cls, name: str) -> "Segment | None":
        """Returns the segment of a file's name; None for a name that is none."""
        found = _NAME.fullmatch(name)
        return cls(found[1], int(found[2]), int(found[3])) if found else None


def segments_in(folder: Path, kind: str | None = None, row: int | None = None) -> list[Segment]:
    """Returns the segments in a folder, one that is missing included, in order of their starts."""
    try:
        names = os.listdir(folder)  # noqa: PTH208  # a landing zone may hold very many
    except (FileNotFoundError, NotADirectoryError):
        return []
    found = (segment for name in names if (segment := Segment.named(name)) is not None)
    return sorted(
        (x for x in found if kind in (None, x.kind) and row in (None, x.row)),
        key=lambda segment: segment.start,
    )


def places(home: Home) -> tuple[Path, Path, Path]:
    """Returns the folders in which a segment lies, in the order in which it does."""
    return home.intake, home.landing, home.handed_over


def open_segment(home: Home, segment: Segment) -> int | None:
    """Returns a segment's file opened for reading, wherever it lies; None where it is gone."""
    for folder in places(home):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return os.open(folder / segment.name, os.O_RDONLY | os.O_CLOEXEC)
    return None


def first_position(home: Home, kind: str, row: int, published: int = 0) -> int:
    """Returns where a stream goes on: behind all that is known of it.

    Args:
        home: where its segments lie.
        kind: of the stream.
        row: of the stream.
        published: the position that its last writer made known; 0 where there was none.
    """
    end = published or time.time_ns() // 1_000
    for folder in places(home):
        for segment in segments_in(folder, kind, row)[-1:]:
            with contextlib.suppress(FileNotFoundError):
                end = max(end, segment.start + (folder / segment.name).stat().st_size)
    return end


def begin_streams(home: Home, kind: str, positions: "memoryview[int]") -> None:
    """Sets where the streams of all rows go on, before any worker reads or writes."""
    for row in range(len(positions)):
        positions[row] = first_position(home, kind, row)
