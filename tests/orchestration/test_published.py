"""How earlier releases did is told without trusting them to be whole."""

import shutil
from pathlib import Path

import pytest

from assets.evaluation.published import make_published
from core.home import Home
from core.release_store import ReleaseStore
from tests import small_world
from tests.small_world import FIRST_NIGHT, SECOND_NIGHT


@pytest.fixture
def home(nights: Path, tmp_path: Path) -> Path:
    copied = small_world.copy(nights, tmp_path / "home")
    shutil.rmtree(copied / "artefacts" / "published")
    return copied


def lists_of_first(home: Path) -> Path:
    releases = ReleaseStore(Home(home).releases)
    (name,) = (one for one in releases.ids() if one.startswith(FIRST_NIGHT))
    return releases.path(name) / "tables" / "lists.parquet"


def rows(home: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = make_published(
        small_world.night(home, SECOND_NIGHT)
    ).artefact.json("published.json")
    return found


def test_the_release_before_is_measured_on_what_happened_since(home: Path) -> None:
    (row,) = rows(home)
    assert (row["as_of"], row["until"]) == (FIRST_NIGHT, SECOND_NIGHT)
    assert isinstance(row["n_users"], int)
    assert row["n_users"] > 50
    assert isinstance(row["ndcg@10"], float)
    assert 0 < row["ndcg@10"] < 1


def test_damaged_or_missing_lists_are_named_and_cost_nothing(home: Path) -> None:
    path = lists_of_first(home)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    (row,) = rows(home)
    assert row["not_measured"] == "its lists are gone or damaged"
    assert "ndcg@10" not in row
    shutil.rmtree(home / "artefacts" / "published")
    shutil.rmtree(path.parent.parent)
    (row,) = rows(home)
    assert row["not_measured"] == "its lists are gone or damaged"
