"""Which items a user gets: the personal list, what was just seen, segments, what is trending."""

from collections.abc import Iterable, Iterator, Sequence, Set
from itertools import chain, islice, zip_longest

from serving.choice import Choice, Row
from serving.layout import MAX_COUNT, MAX_ROWS
from serving.release import Release
from serving.scores import ScoreTexts
from serving.session_blend import blend, capped
from serving.user_record import UserRecord

_ALL_PERSONAL = [("personal",) * n for n in range(MAX_COUNT + 1)]
_NONE: frozenset[int] = frozenset()


def choose(
    release: Release,
    user_id: str,
    count: int,
    genres: Sequence[str] = (),
    *,
    seeds: Sequence[int] = (),
    gone: frozenset[int] = _NONE,
    weight: float = 0.0,
) -> Choice:
    """Chooses up to `count` items for a user; a rung that falls short is filled from the next.

    No item comes twice, none of the user's recent items comes at all, nor any that could not be
    had at the release's as-of date or is taken down, nor one whose reason names such an item.

    Args:
        release: where to look.
        user_id: any id; one that is unknown gets what is trending.
        count: 1 to 50.
        genres: replace the user's stated preferences; those without a list count as not given.
        seeds: numbers of items that the user has just looked at, the last one first; their
            neighbours are blended into the list, and they themselves do not come.
        gone: numbers of other items that the user wants to see no more.
        weight: of the neighbours in that, 0 to 1.
    """
    record = release.user(user_id)
    if record is not None and not seeds and record.n_rows >= count:
        items, codes, reasons = record.rows(count)
        fragments = release.reason_fragments(items, reasons)
        if (
            release.unavailable.isdisjoint(items)
            and gone.isdisjoint(items)
            and not set(items).intersection(record.recent)
            and not release.names_hidden(fragments)
        ):
            texts = release.personal_scores
            return Choice(
                "personal", items, _ALL_PERSONAL[count], [texts[code] for code in codes], fragments
            )
    taken = gone.union(record.recent if record else (), seeds)
    rows = _distinct(_allowed(release, _rungs(release, record, genres), taken))
    if not seeds:
        return Choice.of(list(islice(rows, count)))
    blended = blend(release, list(islice(rows, MAX_ROWS)), _shown(release, seeds), weight)
    exempt = {n for n in map(release.category, genres) if n is not None}
    return Choice.of(capped(release, _allowed(release, blended, taken), exempt)[:count])


def _shown(release: Release, seeds: Sequence[int]) -> list[int]:
    """Returns the seeds that are not taken down: no reason may name those that are."""
    return [seed for seed in seeds if not release.is_taken_down(seed)]


def _distinct(rows: Iterable[Row]) -> Iterator[Row]:
    met: set[int] = set()
    for row in rows:
        if row.item not in met:
            met.add(row.item)
            yield row


def _allowed(release: Release, rows: Iterable[Row], taken: Set[int]) -> Iterator[Row]:
    for row in rows:
        if (
            row.item not in taken
            and row.item not in release.unavailable
            and not release.names_hidden((row.fragment,))
        ):
            yield row


def _rungs(release: Release, record: UserRecord | None, genres: Sequence[str]) -> Iterator[Row]:
    """Yields all rows of all rungs, best first; a lower rung is read only when it is reached."""
    if record is not None:
        texts = release.personal_scores
        items, codes, reasons = record.rows(MAX_ROWS)
        fragments = release.reason_fragments(items, reasons)
        for item, code, fragment in zip(items, codes, fragments, strict=True):
            yield Row("personal", item, texts[code], fragment)
    asked = [n for n in map(release.genre_segment, genres) if n is not None]
    segments = asked or (record.segments if record is not None else [])
    lists = [
        _segment_rows(release, number, "segment", release.segment_scores) for number in segments
    ]
    # One row from each segment in turn, so that no stated liking crowds out another.
    for row in chain.from_iterable(zip_longest(*lists)):
        if row is not None:
            yield row
    yield from _segment_rows(release, release.trending, "trending", release.trending_scores)


def _segment_rows(release: Release, number: int, rung: str, texts: ScoreTexts) -> Iterator[Row]:
    items, codes = release.segments.rows(number)
    fragment = release.segment_fragment(number)
    for item, code in zip(items, codes, strict=True):
        yield Row(rung, item, texts[code], fragment)
