"""Nothing of D or later is known at D: an item of tomorrow is nowhere, and dropping it is free."""

import gzip
import re

import polars as pl
import pytest

from core.home import Home
from core.release_store import ReleaseStore
from core.store import Store
from tests import small_world
from tests.small_world import D_US, FIRST_NIGHT, SECOND_NIGHT, TOMORROWS_ITEM

PLANTED = "events-tomorrow.parquet"
_TIME = re.compile(r"20\d\d-\d\d-\d\dT")
TIMELESS = {"lake", "release"}
"""What tells of the whole landing zone; of the release the tables are compared instead."""


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


def without_rows_from_d(path):
    """Takes the rows of D and later out of an event file of the world; returns how many."""
    if path.suffix == ".parquet":
        events = pl.read_parquet(path)
        kept = events.filter(pl.col("occurred_at").cast(pl.Int64) < D_US)
        kept.write_parquet(path)
        return events.height - kept.height
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as stream:
        lines = stream.readlines()
    # Times are written alike, so that their texts are in their order; broken lines stay.
    times = [_TIME.search(line) for line in lines]
    kept = [x for x, time in zip(lines, times, strict=True) if not time or time[0] < FIRST_NIGHT]
    with opened(path, "wt", encoding="utf-8") as stream:
        stream.writelines(kept)
    return len(lines) - len(kept)


@pytest.fixture(scope="module")
def without_a_future(tmp_path_factory):
    """The first night of a home from whose files every event of D or later was taken out."""
    home = tmp_path_factory.mktemp("no-future")
    small_world.land_first(home)
    landing = Home(home).landing
    (of_today,) = landing.glob(f"events-{FIRST_NIGHT}.*")
    n_dropped = [without_rows_from_d(path) for path in (landing / PLANTED, of_today)]
    assert min(n_dropped) >= 100
    for path in landing.glob("events-2025-03-*"):
        assert without_rows_from_d(path) == 0, f"{path.name} tells of the future"
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
