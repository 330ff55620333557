"""Ten thousand users: what the tables say and what the packed release answers."""

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest

from core.release_store import ReleaseStore
from core.release_writer import ReleasePlan, ReleaseWriter
from core.schemas import EXPLANATIONS, ITEMS, LISTS, RECENT_ITEMS
from serving.agreement import unlike_tables
from serving.builder import ReleaseInputs, build_release
from serving.reader import open_release
from tests.serving.conftest import DAY_10, toy_tables

pytestmark = pytest.mark.faults
N_ITEMS, LENGTH = 500, 60


def tables(n_users: int):
    """Returns the toy world with many users, whose lists, titles and sentences are all drawn."""
    draw = np.random.default_rng(20)
    ids = [f"i{n:04}" for n in range(N_ITEMS)]
    users = [f"u{n:06}" for n in range(n_users)]
    toy = toy_tables()
    out = draw.random(N_ITEMS) < 0.05
    items = pl.DataFrame(
        {
            "item_id": ids, "title": [f"Title \"{n}\" \\ é{n}" for n in range(N_ITEMS)],
            "in_catalogue": True,
            "available_until_us": [DAY_10 if gone else None for gone in out],
        }
    )  # fmt: skip
    keys = [(item, kind) for item in range(N_ITEMS) for kind in range(3)]
    texts = pl.DataFrame(
        {
            "explanation_key": [f"k{item:04}-{kind}" for item, kind in keys],
            "target_item_id": [ids[item] for item, _ in keys],
            "reason_num": [kind for _, kind in keys],
            "source_item_id": [ids[(item + kind) % N_ITEMS] if kind else None
                               for item, kind in keys],
            "reason_type": ["same_theme" if kind else "popular" for _, kind in keys],
            "locale": "en", "origin": "template", "facts_hash": "f",
            "text": [f"Sentence {kind} of “{item}”." for item, kind in keys],
        }
    )  # fmt: skip
    order = np.argsort(draw.random((n_users, N_ITEMS)), axis=1)
    chosen = order[:, :LENGTH].ravel()
    kinds = draw.integers(0, 3, chosen.size)
    lists = pl.DataFrame(
        {
            "user_id": np.repeat(users, LENGTH), "rank": np.tile(np.arange(1, LENGTH + 1), n_users),
            "item_id": np.array(ids)[chosen],
            "item_num": chosen,
            "reason_num": kinds,
            "score": np.sort(draw.random((n_users, LENGTH)) * 3, axis=1)[:, ::-1].ravel(),
            "stage": "full", "source_scores": "{}",
            "reason_type": np.where(kinds > 0, "same_theme", "popular"),
            "explanation_key": [f"k{i:04}-{k}" for i, k in zip(chosen, kinds, strict=True)],
        }
    ).with_columns(sources=pl.lit(["als"]), rules=pl.lit([], pl.List(pl.String)))  # fmt: skip
    # Some of what is on the lists was touched since: no answer repeats it.
    recent = pl.DataFrame(
        {
            "user_id": np.repeat(users, 2), "rank": np.tile([1, 2], n_users),
            "item_id": np.array(ids)[order[:, [3, 100]].ravel()], "last_us": 0,
        }
    )  # fmt: skip
    base = {LISTS: lists, EXPLANATIONS: texts, ITEMS: items, RECENT_ITEMS: recent}
    whole = {
        table.name: frame.with_columns(
            pl.lit(None, kind).alias(name)
            for name, kind in table.polars.items()
            if name not in frame.columns
        )
        for table, frame in base.items()
    }
    known = pl.col("item_id").str.replace("m", "i000")
    return replace(
        toy, **whole, users=toy.users.clear(),
        segment_lists=toy.segment_lists.with_columns(known),
        neighbour_lists=toy.neighbour_lists.with_columns(
            known, neighbour_id=pl.col("neighbour_id").str.replace("m", "i000")
        ),
    )  # fmt: skip


@pytest.fixture
def built(tmp_path, trials) -> tuple[str, ReleaseStore, ReleaseInputs, int]:
    n_users = trials(1000, 10_000)
    inputs = tables(n_users).write(tmp_path / "tables")
    releases = ReleaseStore(tmp_path / "releases")
    plan = ReleasePlan("1970-01-11", {}, {}, 1)
    ReleaseWriter(releases).make(
        plan, lambda staging: build_release(staging, inputs, date(1970, 1, 11), n_shards=4)
    )
    return plan.version, releases, inputs, n_users


def test_every_user_reads_what_the_tables_say(built):
    name, releases, inputs, n_users = built
    release = open_release(releases.path(name))
    assert release.layout.n_users == n_users
    unlike = unlike_tables(release, inputs.recent_items, n_users)
    release.close()
    print(f"\n{n_users} users asked, {len(unlike)} read anything else")
    assert unlike == []


def test_a_user_who_reads_anything_else_is_found(built):
    """One user's list in the tables has two rows the other way round; nobody else's has."""
    name, releases, inputs, n_users = built
    path = releases.path(name) / "tables" / "lists.parquet"
    lists = pl.read_parquet(path)
    victim = lists["user_id"][0]
    rank = pl.col("rank")
    turned = pl.when(rank == 1).then(2).when(rank == 2).then(1).otherwise(rank)
    mine = pl.col("user_id") == victim
    path.unlink()
    lists.with_columns(rank=pl.when(mine).then(turned).otherwise(rank)).write_parquet(path)
    release = open_release(releases.path(name), verify="nothing")
    assert unlike_tables(release, inputs.recent_items, n_users) == [victim]
    release.close()
