"""Which release was current at which time, by a replay of the log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from core.release_standing import ReleaseEntry, Standing


@dataclass(frozen=True, slots=True)
class Span:
    """A time in which one release was current.

    Attributes:
        release: its id.
        since: when the entry was made that it became current by, ISO 8601 in UTC.
        until: when the entry was made that ended it; None while it lasts.
    """

    release: str
    since: str
    until: str | None


def spans(entries: Sequence[ReleaseEntry]) -> tuple[Span, ...]:
    """Returns every span in the order of the log; none where nothing ever stood.

    What is current after an entry is what `Standing` says after it: an archived release never is,
    one that was rolled back ends, a pinned one stays whatever is published.
    """
    found: list[Span] = []
    begun: tuple[str, str] | None = None
    for n, entry in enumerate(entries, start=1):
        candidates = Standing.after(entries[:n]).candidates
        current = candidates[0].release if candidates else None
        if begun is not None and current != begun[0]:
            found.append(Span(*begun, entry.at))
            begun = None
        if begun is None and current is not None:
            begun = (current, entry.at)
    return (*found, Span(*begun, None)) if begun else tuple(found)


def span_at_end_of(entries: Sequence[ReleaseEntry], day: date) -> Span | None:
    """Returns the span in which a day (UTC) ended, or None where nothing stood then.

    It is the day of the clock by which entries were made, not an as-of date.
    """
    midnight = (day + timedelta(days=1)).isoformat()  # sorts before any time of the next day
    before = [span for span in spans(entries) if span.since < midnight]
    last = before[-1] if before else None
    return last if last and (last.until is None or last.until >= midnight) else None
