"""A diff as Markdown: what it holds, and that titles from outside stay text."""

import pytest

from core.home import Home
from serving.diff_text import to_markdown
from serving.release_diff import diff_releases, unnamed


@pytest.fixture
def document(tmp_path, toy):
    home = Home(tmp_path)
    for day, suffix in (("1970-01-11", ""), ("1970-01-12", " | ![x](http://127.0.0.1/y)\x1b[2J")):
        toy.publish(home.releases, day, 1, toy.tables(suffix))
    return diff_releases(home)


def cells(line):
    return [cell.strip() for cell in line.replace("\\|", "¦").strip("|").split("|")]


def test_every_table_is_one(document):
    for table in to_markdown(document).strip().split("\n\n"):
        header, rule, *rows = table.splitlines()
        assert set(rule) <= set("|:- ")
        assert {len(line) for line in (header, rule)} == {len(header)}
        assert rows
        assert {len(cells(row)) for row in rows} == {len(cells(header))}


def test_the_numbers_stand_in_it(document):
    text = to_markdown(document)
    rows = {cells(line)[0]: cells(line)[1:] for line in text.splitlines() if line}
    assert rows["users with a list"] == ["3", "3", "+0"]
    assert rows["… in both, list changed"] == ["", "0 (0.0%)", ""]
    assert rows["mean overlap of top tens"] == ["", "1.000", ""]
    assert (rows["3 items"], rows["1 items"]) == (["2", "66.7%"], ["1", "33.3%"])
    assert rows["als"] == ["100.0%", "100.0%", "+0.0"]
    assert rows["… told in other words"] == ["", "8", ""]
    assert rows["ann"] == ["3", "3", "3", "1.000"]
    assert f"{document['before']} → {document['after']}" in text


def test_a_title_neither_draws_nor_links_nor_moves_the_cursor(document):
    text = to_markdown(document)
    assert "http://127.0.0.1/y" in text  # an example of a sentence
    assert "![x]" not in text
    assert "!\\[x]" in text
    assert "\x1b" not in text


def test_without_names_users_are_numbered(document):
    text = to_markdown(unnamed(document))
    assert "| user 1 " in text
    assert "ann" not in text.replace("change", "")
    assert "other words" in text  # how many, still
    assert "Many like" not in text


def test_a_first_release(document):
    assert to_markdown({"before": None, "after": "1970-01-11.abc"}) == (
        "There is no release before 1970-01-11.abc: nothing to compare with.\n"
    )
