import polars as pl

from assets.explanations.shared_facts import read_catalogue, shared_facts
from core.explanation_settings import ExplanationSettings


def test_shared_facts_in_the_order_and_spelling_of_the_target(items_of, settings) -> None:
    items = items_of([
        {"item_id": "a", "genres": ["Crime", "Drama", "War"], "creators": ["X"],
         "themes": ["heist"], "facts": '{"cast": ["P", "Q"], "series": "S"}'},
        {"item_id": "b", "genres": ["War", "drama", "Crime"], "creators": ["Y"],
         "themes": ["HEIST"], "facts": '{"cast": ["Q"], "series": "s"}'},
        {"item_id": "c", "creators": ["Q"], "themes": ["P"]},
    ])  # fmt: skip
    pairs = pl.DataFrame(
        [("a", "b"), ("b", "a"), ("a", "c"), ("a", "unknown"), ("unknown", "a")],
        schema=["source_item_id", "target_item_id"], orient="row",
    )  # fmt: skip
    found = shared_facts(pairs, read_catalogue(items, settings), 2)
    assert found.rows() == [
        ("a", "b", "same_cast", ["Q"]),
        ("a", "b", "same_genre", ["War", "drama"]),
        ("a", "b", "same_series", ["s"]),
        ("a", "b", "same_theme", ["HEIST"]),
        ("b", "a", "same_cast", ["Q"]),
        ("b", "a", "same_genre", ["Crime", "Drama"]),
        ("b", "a", "same_series", ["S"]),
        ("b", "a", "same_theme", ["heist"]),
    ]


def test_no_pairs_share_nothing(items_of, settings) -> None:
    none = pl.DataFrame(schema={"source_item_id": pl.String, "target_item_id": pl.String})
    catalogue = read_catalogue(items_of([{"item_id": "a", "genres": ["X"]}]), settings)
    assert shared_facts(none, catalogue, 2).height == 0


def test_notes_to_oneself_verdicts_and_markup_are_never_spoken(items_of) -> None:
    unfit = [
        "toplist07", "getdvd", "tivo", "overrated", "Nudity (Topless)", "http://x.y", "a<b",
        "-", "x" * 61, "Katso Sanna!", "(no genres listed)", "www.z.org",
    ]  # fmt: skip
    fit = ["twist ending", "Sci-Fi", "holograms", "ownership", "Essex", "watchmakers", "1930s"]
    items = items_of([{"item_id": "a", "themes": unfit + fit}])
    catalogue = read_catalogue(items, ExplanationSettings())
    assert set(catalogue.tokens["spoken"]) == set(fit)
    assert catalogue.sheets["themes"].item().to_list() == unfit + fit


def test_a_stricter_list_silences_more(items_of) -> None:
    items = items_of([{"item_id": "a", "genres": ["Erotic", "Drama"]}])
    catalogue = read_catalogue(items, ExplanationSettings(unspoken=("^erotic$",)))
    assert catalogue.tokens["spoken"].to_list() == ["Drama"]
