"""Why an item is on a list or is not: each sentence brought about once."""

import polars as pl
import pytest

from core.days import DAY_US
from core.home import Home
from core.release_store import ReleaseStore
from core.release_writer import ReleasePlan, ReleaseWriter
from core.schemas import CANDIDATES, INTERACTIONS, ITEMS, LISTS, SOURCES, USERS
from orchestration.release_past import ReleasePast
from orchestration.why_item import fate
from tests.toy import AS_OF, BEFORE_US, rows_of


@pytest.fixture
def past(tmp_path):
    """A release of four items: `ended` could be had until D, `lasting` a day longer."""
    home = Home(tmp_path)
    writer = ReleaseWriter(ReleaseStore(home.releases))
    config = {"lists": {"candidates_per_source": 12}}
    plan = ReleasePlan(AS_OF.isoformat(), {}, config, 1)
    staging = writer.begin(plan)
    until = {"ended": BEFORE_US, "lasting": BEFORE_US + DAY_US}
    rows = [
        {"item_id": item, "title": item.title(), "genres": ["Horror", "Comedy"], "category": "War",
         "in_catalogue": True, "available_until_us": until.get(item)}
        for item in ("ended", "lasting", "plain", "shown")
    ]  # fmt: skip
    staging.write_table(rows_of(ITEMS, rows), ITEMS, "tables")
    return ReleasePast(home, writer.commit(plan, staging).version)


LISTED = rows_of(
    LISTS,
    [
        {"user_id": "ann", "rank": rank, "item_id": item, "sources": ["als", "category"],
         "source_scores": '{"als":0.5,"category":3.0}'}
        for rank, item in ((1, "other"), (2, "shown"))
    ],
)  # fmt: skip
PROPOSED = rows_of(
    CANDIDATES,
    [{**{f"{name}_rank": 0 for name in SOURCES}, "als_rank": 7, "als_score": 0.25}],
)
TOUCHED = rows_of(INTERACTIONS, [{"user_id": "ann", "item_id": "lasting", "n_events": 3}])


def told(past, item_id, *, listed=LISTED, dislikes=(), proposed=None, touched=TOUCHED):
    """Asks for an item; `proposed` names those that als proposed, None that nobody knows."""
    account = None if dislikes is None else rows_of(USERS, [{"dislikes": list(dislikes)}])
    candidates = None
    if proposed is not None:
        named = PROPOSED.clear() if item_id not in proposed else PROPOSED
        candidates = named.with_columns(item_id=pl.lit(item_id))
    return fate(past, item_id, listed, account, touched, candidates)


def test_on_the_list(past):
    found = told(past, "shown", proposed=["shown"])
    assert found == {
        "item_id": "shown", "title": "Shown", "rank": 2, "because": "it stands at place 2 of 2",
        "proposed_by": {"als": {"rank": 7, "score": 0.25}},
    }  # fmt: skip


def test_on_the_list_where_the_candidates_are_gone(past):
    found = told(past, "shown")
    assert found["rank"] == 2
    assert found["proposed_by"] == {
        "als": {"rank": None, "score": 0.5}, "category": {"rank": None, "score": 3.0},
    }  # fmt: skip


NOT_ON_THE_LIST = {
    "ranked behind": (
        "plain", {"proposed": ["plain"]}, "it was proposed, and ranked behind the 2 of the list",
    ),
    "a disliked genre": (
        "plain", {"proposed": ["plain"], "dislikes": ["Drama", " COMEDY "]},
        "the rule against what the user dislikes took it out: comedy",
    ),
    "a disliked category": (
        "plain", {"proposed": ["plain"], "dislikes": ["war", "horror"]},
        "the rule against what the user dislikes took it out: horror, war",
    ),
    "proposed, dislikes gone": (
        "plain", {"proposed": ["plain"], "dislikes": None},
        "it was proposed, and is not among the 2 of the list; users, which would tell whether "
        "the user dislikes its kind, are kept no more",
    ),
    "touched": (
        "lasting", {"proposed": []}, "no source proposed it: the user had touched it (3 events)",
    ),
    "ended": ("ended", {"proposed": []}, "no source proposed it: it could not be had any more"),
    "not proposed": (
        "plain", {"proposed": []}, "no source had it among its 12 best for the user",
    ),
    "not proposed, history gone": (
        "plain", {"proposed": [], "touched": None},
        "no source proposed it; interactions, which would tell whether the user had touched it, "
        "are kept no more",
    ),
    "candidates gone": (
        "plain", {},
        "it is not on the list; candidates, which would tell why, are kept no more",
    ),
    "no list": (
        "plain", {"listed": LISTED.clear(), "proposed": []},
        "the user has no list of their own: the segment lists and trending answer",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", NOT_ON_THE_LIST)
def test_not_on_the_list(past, case):
    item, given, because = NOT_ON_THE_LIST[case]
    found = told(past, item, **given)
    assert (found["rank"], found["because"]) == (None, because)
    by = {"als": {"rank": 7, "score": 0.25}} if given.get("proposed") else {}
    assert found["proposed_by"] == (by if "proposed" in given else None)
