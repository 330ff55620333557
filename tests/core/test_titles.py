import polars as pl
import pytest

from core.titles import display_titles, plain_text, title_year


def shown(title: str | None, *, item_id: str = "42", max_chars: int = 120) -> str:
    frame = pl.DataFrame(
        {"item_id": [item_id], "title": [title]}, schema_overrides={"title": pl.String}
    )
    return display_titles(frame, max_chars).item()


@pytest.mark.parametrize(
    ("filed", "spoken"),
    [
        (
            "Good, the Bad and the Ugly, The (Buono, il brutto, il cattivo, Il) (1966)",
            "The Good, the Bad and the Ugly",
        ),
        ("Usual Suspects, The (1995)", "The Usual Suspects"),
        ("Beautiful Mind, A (2001)", "A Beautiful Mind"),
        ("American Werewolf in London, An (1981)", "An American Werewolf in London"),
        ("Misérables, Les (1998)", "Les Misérables"),
        ("Avventura, L' (Adventure, The) (1960)", "L'Avventura"),
        ("To Have, or Not (En avoir (ou pas)) (1995)", "To Have, or Not"),
        ("(500) Days of Summer (2009)", "(500) Days of Summer"),
        ("(Untitled) (2009)", "(Untitled)"),
        ("Lord of the Rings: The Two Towers, The (2002)", "The Lord of the Rings: The Two Towers"),
        ("Girl, Interrupted (1999)", "Girl, Interrupted"),
        ("Bye Bye, Love (1995)", "Bye Bye, Love"),
        ("Big Bang Theory, The (2007-)", "The Big Bang Theory"),
        ("Fawlty Towers (1975-1979)", "Fawlty Towers"),
        ("Rocky VI (1986) ", "Rocky VI"),
        ("1984", "1984"),
        ("2001: A Space Odyssey (1968)", "2001: A Space Odyssey"),
        ("Yesterday (Live)", "Yesterday (Live)"),
        ("Fresh Air, La", "Fresh Air, La"),
        ("Stranger Things", "Stranger Things"),
        ("A <b>bold</b>\n\tclaim\u200b\u202e", "A bold claim"),
        ("Cafe\u0301 Society (2016)", "Café Society"),
    ],
)
def test_a_title_is_shown_as_people_say_it(filed: str, spoken: str) -> None:
    assert shown(filed) == spoken


@pytest.mark.parametrize("nothing", [None, "", "  ", "\u200b", "<br>"])
def test_an_item_without_title_is_called_by_its_id_in_quotes(nothing: str | None) -> None:
    assert shown(nothing, item_id="858") == "“858”"


def test_a_long_title_is_cut_with_an_ellipsis() -> None:
    assert shown("word " * 50, max_chars=20) == "word word word word…"
    assert shown("x" * 20, max_chars=20) == "x" * 20


def test_the_year_is_the_one_at_the_end() -> None:
    titles = pl.Series(["Heat (1995)", "Dark (2017-2020)", "1984", "Born (1990) Again", None])
    assert pl.select(title_year(pl.lit(titles))).to_series().to_list() == [
        1995,
        2017,
        None,
        None,
        None,
    ]


def test_plain_text_keeps_other_scripts() -> None:
    assert pl.select(plain_text(pl.lit("  七人の侍 a < b & c  "))).item() == "七人の侍 a < b & c"
