"""What the server answers is what the lists say, item for item and word for word."""

import msgspec
import numpy as np
import polars as pl
import pytest

from core.home import Home
from core.release_store import ReleaseStore
from serving.answer import recommendations
from serving.ladder import choose
from serving.reader import open_release
from tests import small_world

N_SAMPLED = 300
COUNT = 20


@pytest.fixture(scope="session")
def nights(tmp_path_factory):
    return small_world.built(tmp_path_factory)


@pytest.fixture
def served(nights):
    releases = ReleaseStore(Home(nights).releases)
    release = open_release(releases.path(releases.log.current()))
    yield release
    release.close()


@pytest.fixture
def tables(nights):
    releases = ReleaseStore(Home(nights).releases)
    folder = releases.path(releases.log.current()) / "tables"
    return {path.stem: pl.read_parquet(path) for path in folder.glob("*.parquet")}


def expected(tables):
    """Returns what each user should read, from the tables alone."""
    texts = tables["explanations"].select(
        "explanation_key", "source_item_id", "text", "origin", "reason_type"
    )
    titles = tables["items"].select("item_id", "title")
    return (
        tables["lists"]
        .filter(pl.col("rank") <= COUNT)
        .drop("reason_type")
        .join(texts, on="explanation_key", how="left", maintain_order="left")
        .join(titles, on="item_id", how="left", maintain_order="left")
        .sort("user_id", "rank")
    )


def test_sampled_users_read_their_lists(served, tables):
    rows = expected(tables)
    users = rows["user_id"].unique().sort()
    assert len(users) > 300
    chosen = np.random.default_rng(20).choice(users.to_numpy(), N_SAMPLED, replace=False)
    wanted = dict(rows.partition_by("user_id", as_dict=True))
    for user in sorted(chosen):
        body = recommendations(served, user, choose(served, user, COUNT), 0)
        answer = msgspec.json.decode(body)
        want = wanted[(user,)]
        assert answer["rung"] == "personal"
        assert [item["item_id"] for item in answer["items"]] == want["item_id"].to_list()
        assert [item["rank"] for item in answer["items"]] == want["rank"].to_list()
        assert [item["title"] for item in answer["items"]] == want["title"].to_list()
        assert [item["reason"] for item in answer["items"]] == [
            {"type": kind, "source_item_id": seed, "text": text, "origin": origin}
            for kind, seed, text, origin in want.select(
                "reason_type", "source_item_id", "text", "origin"
            ).iter_rows()
        ]
        scores = np.array([item["score"] for item in answer["items"]])
        np.testing.assert_allclose(scores, want["score"].to_numpy(), atol=1e-4)


def test_the_ranking_and_the_list_name_one_reason(tables):
    joined = tables["lists"].join(
        tables["explanations"], on="explanation_key", how="left", suffix="_of_text"
    )
    assert joined.filter(pl.col("reason_type") != pl.col("reason_type_of_text")).height == 0


def test_a_stranger_reads_what_is_trending(served, tables):
    segments = tables["segment_lists"].filter(pl.col("segment") == "trending").sort("rank")
    body = recommendations(served, "a stranger", choose(served, "a stranger", COUNT), 0)
    answer = msgspec.json.decode(body)
    assert answer["rung"] == "trending"
    assert [item["item_id"] for item in answer["items"]] == segments["item_id"].to_list()[:COUNT]


def test_neighbours_are_those_of_the_table(served, tables):
    from serving.answer import similar

    rows = tables["neighbour_lists"].sort("item_id", "rank")
    for (item,), want in rows.head(2_000).group_by("item_id", maintain_order=True):
        number = served.item_num(item)
        answer = msgspec.json.decode(similar(served, item, number, 10, 0))
        assert [one["item_id"] for one in answer["items"]] == want["neighbour_id"].to_list()[:10]
