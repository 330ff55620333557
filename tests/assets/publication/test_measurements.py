"""What the gate reads of the lists; each number is brought about once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assets.publication.measurements import against_champion, list_measurements
from core.artefact import Artefact
from core.errors import IntegrityError
from core.release_store import ReleaseStore
from core.release_writer import ReleasePlan, ReleaseWriter
from core.schemas import INTERACTIONS, ITEMS, LISTS, SEGMENT_LISTS, USERS, Table
from core.store import Plan, Store
from tests import toy

NAN, INFINITY = float("nan"), float("inf")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "artefacts")


def stored(store: Store, table: Table, rows: list[dict[str, Any]], part: str = "") -> Artefact:
    plan = Plan(table.name, "2024-03-10", {}, {"rows": repr(rows)}, 1)
    staging = store.begin(plan)
    staging.write_table(toy.rows_of(table, rows), table, part)
    return store.commit(plan, staging)


def list_row(user: str, rank: int, item: str, **more: Any) -> dict[str, Any]:
    return {
        "user_id": user, "rank": rank, "item_id": item, "score": 0.5, "stage": "full",
        "sources": ["als"], "source_scores": "{}", "rules": [], "reason_type": "popular",
        "explanation_key": "k", "item_num": 0, "reason_num": 0, **more,
    }  # fmt: skip


def pair(user: str, item: str) -> dict[str, Any]:
    return {
        "user_id": user, "item_id": item, "weight_micro": 1, "n_events": 1, "n_negative": 0,
        "last_us": 0,
    }  # fmt: skip


def measured(
    store: Store,
    lists: list[dict[str, Any]],
    pairs: list[dict[str, Any]],
    segments: list[float] | None = None,
    opted_out: tuple[str, ...] = (),
) -> dict[str, float]:
    people = sorted({"ann", "ben", "cai", *opted_out})
    shown = [
        {"segment": "trending", "rank": rank, "item_id": f"i{rank}", "score": score}
        for rank, score in enumerate(segments or [1.0], 1)
    ]
    accounts = [{"user_id": u, "opted_out": u in opted_out} for u in people]
    return list_measurements(
        stored(store, LISTS, lists).table_path(LISTS),
        stored(store, USERS, accounts).table_path(USERS),
        stored(store, INTERACTIONS, pairs, "release").table_path(INTERACTIONS, "release"),
        stored(store, SEGMENT_LISTS, shown).table_path(SEGMENT_LISTS),
    )


def test_lists_in_order(store: Store) -> None:
    lists = [list_row("ann", 1, "x"), list_row("ann", 2, "y"), list_row("ben", 1, "x")]
    assert measured(store, lists, [pair("ann", "z"), pair("ben", "y")]) == {
        "users_covered": 2.0, "empty_list_share": 0.0, "seen_items": 0.0, "non_finite_numbers": 0.0,
    }  # fmt: skip


def test_people_with_a_history_and_no_list_are_counted(store: Store) -> None:
    pairs = [pair(user, "z") for user in ("ann", "ben", "cai", "bot", "out")]
    found = measured(store, [list_row("ann", 1, "x")], pairs, opted_out=("out",))
    # Of ann, ben and cai; neither who opted out nor who is not among the users.
    assert found["empty_list_share"] == pytest.approx(2 / 3)
    assert found["users_covered"] == 1


def test_who_has_no_history_needs_no_list(store: Store) -> None:
    assert measured(store, [], [])["empty_list_share"] == 0
    assert measured(store, [list_row("ben", 1, "x")], [pair("ben", "y")])["empty_list_share"] == 0


def test_seen_items_are_counted_by_row(store: Store) -> None:
    lists = [list_row("ann", 1, "x"), list_row("ann", 2, "y"), list_row("ben", 1, "x")]
    pairs = [pair("ann", "x"), pair("ann", "y"), pair("ben", "y")]
    assert measured(store, lists, pairs)["seen_items"] == 2


@pytest.mark.parametrize("column", ["score", "ranker_score", "seed_contribution"])
@pytest.mark.parametrize("bad", [NAN, INFINITY, -INFINITY])
def test_numbers_that_are_none_are_counted(store: Store, column: str, bad: float) -> None:
    lists = [list_row("ann", 1, "x"), list_row("ann", 2, "y", **{column: bad})]
    assert measured(store, lists, [])["non_finite_numbers"] == 1


def test_numbers_of_all_columns_and_of_segments_add_up(store: Store) -> None:
    lists = [list_row("ann", 1, "x", score=NAN, ranker_score=INFINITY), list_row("ben", 1, "x")]
    found = measured(store, lists, [], segments=[1.0, NAN, -INFINITY])
    assert found["non_finite_numbers"] == 4


def release(root: Path, lists: list[dict[str, Any]], n_items: int) -> Path:
    """Stores the tables of a champion's release; returns its folder."""
    writer = ReleaseWriter(ReleaseStore(root))
    plan = ReleasePlan("2024-03-09", {}, {}, 1)
    staging = writer.begin(plan)
    items = toy.rows_of(ITEMS, [{"item_id": f"i{n}", "in_catalogue": True} for n in range(n_items)])
    staging.write_table(toy.rows_of(LISTS, lists), LISTS, "tables")
    staging.write_table(items, ITEMS, "tables")
    return writer.commit(plan, staging).path


def compared(
    store: Store, tmp_path: Path, old: list[dict[str, Any]], new: list[dict[str, Any]],
    n_items: tuple[int, int] = (4, 4),
) -> dict[str, float | None]:  # fmt: skip
    champion = release(tmp_path / "champion", old, n_items[0])
    return against_champion(stored(store, LISTS, new).table_path(LISTS), n_items[1], champion)


def some(user: str, *items: str) -> list[dict[str, Any]]:
    return [list_row(user, rank, item) for rank, item in enumerate(items, 1)]


def test_the_same_lists_overlap_wholly(store: Store, tmp_path: Path) -> None:
    lists = some("ann", "x", "y") + some("ben", "z")
    assert compared(store, tmp_path, lists, lists) == {
        "users_covered_ratio": 1.0, "items_ratio": 1.0, "list_overlap": 1.0,
    }  # fmt: skip


def test_overlap_is_the_mean_over_the_users_of_both(store: Store, tmp_path: Path) -> None:
    old = some("ann", "x", "y") + some("ben", "z") + some("cai", "x")
    new = some("ann", "y", "new") + some("ben", "other") + some("dot", "x") + some("eve", "x")
    found = compared(store, tmp_path, old, new, (5, 4))
    # ann shares one of three, ben none of two; cai and dot are in one release only.
    assert found["list_overlap"] == pytest.approx((1 / 3 + 0) / 2)
    assert found["users_covered_ratio"] == pytest.approx(4 / 3)
    assert found["items_ratio"] == pytest.approx(4 / 5)


def test_the_order_within_the_top_ten_and_all_behind_it_do_not_count(
    store: Store, tmp_path: Path
) -> None:
    ten = [f"t{n}" for n in range(10)]
    found = compared(
        store, tmp_path, some("ann", *ten, "a", "b"), some("ann", *reversed(ten), "c", "d")
    )
    assert found["list_overlap"] == 1


def test_nothing_to_compare_with_is_no_number(store: Store, tmp_path: Path) -> None:
    assert compared(store, tmp_path, [], some("ann", "x"), (0, 4)) == {
        "users_covered_ratio": None, "items_ratio": None, "list_overlap": None,
    }  # fmt: skip


def test_releases_without_a_common_user_have_no_overlap(store: Store, tmp_path: Path) -> None:
    found = compared(store, tmp_path, some("ann", "x"), some("ben", "x"))
    assert found["list_overlap"] is None
    assert found["users_covered_ratio"] == 1


@pytest.mark.parametrize("table", [LISTS, ITEMS], ids=lambda table: table.name)
@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda path: path.write_bytes(b"PAR1 and no more"), "its manifest says"),
        (lambda path: path.unlink(), "is missing"),
    ],
    ids=["torn", "gone"],
)
def test_a_damaged_champion_is_named(
    store: Store, tmp_path: Path, table: Table, harm: Callable[[Path], None], told: str
) -> None:
    champion = release(tmp_path / "champion", some("ann", "x"), 4)
    path = champion / "tables" / f"{table.name}.parquet"
    harm(path)
    with pytest.raises(IntegrityError, match=told) as refused:
        against_champion(stored(store, LISTS, []).table_path(LISTS), 4, champion)
    assert str(refused.value).startswith(str(path))


def test_a_champion_without_a_manifest_is_not_passed_over(store: Store, tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match=r"manifest\.json cannot be read"):
        against_champion(stored(store, LISTS, []).table_path(LISTS), 4, tmp_path / "no release")
