"""What people said is found whatever its case, and even where one item alone has it."""

import polars as pl

from assets.models.arrays import Numbering
from assets.models.labels import item_labels, label_names, labelled_items, stated_labels
from core.schemas import ITEMS, USERS
from tests import toy

NUMBERING = Numbering(pl.Series(["ann", "ben"]), pl.Series(["a", "b", "c"]))
CATALOGUE = toy.rows_of(
    ITEMS,
    [
        {"item_id": "a", "category": "Drama", "genres": ["drama", "War", None]},
        {"item_id": "b", "category": " Politics "},
        {"item_id": "c"},
    ],
)


def test_labels_are_genres_and_categories() -> None:
    assert sorted(item_labels(CATALOGUE).rows()) == [
        ("a", "drama"),
        ("a", "war"),
        ("b", "politics"),
    ]
    assert label_names(CATALOGUE) == ["drama", "politics", "war"]
    found = labelled_items(CATALOGUE, NUMBERING, label_names(CATALOGUE))
    assert found.toarray().tolist() == [[1, 0, 1], [0, 1, 0], [0, 0, 0]]


def test_what_users_state_is_found_by_name() -> None:
    users = toy.rows_of(
        USERS,
        [
            {"user_id": "ann", "dislikes": ["politics", "POLITICS", None, "unheard of"]},
            {"user_id": "ben", "preferences": ["War"]},
        ],
    )
    names = label_names(CATALOGUE)
    assert stated_labels(users, NUMBERING, "dislikes", names).toarray().tolist() == [
        [0, 1, 0], [0, 0, 0],
    ]  # fmt: skip
    assert stated_labels(users, NUMBERING, "preferences", names).toarray().tolist() == [
        [0, 0, 0], [0, 0, 1],
    ]  # fmt: skip
