import polars as pl
import pytest

from assets.explanations.facts import SHEET, fact_sheets, stable_hash


def test_a_sheet_holds_what_the_catalogue_says_and_no_more(items_of, settings) -> None:
    items = items_of([
        {
            "item_id": "2", "title": "Heat (1995)", "genres": ["Crime", " Crime ", "", "Drama"],
            "creators": ["Michael  Mann", None], "themes": ["heist<br>"],
            "facts": '{"year": 1996, "cast": ["Al Pacino", 7, {"x": 1}, null, ["y"]], '
                     '"series": " Saga ", "awards": "Best Heist"}',
        },
        {"item_id": "1", "title": "Up (2009)"},
    ])  # fmt: skip
    sheets = fact_sheets(items, settings)
    assert sheets.schema == pl.Schema(SHEET)
    assert sheets.drop("facts_hash").to_dicts() == [
        {
            "item_id": "1", "title": "Up", "year": 2009, "creators": [], "cast": [],
            "series": None, "themes": [], "genres": [], "awards": [],
        },
        {
            "item_id": "2", "title": "Heat", "year": 1996, "creators": ["Michael Mann"],
            "cast": ["Al Pacino"], "series": "Saga", "themes": ["heist"],
            "genres": ["Crime", "Drama"], "awards": ["Best Heist"],
        },
    ]  # fmt: skip


@pytest.mark.parametrize(
    "odd",
    [
        None,
        "",
        "no JSON",
        "[1]",
        '{"year": 19.5}',
        '{"cast": {"a": 1}, "series": ["b"]}',
        '{"cast": []}',
        '{"cast": [false, 7, ""], "series": false, "awards": true}',
        '{"cast": "", "series": "", "awards": 1}',
        '{"cast": ["<br>"], "series": "<br>", "awards": "\\u200b"}',
    ],
)
def test_facts_of_another_kind_count_as_absent(items_of, settings, odd) -> None:
    sheet = fact_sheets(items_of([{"item_id": "1", "title": "Up", "facts": odd}]), settings).row(
        0, named=True
    )
    assert (sheet["year"], sheet["cast"], sheet["series"], sheet["awards"]) == (None, [], None, [])


def test_the_hash_changes_with_every_fact_and_with_nothing_else(items_of, settings) -> None:
    base = {
        "item_id": "1", "title": "Up (2009)", "genres": ["A", "B"], "creators": ["C"],
        "themes": ["D"], "facts": '{"cast": ["E"], "series": "F", "awards": ["G"]}',
    }  # fmt: skip
    changes = [
        {"title": "Up (2010)"}, {"title": "Down (2009)"}, {"genres": ["AB"]},
        {"genres": ["B", "A"]}, {"genres": ["A"], "themes": ["B", "D"]}, {"creators": []},
        {"themes": ["D", "D2"]}, {"item_id": "2"},
        {"facts": '{"cast": ["E"], "series": "F"}'}, {"facts": '{"cast": ["E"], "awards": ["G"]}'},
        {"facts": '{"series": "F", "awards": ["G"]}'},
    ]  # fmt: skip

    def hash_of(row: dict) -> str:
        return fact_sheets(items_of([row]), settings)["facts_hash"].item()

    hashes = [hash_of({**base, **change}) for change in changes]
    assert len({hash_of(base), *hashes}) == 1 + len(changes)
    respelled = '{"awards": ["G"], "cast":["E"],"series":"F", "budget": 3}'
    assert hash_of({**base, "facts": respelled, "released_us": 5}) == hash_of(base)


def test_the_hash_is_the_same_on_every_machine(items_of, settings) -> None:
    sheet = fact_sheets(items_of([{"item_id": "1", "title": "Up (2009)"}]), settings)
    expected = stable_hash(pl.Series(["1\x1eUp\x1e2009" + "\x1e" * 6]), 16).item()
    assert sheet["facts_hash"].item() == expected
    assert stable_hash(pl.Series(["abc"]), 16).item() == "ba7816bf8f01cfea"
