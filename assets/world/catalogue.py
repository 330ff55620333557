"""The items as people see them: titles, years, creators, cast, series."""

from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.world.columns import named_lists, utc_midnight
from assets.world.items import NEVER, Items, draw_credits
from assets.world.keys import item_ids
from assets.world.parameters import WorldParameters
from assets.world.space import GENRE_NAMES, THEME_NAMES, TasteSpace
from assets.world.vocabulary import ADJECTIVES, FIRST_NAMES, GENRES, PLACES, SURNAMES
from core.seeds import generator

_BLOCK = 8_192
_DRAWS = 6
_NUMERALS = ("", " II", " III")


def draw_catalogue(
    parameters: WorldParameters,
    seed: int,
    space: TasteSpace,
    items: Items,
    *,
    first_day: date,
    n_actors: int,
) -> pl.DataFrame:
    """Returns the table `items` of the whole world, one row an item, in the order of release.

    The rows of a longer catalogue of the same world start with these.
    """
    n_items, n_blocks = len(items), -(-len(items) // _BLOCK)
    draws: list[NDArray[np.float64]] = []
    billing: list[NDArray[np.int64]] = []
    seconds: list[NDArray[np.int64]] = []
    for block in range(n_blocks):
        rng = generator(seed, "catalogue", str(block))
        draws.append(rng.random((_BLOCK, _DRAWS)))
        niche = np.resize(items.niche[block * _BLOCK : (block + 1) * _BLOCK], _BLOCK)
        share = parameters.catalogue.content_share / 2
        for rows in (billing, seconds):
            rows.append(draw_credits(rng, niche, space.n_niches, n_actors, share))
    draw = np.concatenate(draws)[:n_items]  # (I, 6)
    first = np.concatenate(billing)[:n_items]
    cast = np.concatenate([first, np.concatenate(seconds)[:n_items]], axis=1)  # (I, 4)
    for column in range(1, 4):  # nobody is cast twice
        again = (cast[:, :column] == cast[:, column : column + 1]).any(axis=1)
        cast[:, column] = np.where(again, -1, cast[:, column])
    titles = _titles(items, draw)
    stem = pl.Series(titles).gather(np.maximum(items.series_lead, 0))
    in_series = pl.Series(items.series_lead >= 0)
    numerals = pl.Series(_NUMERALS).gather(items.series_part)
    genres = named_lists(items.genres, GENRE_NAMES)
    expiry = np.where(items.last_day < NEVER, items.last_day + 1, -1)
    return pl.DataFrame(
        {
            "item_id": item_ids(0, n_items),
            "title": pl.select(
                pl.when(in_series).then(stem + numerals).otherwise(titles)
            ).to_series(),
            "category": genres.list.first(),
            "genres": genres,
            "creators": named_lists(items.creators, person_names(space.n_creators, step=2741)),
            "themes": named_lists(items.themes, THEME_NAMES),
            "released_at": utc_midnight(first_day, items.release_day),
            "available_from": utc_midnight(first_day, items.release_day),
            "available_until": pl.select(
                pl.when(pl.Series(expiry >= 0)).then(utc_midnight(first_day, expiry))
            ).to_series(),
            "year": _years(first_day, items, draw),
            "cast": named_lists(cast, person_names(n_actors, step=3571)),
            "series": pl.select(pl.when(in_series).then(stem)).to_series(),
        }
    ).select(
        pl.exclude("year", "cast", "series"),
        facts=pl.struct("year", "cast", "series").struct.json_encode(),
    )


def person_names(n_people: int, *, step: int) -> pl.Series:
    """Returns `n_people` names; different while there are fewer than 160,000.

    `step` is coprime to the number of full names, and gives each cast of people another order.
    """
    numbers = np.arange(n_people)
    surnames = SURNAMES[:96]
    n_names = len(FIRST_NAMES) * len(surnames)
    place = numbers * step % n_names
    letter = pl.Series(["", *(f" {chr(65 + i)}." for i in range(26))])
    return (
        pl.Series(FIRST_NAMES).gather(place % len(FIRST_NAMES))
        + letter.gather(numbers // n_names % 27)
        + " "
        + pl.Series(surnames).gather(place // len(FIRST_NAMES))
    )


def _years(first_day: date, items: Items, draw: NDArray[np.float64]) -> NDArray[np.int64]:
    # Half of what a day brings is new; the other half was made up to sixty years earlier.
    since = items.release_day / 365.25 + first_day.timetuple().tm_yday / 365.25
    released = first_day.year + np.floor(since).astype(np.int64)
    older = np.where(draw[:, 5] < 0.5, 0.0, 60.0 * (2.0 * draw[:, 5] - 1.0) ** 2)
    year = released - older.astype(np.int64)
    sequel = year[np.maximum(items.series_lead, 0)] + 2 * items.series_part
    return np.where(items.series_lead >= 0, np.minimum(sequel, released), year)


def _titles(items: Items, draw: NDArray[np.float64]) -> pl.Series:
    """Returns one title an item, all different: a short one first, longer where it is taken."""
    nouns = [noun for words, _ in GENRES.values() for noun in words]
    per_genre = len(nouns) // len(GENRES)

    def pick(words: tuple[str, ...], column: int) -> pl.Series:
        return pl.Series(words).gather((draw[:, column] * len(words)).astype(np.int64))

    noun = items.genres[:, 0] * per_genre + (draw[:, 0] * per_genre).astype(np.int64)
    words = pl.DataFrame(
        {
            "noun": pl.Series(nouns).gather(noun),
            "adjective": pick(ADJECTIVES, 1),
            "place": pick(PLACES, 2),
            "name": pick(FIRST_NAMES, 3),
            "shape": (draw[:, 4] * 5).astype(np.int64),
        }
    )
    short = [
        "The {adjective} {noun}",
        "{adjective} {noun}",
        "The {noun} of {place}",
        "{name}’s {noun}",
        "{noun} in {place}",
    ]
    longer = ("The {adjective} {noun} of {place}", "{name} and the {adjective} {noun} of {place}")
    title = pl.coalesce(
        pl.when(pl.col("shape") == shape).then(_fill(text)) for shape, text in enumerate(short)
    )
    table = words.with_columns(title=title)
    nth = pl.int_range(pl.len()).over("title")
    for text in longer:
        table = table.with_columns(
            title=pl.when(nth > 0).then(_fill(text)).otherwise(pl.col("title"))
        )
    numbered = pl.format("{} ({})", "title", nth + 1)
    return table.select(pl.when(nth > 0).then(numbered).otherwise(pl.col("title"))).to_series()


def _fill(text: str) -> pl.Expr:
    parts = [part.strip("{}") for part in text.split() if part.startswith("{")]
    names = [part.split("}")[0] for part in parts]
    for name in names:
        text = text.replace("{" + name + "}", "{}")
    return pl.format(text, *names)
