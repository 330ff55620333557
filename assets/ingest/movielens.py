"""MovieLens folders: ratings, films with years and genres, tags as themes with their times."""

from pathlib import Path

import polars as pl

from assets.ingest.landing import IngestReport, take_in_all
from assets.ingest.one_file import open_intake
from assets.ingest.pouring import Request
from core.errors import InputError
from core.home import Home
from core.ingest_settings import IngestSettings, Mapping
from core.schemas import EVENTS, ITEM_ROWS, TAGS

_RATINGS = Mapping(
    columns={
        "user_id": "userId", "item_id": "movieId", "value": "rating", "occurred_at": "timestamp",
    },
    default_action="rating",
    time_unit="s",
)  # fmt: skip
_FILMS = Mapping(columns={"item_id": "movieId"})
_TAGS = Mapping(
    columns={
        "user_id": "userId", "item_id": "movieId", "theme": "tag", "occurred_at": "timestamp",
    },
    time_unit="s",
)  # fmt: skip
_YEAR = r"\(([0-9]{4})(?:[-–][0-9]{0,4})?\)\s*$"
_NO_GENRES = "(no genres listed)"


def import_movielens(
    home: Home, folder: Path, settings: IngestSettings, *, now_us: int | None = None
) -> IngestReport:
    """Takes in `movies.csv`, `tags.csv` (where there is one) and `ratings.csv` of a folder.

    A rating is an event with the stars as its value. A film keeps its title as it stands; the
    year in it gives the fact `year` and the release at 1 January 00:00, which says that the day is
    unknown; the first genre is its category. `links.csv` is not read.

    Raises:
        InputError: the folder lacks one of the two files, or one cannot be opened.
        IntegrityError: a ledger entry is missing or altered.
        OSError: the lake cannot be written.
    """
    films = Request(settings, _FILMS, ITEM_ROWS, "movielens", film_facts)
    tags = Request(settings, _TAGS, TAGS, "movielens")
    ratings = Request(settings, _RATINGS, EVENTS, "movielens")
    requests = [
        (_file(folder, "movies.csv"), films),
        (folder / "tags.csv", tags),
        (_file(folder, "ratings.csv"), ratings),
    ]
    with open_intake(home, now_us) as intake:
        report = take_in_all(intake, [(path, how) for path, how in requests if path.is_file()])
    for reason in report.waiting.values():
        raise InputError(reason)
    return report


def film_facts(films: pl.DataFrame) -> pl.DataFrame:
    """Returns film rows with genres, category, facts and release as MovieLens means them."""
    year = pl.col("title").str.extract(_YEAR).cast(pl.Int32)
    listed = pl.col("genres").list.filter(pl.element() != _NO_GENRES)
    return films.with_columns(
        genres=listed,
        category=listed.list.first(),
        facts=pl.when(year.is_not_null()).then(
            pl.concat_str(pl.lit('{"year":'), year, pl.lit("}"))
        ),
        released_us=pl.date(year, 1, 1).cast(pl.Datetime("us")).dt.epoch("us"),
    )


def _file(folder: Path, name: str) -> Path:
    if not (folder / name).is_file():
        raise InputError(
            f"{str(folder)!r} has no {name}; give the folder that a MovieLens archive unpacks to"
        )
    return folder / name
