import pytest

from core.release_store import ReleaseStore
from serving.why_records import why_rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory, toy):
    root = tmp_path_factory.mktemp("why") / "releases"
    return ReleaseStore(root).path(toy.publish(root, "1970-01-11", 1))


def test_a_users_rows_come_best_first_with_their_sentences(folder):
    rows = why_rows(folder, "ann")
    assert [(x["rank"], x["item_id"], x["title"], x["text"]) for x in rows] == [
        (1, "m2", 'Say "Hi" \\ <b>', 'Like "Amélie". #1'),
        (2, "m1", "Heat", "Many like m1. #1"),
        (3, "m3", None, "Many like m3. #1"),
    ]
    assert (rows[0]["sources"], rows[0]["source_scores"], rows[0]["rules"]) == (
        ["als"],
        '{"als":1}',
        [],
    )


def test_one_item_or_none(folder):
    assert [x["rank"] for x in why_rows(folder, "ann", "m3")] == [3]
    assert why_rows(folder, "ann", "m7") == []
    assert why_rows(folder, "nobody") == []
