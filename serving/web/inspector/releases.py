"""The release that is served as the inspector's head shows it, and those to hold beside it."""

import msgspec

from core.columns import RUNGS
from core.release_store import ReleaseStore
from serving.current_release import Served
from serving.layout import GENRE_PREFIX
from serving.web.metrics import Metrics

STALE_SECONDS = 36 * 3_600
"""A release is made every night; after a day and a half, one is missing."""


class OtherRelease(msgspec.Struct):
    """A release that is kept and logged: `published`, `archived` or, rolled back, `barred`."""

    release: str
    as_of: str
    at: str
    status: str


class Head(msgspec.Struct):
    """What stands above everything.

    Attributes:
        release: the served release's id.
        as_of: its date.
        published_at: ISO 8601 in UTC.
        age_seconds: since then.
        is_stale: whether that is longer than a night and a half.
        n_users: users with a record.
        n_items: items.
        n_explanations: reasons of items.
        genres: names that `genres=` knows.
        answers: lists that all workers answered, by rung.
        others: what can be held beside it, the latest first.
    """

    release: str
    as_of: str
    published_at: str
    age_seconds: int
    is_stale: bool
    n_users: int
    n_items: int
    n_explanations: int
    genres: list[str]
    answers: dict[str, int]
    others: list[OtherRelease]


def head(served: Served, metrics: Metrics, others: list[OtherRelease]) -> Head:
    """Returns the facts about the served release."""
    layout, age = served.release.layout, served.age_seconds()
    genres = [x.removeprefix(GENRE_PREFIX) for x in layout.segments if x.startswith(GENRE_PREFIX)]
    return Head(
        release=served.release.id,
        as_of=served.entry.as_of,
        published_at=served.entry.at,
        age_seconds=age,
        is_stale=age > STALE_SECONDS,
        n_users=layout.n_users,
        n_items=layout.n_items,
        n_explanations=layout.n_explanations,
        genres=genres,
        answers={rung: metrics.total("daybreak_answers", rung) for rung in RUNGS},
        others=others,
    )


def other_releases(releases: ReleaseStore, served: str) -> list[OtherRelease]:
    """Returns the stored releases that the log knows, but the served and those on their way out.

    Raises:
        IntegrityError: the log is damaged.
    """
    standing = releases.log.standing()
    entries = {**standing.archived, **standing.published}
    found = [
        OtherRelease(name, entries[name].as_of, entries[name].at, status)
        for name in releases.ids()
        if name != served and name in entries
        and (status := standing.status(name)) is not None and status != "retired"
    ]  # fmt: skip
    return sorted(found, key=lambda x: (x.as_of, x.at), reverse=True)
