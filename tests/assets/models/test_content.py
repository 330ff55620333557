import json

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp

from assets.models.arrays import Numbering
from assets.models.content import (
    content_affinity,
    item_content,
    item_tokens,
    user_preferences,
    vocabulary,
    weighted_content,
)
from core.schemas import ITEMS, USERS
from tests import toy

NUMBERING = Numbering(pl.Series(["ann", "ben", "cai"]), pl.Series(["a", "b", "c", "d"]))


def items(*rows: dict[str, object]) -> pl.DataFrame:
    return toy.rows_of(ITEMS, rows)


def facts(value: object) -> pl.DataFrame:
    text = value if isinstance(value, str) else json.dumps(value)
    return items({"item_id": "a", "facts": text}, {"item_id": "b", "facts": '{"series": "Sure"}'})


CATALOGUE = items(
    {
        "item_id": "a", "category": "Drama", "genres": ["Drama", "War"], "creators": ["Kim"],
        "themes": ["heist"], "facts": '{"cast": ["Ann Lee", "Bo"], "series": "One", "year": 1999}',
    },
    {"item_id": "b", "category": "Drama", "genres": ["Drama", "Drama", None], "themes": ["heist"]},
    {"item_id": "c", "facts": '{"cast": ["Bo"]}'},
)  # fmt: skip


def test_tokens_say_what_an_item_is_about() -> None:
    assert item_tokens(CATALOGUE).rows() == [
        ("a", "cast:Ann Lee"),
        ("a", "cast:Bo"),
        ("a", "category:Drama"),
        ("a", "creator:Kim"),
        ("a", "genre:Drama"),
        ("a", "genre:War"),
        ("a", "series:One"),
        ("a", "theme:heist"),
        ("b", "category:Drama"),
        ("b", "genre:Drama"),
        ("b", "theme:heist"),
        ("c", "cast:Bo"),
    ]


def test_an_item_of_which_nothing_is_known_has_no_token() -> None:
    assert item_tokens(items({"item_id": "a"}, {"item_id": "b", "genres": []})).is_empty()
    assert item_tokens(items()).is_empty()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"cast": ["Ann", 'Quo"te', "br[ack]et", "{x}", "back\\slash"]},
         ["cast:Ann", "cast:Quo\"te", "cast:back\\slash", "cast:br[ack]et", "cast:{x}"]),
        ({"cast": "Ann"}, ["cast:Ann"]),
        ({"cast": [1, 2.5, False, ""]}, []),
        ({"cast": False, "series": ""}, []),
        ({"cast": "", "series": " "}, []),
        ({"cast": []}, []),
        ({"cast": None, "series": None}, []),
        ({"cast": {"lead": "Ann"}}, []),
        ({"cast": [["Ann"]]}, []),
        ({"cast": [{"name": "Ann"}]}, []),
        ({"cast": ["Ann", {"name": "Bo"}]}, ["cast:Ann"]),
        ({"cast": "{"}, ["cast:{"]),
        ({"series": {"name": "One"}}, []),
        ({"series": ["One", "Two"]}, []),
        ({"series": ["One"]}, []),
        ({"series": 7}, []),
        ({"series": True}, []),
        ({"series": False}, []),
        ({}, []),
        ([1, 2], []),
        ("not json", []),
        ("", []),
        ("7", []),
        ('{"cast": ["Ann"', []),
    ],
)  # fmt: skip
def test_facts_from_outside_never_stop_the_night(value: object, expected: list[str]) -> None:
    found = item_tokens(facts(value))
    assert found.filter(item_id="a")["token"].to_list() == expected
    assert found.filter(item_id="b")["token"].to_list() == ["series:Sure"]


def test_the_vocabulary_is_what_items_share() -> None:
    assert vocabulary(CATALOGUE) == ["cast:Bo", "category:Drama", "genre:Drama", "theme:heist"]
    assert len(vocabulary(CATALOGUE, 1)) == 8
    assert vocabulary(CATALOGUE, 3) == []


def test_item_content_is_multi_hot_by_item_and_token() -> None:
    tokens = ["cast:Bo", "genre:Drama", "theme:heist", "theme:unused"]
    found = item_content(CATALOGUE, NUMBERING, tokens)
    assert found.toarray().tolist() == [[1, 1, 1, 0], [0, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    assert found.dtype == np.float32
    assert item_content(CATALOGUE, NUMBERING, []).shape == (4, 0)
    assert item_content(items({"item_id": "zz", "category": "X"}), NUMBERING, tokens).nnz == 0


def test_preferences_are_columns_of_the_same_tokens() -> None:
    users = toy.rows_of(
        USERS,
        [
            {"user_id": "ann", "preferences": ["War", " drama ", "War", None, "Unheard of"]},
            {"user_id": "ben", "preferences": ["Politics"]},
            {"user_id": "who", "preferences": ["Drama"]},
        ],
    )
    tokens = ["category:Drama", "category:politics", "genre:Drama", "genre:War", "theme:drama"]
    liked = user_preferences(users, NUMBERING, tokens)
    assert liked.toarray().tolist() == [[0, 0, 1, 1, 0], [0, 1, 0, 0, 0], [0, 0, 0, 0, 0]]
    assert user_preferences(users, NUMBERING, []).shape == (3, 0)


def test_rare_tokens_weigh_more_and_rows_are_unit_vectors() -> None:
    content = sp.csr_matrix(np.array([[1, 1, 0], [1, 0, 0], [1, 0, 1], [0, 0, 0]], np.float32))
    found = weighted_content(content).toarray()
    common, rare = np.log(5 / 4), np.log(5 / 2)
    both = np.hypot(common, rare)
    expected = [
        [common / both, rare / both, 0],
        [1, 0, 0],
        [common / both, 0, rare / both],
        [0] * 3,
    ]
    assert np.abs(found - np.array(expected)).max() < 1e-6


def test_what_every_item_has_says_nothing() -> None:
    content = sp.csr_matrix(np.array([[1, 1], [1, 0]], np.float32))
    assert weighted_content(content).toarray()[1].tolist() == [0, 0]


def test_affinity_is_the_cosine_with_the_weighted_history() -> None:
    unit = sp.csr_matrix(np.array([[1, 0], [0, 1], [0.6, 0.8], [0, 0]], np.float32))
    weights = sp.csr_matrix(np.array([[3, 0, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 9]]))
    rows = np.array([0, 0, 0, 0, 1, 1, 2, 3])
    items_ = np.array([0, 1, 2, 3, 0, 2, 2, 2])
    found = content_affinity(weights, unit, rows, items_)
    half = np.sqrt(0.5)
    assert found == pytest.approx([1, 0, 0.6, 0, half, 1.4 * half, 0, 0])
    assert found.dtype == np.float32
    assert content_affinity(weights, unit, rows[:0], items_[:0]).tolist() == []


def test_affinity_does_not_depend_on_the_order_of_the_pairs_or_on_other_users() -> None:
    draw = np.random.default_rng(7)
    unit = weighted_content(sp.random(30, 12, 0.3, "csr", np.float32, draw))
    weights = sp.random(8, 30, 0.2, "csr", np.float32, draw)
    rows, items_ = draw.integers(0, 8, 200), draw.integers(0, 30, 200)
    whole = content_affinity(weights, unit, rows, items_)
    order = draw.permutation(200)
    assert content_affinity(weights, unit, rows[order], items_[order]).tolist() == (
        whole[order].tolist()
    )
    mine = rows == 3
    alone = content_affinity(weights[[3]], unit, np.zeros(mine.sum(), int), items_[mine])
    assert alone.tolist() == whole[mine].tolist()
    assert ((whole >= 0) & (whole <= 1 + 1e-6)).all()
