"""A second reading of the sentences, written apart from the grammar that makes them."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import polars as pl
import pytest

from core.explanation_settings import ExplanationSettings

Sheet = Mapping[str, Any]

_FACT = {
    "same_series": r"series,? (?P<fact>“.+”)",
    "same_creator": r"(?:is also by|comes from|⟦T⟧ is by) (?P<fact>.+?)(?:, as is ⟦S⟧)?\.?$",
    "same_cast": r"features (?P<fact>.+?)(?:, as does ⟦S⟧)?\.?$",
    "same_theme": r"the themes? (?P<fact>“.+”)",
    "same_genre": r"(?:is another|listed under) (?P<fact>.+?)(?: title)?\.?$",
    "matches_preference": r"(?:like (?P<fact>.+), and ⟦T⟧|under (?P<other>.+), which you said)",
    "watched_together": r"some of the same people",
    "trending": r"this week than in the weeks before\.$",
    "new": r"in the last 30 days\.$",
    "popular": r"\b100\b.*(?:most chosen|most people here have chosen)",
    "recommended": r"[Oo]ur suggestions for you",
}
_COLUMN = {
    "same_creator": "creators",
    "same_cast": "cast",
    "same_theme": "themes",
    "same_genre": "genres",
    "matches_preference": "genres",
}


def lies(text: str, reason_type: str, source: Sheet | None, target: Sheet) -> list[str]:
    """Returns what a sentence says that the two sheets do not; empty if it is true."""
    names = {"⟦T⟧": _name(target, source)}
    if source is not None:
        names["⟦S⟧"] = _name(source, target)
    rest = text
    for mark, name in sorted(names.items(), key=lambda pair: -len(pair[1])):
        if name not in rest:
            return [f"does not name {name!r}"]
        rest = rest.replace(name, mark, 1)
    found = re.search(_FACT[reason_type], rest)
    if found is None:
        return [f"is no sentence of {reason_type}: {rest!r}"]
    said = [said for said in found.groupdict().values() if said]
    wrong = [f"names a third thing: {rest!r}"] if len(re.findall("⟦", rest)) != len(names) else []
    for sheet in (source, target) if reason_type.startswith("same_") else (target,):
        if said and sheet is not None and (left := _unknown(said[0], reason_type, sheet)):
            wrong.append(f"{left!r} is not in the sheet of {sheet['title']!r}")
    return wrong


def _name(sheet: Sheet, other: Sheet | None) -> str:
    same = other is not None and sheet["title"].lower() == other["title"].lower()
    return f"{sheet['title']} ({sheet['year']})" if same and sheet["year"] else sheet["title"]


def _unknown(said: str, reason_type: str, sheet: Sheet) -> str:
    """Returns what is left of the facts that a sentence names once the sheet's are taken out."""
    facts = [sheet["series"] or ""] if reason_type == "same_series" else sheet[_COLUMN[reason_type]]
    rest = said
    for fact in sorted(filter(None, facts), key=len, reverse=True):
        rest = re.sub(re.escape(fact.removesuffix(".")), "", rest, flags=re.IGNORECASE)
    return re.sub(r"\band\b|[\s“”,.]", "", rest)


@pytest.fixture
def find_lies() -> Callable[[str, str, Sheet | None, Sheet], list[str]]:
    return lies


@pytest.fixture
def settings() -> ExplanationSettings:
    return ExplanationSettings()


def make_items(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Returns a frame of schema ITEMS' explained columns from what is given of each."""
    schema = {
        "item_id": pl.String, "title": pl.String, "genres": pl.List(pl.String),
        "creators": pl.List(pl.String), "themes": pl.List(pl.String), "facts": pl.String,
        "released_us": pl.Int64, "available_from_us": pl.Int64,
    }  # fmt: skip
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema)


@pytest.fixture
def items_of() -> Callable[[list[dict[str, Any]]], pl.DataFrame]:
    return make_items


@pytest.fixture(scope="session")
def random_items() -> pl.DataFrame:
    """400 items that share much, with awkward titles and names."""
    rng = np.random.default_rng(5)
    people = ["Ann Lee", "Bo Vig Jr.", "Simon and Sons", "É. Roux", "O'Hara, M.", "Li", "Zoë Ix"]
    themes = ["mafia", "time travel", "Heist", "heist", "love, lost", "toplist07", "boring"]
    genres = ["Crime", "Drama", "Sci-Fi", "Film-Noir", "Comedy"]
    heads = ["Heat", "Run, Lola", "Who Goes?", "Mr. X", "Up", "The Up", "A, B and C", "“Q”"]

    def some(pool: list[str], most: int) -> list[str]:
        return [str(x) for x in rng.choice(pool, rng.integers(0, most + 1), replace=False)]

    rows = []
    for number in range(400):
        head = heads[number % len(heads)]
        title = f"{head} ({1950 + number % 60})" if number % 3 else f"{head} {number}"
        cast = ", ".join(f'"{name}"' for name in some(people, 3))
        series = f'"Saga {number % 40}"' if number % 4 == 0 else "null"
        rows.append(
            {
                "item_id": f"i{number:03d}", "title": None if number % 29 == 0 else title,
                "genres": some(genres, 3), "creators": some(people, 2), "themes": some(themes, 3),
                "facts": f'{{"cast": [{cast}], "series": {series}}}',
            }
        )  # fmt: skip
    return make_items(rows)
