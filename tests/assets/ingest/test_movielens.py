"""MovieLens folders, small ones made here and the real one where it is."""

import os
import time
from pathlib import Path

import polars as pl
import pytest

from assets.ingest.account import check_account
from assets.ingest.landing import ingest_file
from assets.ingest.mapping import build_mapping, parse_actions, parse_columns
from assets.ingest.movielens import import_movielens
from core.errors import InputError
from core.ingest_settings import IngestSettings
from core.schemas import EVENTS
from tests.assets.ingest.conftest import NOW_US

DATA = Path(os.environ.get("DAYBREAK_DATA", Path(__file__).parents[4] / "shared" / "data"))
SETTINGS = IngestSettings()

MOVIES = """movieId,title,genres
1,Toy Story (1995),Adventure|Animation|Comedy
2,"American President, The (1995)",Drama
3,Babylon 5,(no genres listed)
4,Death Note (2006–2007),Crime
5,Fawlty Towers (1975-1979) ,Comedy
6,"She said ""(1999)"" twice",
"""
RATINGS = """userId,movieId,rating,timestamp
1,1,4.0,1260759144
1,2,2.5,1260759179
2,1,0.5,835355493
2,1,,835355493
"""
TAGS = """userId,movieId,tag,timestamp
15,1,Pixar,1292956344
15,1, Pixar ,1292956344
"""


@pytest.fixture
def folder(tmp_path):
    for name, content in (("movies", MOVIES), ("ratings", RATINGS), ("tags", TAGS)):
        (tmp_path / f"{name}.csv").write_text(content, encoding="utf-8")
    (tmp_path / "links.csv").write_text("movieId,imdbId,tmdbId\n1,1,1\n")
    return tmp_path


def test_a_small_folder(zone, folder):
    report = import_movielens(zone.home, folder, SETTINGS, now_us=NOW_US)
    assert [
        (e.source_file, e.read, e.accepted, e.duplicate, e.quarantined) for e in report.entries
    ] == [
        ("movies.csv", 6, 6, 0, 0),
        ("tags.csv", 2, 1, 1, 0),
        ("ratings.csv", 4, 3, 0, 1),
    ]
    films = zone.rows("item_rows")
    assert films.select("item_id", "title", "category", "genres").rows() == [
        ("1", "Toy Story (1995)", "Adventure", ["Adventure", "Animation", "Comedy"]),
        ("2", "American President, The (1995)", "Drama", ["Drama"]),
        ("3", "Babylon 5", None, []),
        ("4", "Death Note (2006–2007)", "Crime", ["Crime"]),
        ("5", "Fawlty Towers (1975-1979)", "Comedy", ["Comedy"]),
        ("6", 'She said "(1999)" twice', None, None),
    ]
    assert films.select("facts", "released_us").rows() == [
        ('{"year":1995}', 788_918_400_000_000),
        ('{"year":1995}', 788_918_400_000_000),
        (None, None),
        ('{"year":2006}', 1_136_073_600_000_000),
        ('{"year":1975}', 157_766_400_000_000),
        (None, None),
    ]
    events = zone.rows("events").select("user_id", "item_id", "action", "value", "occurred_us")
    assert sorted(events.rows()) == [
        ("1", "1", "rating", 4.0, 1_260_759_144_000_000),
        ("1", "2", "rating", 2.5, 1_260_759_179_000_000),
        ("2", "1", "rating", 0.5, 835_355_493_000_000),
    ]
    assert zone.rows("tags").select("item_id", "theme", "user_id", "occurred_us").rows() == [
        ("1", "Pixar", "15", 1_292_956_344_000_000)
    ]
    assert zone.refusals() == [(5, "rating without a value")]


def test_again_changes_nothing(zone, folder):
    import_movielens(zone.home, folder, SETTINGS, now_us=NOW_US)
    again = import_movielens(zone.home, folder, SETTINGS, now_us=NOW_US)
    assert (again.entries, again.position) == ([], 3)
    assert again.repeated == {"movies.csv": 1, "tags.csv": 2, "ratings.csv": 3}


def test_tags_may_be_absent_the_others_may_not(zone, folder):
    (folder / "tags.csv").unlink()
    assert len(import_movielens(zone.home, folder, SETTINGS, now_us=NOW_US).entries) == 2
    (folder / "movies.csv").unlink()
    with pytest.raises(InputError, match=r"has no movies\.csv; give the folder"):
        import_movielens(zone.home, folder, SETTINGS)


@pytest.mark.skipif(not (DATA / "ml-latest-small").is_dir(), reason="no MovieLens at DAYBREAK_DATA")
def test_the_real_folder(zone):
    start = time.process_time()
    report = import_movielens(zone.home, DATA / "ml-latest-small", SETTINGS)
    assert time.process_time() - start < 6  # 1.3 s on an idle machine
    for entry in report.entries:
        check_account(entry)
    assert zone.counts(report) == (110_425, 110_425, 0, 0)
    events = zone.rows("events")
    assert (len(events), events["user_id"].n_unique(), events["item_id"].n_unique()) == (
        100_004, 671, 9_066,
    )  # fmt: skip
    assert events["occurred_at"].dt.date().min().isoformat() == "1995-01-09"
    films = zone.rows("item_rows")
    assert len(films) == 9_125
    assert films["released_us"].null_count() < 20
    assert pl.Series(films["category"]).null_count() == 18
    assert all("month=" in str(f.path) for f in report.entries[-1].files)


@pytest.mark.skipif(not (DATA / "deskdrop").is_dir(), reason="no Deskdrop at DAYBREAK_DATA")
def test_deskdrop_comes_in_by_flags_alone(zone):
    mapping = build_mapping(
        columns=parse_columns(
            "user_id=personId,item_id=contentId,action=eventType,occurred_at=timestamp,"
            "session_id=sessionId,user_agent=userAgent"
        ),
        actions=parse_actions("VIEW=view,LIKE=like,BOOKMARK=like,COMMENT CREATED=like,FOLLOW=like"),
        time_unit="s",
    )
    path = DATA / "deskdrop" / "users_interactions.csv.gz"
    report = ingest_file(zone.home, path, EVENTS, SETTINGS, mapping)
    assert zone.counts(report) == (72_312, 71_620, 692, 0)  # 692 rows stand there twice
    assert report.entries[0].ignored_columns == ["userRegion", "userCountry"]
    events = zone.rows("events")
    assert (events["user_id"].n_unique(), events["item_id"].n_unique()) == (1_895, 2_987)
    assert set(events["action"]) == {"view", "like"}
