import json

import polars as pl
import pytest

from core.item_facts import NAMES, names_in_facts


def names(value: object) -> dict[str, object]:
    text = value if isinstance(value, str) else json.dumps(value)
    return names_in_facts(pl.Series([text])).row(0, named=True)


@pytest.mark.parametrize("odd", [False, True, 0, 7, 2.5, None, "", "  ", "\u2003", {"a": "b"}])
def test_what_is_no_text_is_no_name(odd: object) -> None:
    nothing = {"cast": [], "awards": [], "series": None}
    assert names({"series": odd, "cast": odd, "awards": [odd, odd]}) == nothing
    assert names({"series": odd, "cast": ["Ann", odd, "Bo"]}) == {**nothing, "cast": ["Ann", "Bo"]}


@pytest.mark.parametrize(
    "broken",
    ["", "no JSON", "7", "null", '"One"', '["One"]', '{"series": "One"', '{"series": "\\q"}',
     '{"series": "One", "x": NaN}', '{"x":' * 100_000],
)  # fmt: skip
def test_what_is_no_object_gives_no_name(broken: str) -> None:
    assert names(broken) == {"cast": [], "awards": [], "series": None}


def test_names_are_trimmed_and_keep_their_order() -> None:
    stated = {"cast": [" Bo ", "Ann", "Bo"], "awards": "Best Heist", "series": "\tOne\n", "x": [1]}
    expected = {"cast": ["Bo", "Ann", "Bo"], "awards": ["Best Heist"], "series": "One"}
    assert names(stated) == expected
    assert names({"series": ["One"]})["series"] is None, "a list is no name"
    assert names({"series": "null", "cast": ["false", "7"]}) == {
        "cast": ["false", "7"], "awards": [], "series": "null",
    }  # fmt: skip


def test_rows_stay_in_place() -> None:
    found = names_in_facts(pl.Series([None, '{"series": "One"}', "x"], dtype=pl.String))
    assert found.schema == pl.Schema(NAMES)
    assert found["series"].to_list() == [None, "One", None]
    assert names_in_facts(pl.Series([], dtype=pl.String)).schema == pl.Schema(NAMES)
