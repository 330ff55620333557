import polars as pl

from assets.explanations.preferences import preferred_genres


def test_the_first_genre_of_the_item_that_the_user_said_they_like() -> None:
    items = pl.DataFrame({
        "item_id": ["1", "2", "3"], "genres": [["Drama", "Crime"], ["War"], None],
    })  # fmt: skip
    users = pl.DataFrame({
        "user_id": ["a", "b", "c"], "preferences": [["crime ", "Drama", "war"], ["Crime"], None],
    })  # fmt: skip
    rows = pl.DataFrame({
        "user_id": ["b", "a", "a", "a", "b", "c", "z"],
        "item_id": ["1", "1", "2", "3", "2", "1", "1"],
        "rank": [1, 1, 2, 3, 2, 1, 1],
    })  # fmt: skip
    found = preferred_genres(rows, users, items)
    assert found.drop("preference_genre").equals(rows)
    assert found["preference_genre"].to_list() == ["Crime", "Drama", "War", None, None, None, None]
