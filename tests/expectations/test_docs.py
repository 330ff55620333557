import math
import re

import polars as pl
import pytest

from core import schemas
from expectations.docs import write_docs
from expectations.pages import without_random_ids
from expectations.run import validate


@pytest.fixture
def results(valid, stored, tmp_path):
    spoiled = valid(schemas.LISTS).with_columns(score=pl.lit(math.nan)).drop("stage")
    torn = tmp_path / "torn.parquet"
    torn.write_bytes(b"PAR1<b>")
    return [
        validate(schemas.USERS, stored(valid(schemas.USERS))),
        validate(schemas.LISTS, stored(spoiled)),
        validate(schemas.ITEMS, torn),
    ]


def test_pages_for_every_table_that_open_without_a_network(results, tmp_path) -> None:
    pages = write_docs(results, tmp_path / "docs")
    names = {page.name for page in pages}
    assert names == {"index.html"} | {
        f"{table}-{part}-{kind}.html"
        for table in ("users", "lists")
        for part in ("profile", "sample")
        for kind in ("suite", "result")
    }
    assert names == {page.name for page in (tmp_path / "docs").rglob("*")}
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert "</html>" in text
        assert not re.search(r"https?://|<script|<img|<link|<iframe|Traceback", text)
        assert str(tmp_path) not in text
        for target in re.findall(r'href="([^"#]+)"', text):
            assert (tmp_path / "docs" / target).is_file(), target


def test_the_index_and_the_pages_say_what_failed(results, tmp_path) -> None:
    pages = {page.name: page.read_text() for page in write_docs(results, tmp_path / "docs")}
    index = pages["index.html"]
    assert "<h2>users: passed</h2>" in index
    assert '<h2>lists: <span class="failed">failed</span></h2>' in index
    assert '<h2>items: <span class="failed">failed</span></h2>' in index
    assert "score_finite" in index
    assert "stage is missing" in index
    assert "Failed" in pages["lists-profile-result.html"]
    assert "Succeeded" in pages["users-profile-result.html"]
    assert "user_id_not_null" in pages["users-profile-suite.html"]


def test_the_same_results_give_the_same_bytes(results, valid, stored, tmp_path) -> None:
    first = write_docs(results[:1], tmp_path / "a")
    again = [validate(schemas.USERS, stored(valid(schemas.USERS)))]
    second = write_docs(again, tmp_path / "b")
    assert [page.name for page in first] == [page.name for page in second]
    assert [page.read_bytes() for page in first] == [page.read_bytes() for page in second]


def test_random_ids_are_numbered_by_appearance() -> None:
    a, b = "6f1ed002-ab55-4595-8590-14ebf0951522", "0c1ed002-ab55-4595-8590-14ebf0951522"
    zero, one = (f"00000000-0000-0000-0000-{n:012}" for n in (0, 1))
    assert without_random_ids(f"{a} {b} {a} x") == f"{zero} {one} {zero} x"
