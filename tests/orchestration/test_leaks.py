"""Nothing of D or later is known at D: an item of tomorrow is nowhere, and dropping it is free."""

import polars as pl
import pytest

from core.home import Home
from core.release_store import ReleaseStore
from core.store import Store
from tests import small_world
from tests.small_world import D_US, FIRST_NIGHT, SECOND_NIGHT, TOMORROWS_ITEM

TIMELESS = {"lake", "evaluation", "published", "release"}
"""What tells of the whole landing zone, or is told by the versions of what does."""


def files_that_name(folder, text):
    """Returns the Parquet and JSON files under a folder in which a text stands anywhere."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".parquet":
            frame = pl.read_parquet(path).select(pl.col(pl.String, pl.List(pl.String)))
            lists = [name for name, kind in frame.schema.items() if kind == pl.List(pl.String)]
            texts = frame.with_columns(pl.col(lists).list.join("|"))
            holds = pl.any_horizontal(pl.all().str.contains(text, literal=True))
            if frame.width and texts.filter(holds).height:
                found.append(path)
        elif path.is_file() and text.encode() in path.read_bytes():
            found.append(path)
    return found


def test_an_item_of_tomorrow_was_landed(nights):
    lake = files_that_name(Home(nights).lake, TOMORROWS_ITEM)
    assert {path.parent.parent.name for path in lake} | {path.parent.name for path in lake} >= {
        "events",
        "item_rows",
    }


def test_it_is_in_no_feature_list_or_model_of_today(nights):
    store = Store(Home(nights).artefacts)
    for kind in sorted(path.name for path in store.root.iterdir() if path.is_dir()):
        named = files_that_name(store.current(kind, FIRST_NIGHT).path, TOMORROWS_ITEM)
        assert named == [], f"{kind} of {FIRST_NIGHT} knows tomorrow's item"


def test_it_is_nowhere_in_todays_release(nights):
    releases = ReleaseStore(Home(nights).releases)
    first = releases.path(releases.log.entries()[0].release)
    assert files_that_name(first, TOMORROWS_ITEM) == []


def test_it_is_there_once_its_day_has_come(nights):
    night = small_world.night(nights, SECOND_NIGHT)
    for kind in ("clean_events", "items", "interactions", "item_features", "explanations"):
        assert files_that_name(night.get(kind).path, TOMORROWS_ITEM), kind


@pytest.fixture(scope="module")
def without_a_future(tmp_path_factory):
    """The first night of a home from whose files every event of D or later was taken out."""
    home = tmp_path_factory.mktemp("no-future")
    small_world.land_first(home)
    n_dropped = 0
    for path in sorted(Home(home).landing.glob("events-*.parquet")):
        try:
            events = pl.read_parquet(path)
        except pl.exceptions.PolarsError:
            continue  # one of the bad files
        if events.schema.get("occurred_at") not in (pl.Int64, pl.Datetime("us", "UTC")):
            continue
        kept = events.filter(pl.col("occurred_at").cast(pl.Int64) < D_US)
        n_dropped += events.height - kept.height
        kept.write_parquet(path)
    for path in Home(home).landing.glob(f"events-{FIRST_NIGHT}.*"):
        path.unlink()
        n_dropped += 1
    assert n_dropped > 100
    return small_world.compute(home, FIRST_NIGHT)


def test_dropping_every_event_from_d_on_changes_nothing(nights, without_a_future):
    store = Store(Home(nights).artefacts)
    for kind in without_a_future.keys() - TIMELESS:
        here = without_a_future[kind].artefact.manifest
        there = store.current(kind, FIRST_NIGHT).manifest
        assert here.content_hash == there.content_hash, kind
        assert here.version != there.version or kind == "lake"  # it was computed, not reused


def test_nor_does_it_change_the_release(nights, without_a_future):
    releases = ReleaseStore(Home(nights).releases)
    there = releases.manifest(releases.log.entries()[0].release)
    here = without_a_future["release"].artefact.manifest
    for name, record in there.files.items():
        if name.startswith("tables/"):
            assert here.files[name].sha256 == record.sha256, name
