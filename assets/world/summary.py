"""What was written: the numbers that ingest and cleaning must find again."""

from collections.abc import Mapping
from datetime import date
from typing import Self

from pydantic import BaseModel, ConfigDict


class DayCounts(BaseModel):
    """Rows in one day's event file, by what is wrong with them."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    day: date
    """The file's day."""
    files: tuple[str, ...]
    """Names of the files written for the day."""
    n_events: int = 0
    """Readable rows of the event file."""
    n_impressions: int = 0
    """Impressions among them."""
    n_bot_events: int = 0
    """Bots' rows, not counting planted duplicates."""
    n_late: int = 0
    """Rows delivered for the first time, on a later day than they occurred."""
    n_planted_duplicates: int = 0
    """Rows that repeat an id and payload of this file or the day before's."""
    n_planted_malformed: int = 0
    """Lines beyond `n_events` that are not an event."""
    n_replayed_copies: int = 0
    """Rows by which replayers repeat an id and payload; duplicates too."""
    n_replayed_conflicts: int = 0
    """Rows by which replayers repeat an id with another time; the first row of the id came in an
    earlier file, or earlier in this one."""

    def plus(self, counts: Mapping[str, int]) -> Self:
        """Returns the counts with some added."""
        added = {name: getattr(self, name) + count for name, count in counts.items()}
        return self.model_copy(update=added)


class WorldSummary(BaseModel):
    """What one call wrote, as of the last day it wrote."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    n_users: int
    """Accounts, bots among them."""
    n_items: int
    """Items released."""
    n_bots: int
    """Accounts that are bots."""
    first_day: date
    """First day written."""
    last_day: date
    """Last day written."""
    days: tuple[DayCounts, ...]
    """Counts by day."""

    def total(self, name: str) -> int:
        """Returns the sum over the days of one of `DayCounts`' numbers."""
        return sum(getattr(day, name) for day in self.days)

    @property
    def files(self) -> tuple[str, ...]:
        """Returns the names of all files written, in the order of days."""
        return tuple(name for day in self.days for name in day.files)

    @property
    def n_events(self) -> int:
        """Returns the readable event rows."""
        return self.total("n_events")

    @property
    def n_planted_malformed(self) -> int:
        """Returns the lines that are not an event."""
        return self.total("n_planted_malformed")

    @property
    def n_planted_duplicates(self) -> int:
        """Returns the rows that repeat an id and payload, replayers' copies aside."""
        return self.total("n_planted_duplicates")

    @property
    def n_late(self) -> int:
        """Returns the rows first delivered on a later day than they occurred."""
        return self.total("n_late")

    @property
    def n_accepted(self) -> int:
        """Returns the events left when every repeated id is counted once.

        Exact when the days written begin with the world's first.
        """
        return (
            self.n_events
            - self.n_planted_duplicates
            - self.total("n_replayed_copies")
            - self.total("n_replayed_conflicts")
        )
