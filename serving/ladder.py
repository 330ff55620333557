"""Which items a user gets: the personal list, what was just seen, segments, what is trending."""

from collections.abc import Iterable, Iterator, Sequence, Set
from itertools import chain, islice, zip_longest

from serving.choice import Choice, Row
from serving.kept_texts import KeptTexts
from serving.layout import MAX_COUNT, MAX_ROWS
from serving.release import Release
from serving.session_blend import Neighbourhood, capped
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
    had at the release's as-of date or is taken down, nor one whose reason names such an item. A
    personal list of which something is left out keeps to the cap on categories, as a blended one.

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
            scores = release.personal_scores.of(codes)
            return Choice("personal", items, _ALL_PERSONAL[count], scores, fragments)
    taken = gone.union(record.recent if record else (), seeds)
    if seeds:
        return Choice.of(_blended(release, record, genres, count, seeds, taken, weight))
    own = _personal_rows(release, record) if record is not None else ()
    mine = {row.item: row for row in _allowed(release, own, taken)}
    # Behind a list's tenth place stands what was over the cap: it would move up first.
    chosen = [mine[x] for x in capped(release, mine, count, _asked_for(release, genres))]
    below = _allowed(release, _lower_rungs(release, record, genres), taken)
    return Choice.of(list(islice(_distinct(chain(chosen, below)), count)))


def _asked_for(release: Release, genres: Sequence[str]) -> set[int]:
    """Returns the numbers of the categories to which the cap does not apply."""
    return {n for n in map(release.category, genres) if n is not None}


def _blended(
    release: Release,
    record: UserRecord | None,
    genres: Sequence[str],
    count: int,
    seeds: Sequence[int],
    taken: Set[int],
    weight: float,
) -> list[Row]:
    """Returns the personal list, or the lower rungs for want of one, with the seeds' neighbours.

    A personal row keeps its rung, score and reason. Whatever else the neighbours propose is of the
    rung `session`. Behind all that come the lower rungs, read only if they are reached.
    """
    shown = [x for x in seeds if not release.is_taken_down(x)]
    nearby = Neighbourhood(release, shown, weight)
    below = _distinct(_allowed(release, _lower_rungs(release, record, genres), taken))
    items, codes, reasons = record.rows(MAX_ROWS) if record is not None else ((), (), ())
    places = dict(zip(items, range(MAX_ROWS), strict=False))
    hidden = set()  # those whose reason can't be told any more
    if release.taken_down:
        for item, fragment in zip(items, release.reason_fragments(items, reasons), strict=True):
            if release.names_hidden((fragment,)):
                del places[item]
                hidden.add(item)
    lower = {} if items else {row.item: row for row in islice(below, MAX_ROWS)}
    texts = release.personal_scores

    def candidates() -> Iterator[int]:
        unavailable, met = release.unavailable, set()
        for item in nearby.fused(items or lower):
            if item in taken or item in unavailable:
                continue
            if item in hidden and item not in nearby and item not in lower:
                continue
            met.add(item)
            yield item
        for row in below:
            if row.item not in met:
                lower[row.item] = row
                yield row.item

    def row(item: int) -> Row:
        if (place := places.get(item)) is not None:
            fragment = release.reason_fragment(item, reasons[place])
            return Row("personal", item, texts[codes[place]], fragment)
        return nearby.row(item) or lower[item]

    chosen = capped(release, candidates(), count, _asked_for(release, genres))
    return [row(item) for item in chosen]


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


def _personal_rows(release: Release, record: UserRecord) -> Iterator[Row]:
    texts = release.personal_scores
    items, codes, reasons = record.rows(MAX_ROWS)
    fragments = release.reason_fragments(items, reasons)
    for item, code, fragment in zip(items, codes, fragments, strict=True):
        yield Row("personal", item, texts[code], fragment)


def _lower_rungs(
    release: Release, record: UserRecord | None, genres: Sequence[str]
) -> Iterator[Row]:
    """Yields all rows of all rungs below, best first; one is read only when it is reached."""
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


def _segment_rows(release: Release, number: int, rung: str, texts: KeptTexts) -> Iterator[Row]:
    items, codes = release.segments.rows(number)
    fragment = release.segment_fragment(number)
    for item, code in zip(items, codes, strict=True):
        yield Row(rung, item, texts[code], fragment)
