import json

import polars as pl
import pytest

from core.release_store import ReleaseStore
from serving.answer import recommendations, similar
from serving.ladder import choose
from serving.reader import open_release


@pytest.fixture(scope="module")
def release(tmp_path_factory, toy):
    root = tmp_path_factory.mktemp("ladder") / "releases"
    return open_release(ReleaseStore(root).path(toy.publish(root, "1970-01-11", 1)))


def rows(release, user, count, genres=()):
    """Returns the answer's rung, and each item with its own."""
    body = json.loads(recommendations(release, user, choose(release, user, count, genres), 0))
    assert [item["rank"] for item in body["items"]] == list(range(1, len(body["items"]) + 1))
    return body["rung"], [f"{item['item_id']} {item['rung']}" for item in body["items"]]


@pytest.mark.parametrize(
    ("user", "count", "rung", "items"),
    [
        ("ann", 2, "personal", ["m2 personal", "m1 personal"]),
        # ann's Comedy gives m4, which she just had, and m2, which is there already
        ("ann", 50, "personal", ["m2 personal", "m1 personal", "m3 personal", "m5 trending"]),
        # m6 of bob's list is no longer to be had
        ("bob", 3, "personal", ["m1 personal", "m4 personal", "m2 trending"]),
        # the two genres that cat stated take turns; `Unheard of` has no list
        ("cat", 4, "segment", ["m5 segment", "m4 segment", "m2 segment", "m1 trending"]),
        # rex has only a history, of m1 and m2
        ("rex", 50, "trending", ["m3 trending", "m4 trending", "m5 trending"]),
        ("nobody", 2, "trending", ["m1 trending", "m2 trending"]),
        # out opted out: the stated preference for Drama is not used
        ("out", 1, "trending", ["m1 trending"]),
        ("u" * 600, 1, "trending", ["m1 trending"]),
        ("", 1, "trending", ["m1 trending"]),
    ],
)
def test_each_rung_in_turn(release, user, count, rung, items):
    assert rows(release, user, count) == (rung, items)


@pytest.mark.parametrize(
    ("user", "genres", "rung", "items"),
    [
        ("nobody", ("Comedy",), "segment", ["m4 segment", "m2 segment", "m1 trending"]),
        ("nobody", ("comedy", "DRAMA"), "segment", ["m4 segment", "m5 segment", "m2 segment"]),
        ("nobody", ("Western",), "trending", ["m1 trending", "m2 trending", "m3 trending"]),
        ("cat", ("Comedy",), "segment", ["m4 segment", "m2 segment", "m1 trending"]),
        ("cat", ("Western",), "segment", ["m5 segment", "m4 segment", "m2 segment"]),
        ("zoë", ("Comedy",), "personal", ["m5 personal", "m4 segment", "m2 segment"]),
    ],
)
def test_genres_replace_the_stated_preferences(release, user, genres, rung, items):
    assert rows(release, user, 3, genres) == (rung, items)


def test_a_short_answer_is_a_prefix_of_a_long_one(release):
    for user in ("ann", "bob", "zoë", "cat", "rex", "nobody"):
        longest = rows(release, user, 50)[1]
        for count in range(1, 7):
            assert rows(release, user, count)[1] == longest[:count]


def test_an_answer_written_out(release):
    body = recommendations(release, "ann", choose(release, "ann", 2), 8130)
    assert body.decode() == (
        '{"user_id":"ann","release":"' + release.id + '","age_seconds":8130,"rung":"personal",'
        '"experiment":null,"items":['
        '{"item_id":"m2","title":"Say \\"Hi\\" \\\\ <b>","rank":1,"score":1.0,"rung":"personal",'
        '"reason":{"type":"same_theme","source_item_id":"m4","text":"Like \\"Amélie\\". #1",'
        '"origin":"template"}},'
        '{"item_id":"m1","title":"Heat","rank":2,"score":0.75,"rung":"personal",'
        '"reason":{"type":"popular","source_item_id":null,"text":"Many like m1. #1",'
        '"origin":"template"}}]}'
    )


def test_the_lower_rungs_have_true_reasons(release):
    body = json.loads(recommendations(release, "cat", choose(release, "cat", 4), 0))
    assert [x["reason"]["type"] for x in body["items"]] == [*["popular_in_genre"] * 3, "trending"]
    assert [x["reason"]["text"] for x in body["items"]] == [
        "Popular in Drama.",
        "Popular in Comedy.",
        "Popular in Comedy.",
        "Trending now.",
    ]


def test_neighbours_written_out(release):
    body = similar(release, "m1", release.item_num("m1"), 5, 3)
    assert json.loads(body) == {
        "item_id": "m1",
        "release": release.id,
        "age_seconds": 3,
        "items": [
            {"item_id": "m2", "title": 'Say "Hi" \\ <b>', "rank": 1, "score": 99.0},
            {"item_id": "m3", "title": None, "rank": 2, "score": 97.0},
        ],
    }
    assert json.loads(similar(release, "m2", release.item_num("m2"), 5, 3))["items"] == []
    assert (release.item_num("m0"), release.item_num(""), release.item_num("x" * 999)) == (
        None,
    ) * 3


@pytest.fixture(scope="module")
def one_sided(tmp_path_factory, toy):
    """A release whose only list has three dramas among its first ten and five right behind them."""
    names = [f"m{n:02d}" for n in range(1, 21)]
    dramas = {*names[:3], *names[10:15]}
    base = toy.tables()

    def for_each(row, **columns):
        each = pl.DataFrame({name: [make(n) for n in range(20)] for name, make in columns.items()})
        rows = pl.concat([row] * 20).drop(each.columns)
        return rows.hstack(each).select(row.columns).cast(row.schema)

    def ranked(row, **columns):
        places = {
            "rank": lambda n: n + 1,
            "score": lambda n: 50.0 - n,
            "item_id": names.__getitem__,
        }
        return for_each(row, **{k: v for k, v in (places | columns).items() if k in row.columns})

    tables = toy.replace(
        base,
        items=ranked(
            base.items[:1],
            category=lambda n: "Drama" if names[n] in dramas else f"of {n}",
        ),
        explanations=for_each(
            base.explanations[:1],
            explanation_key=names.__getitem__, target_item_id=names.__getitem__,
        ),
        lists=ranked(
            base.lists[1:2], explanation_key=names.__getitem__, item_num=lambda n: n,
            reason_num=lambda n: 0,
        ),
        segment_lists=ranked(base.segment_lists.filter(segment="trending")[:1]),
        neighbour_lists=base.neighbour_lists.clear(),
        recent_items=base.recent_items.clear(),
    )  # fmt: skip
    root = tmp_path_factory.mktemp("one-sided") / "releases"
    return open_release(ReleaseStore(root).path(toy.publish(root, "1970-01-11", 1, tables)))


def test_what_moves_up_keeps_to_the_cap(one_sided):
    """Those right behind the tenth place are there because they were over it."""
    five, six = (one_sided.item_num(x) for x in ("m05", "m06"))
    whole = list(choose(one_sided, "ann", 20).items)
    moved = [*whole[:4], *whole[6:10], *whole[15:17], *whole[10:15], *whole[17:]]
    assert list(choose(one_sided, "ann", 20, gone=frozenset({five, six})).items) == moved
    hiding = one_sided.hiding(["m05", "m06"])
    for count in range(1, 21):
        assert list(choose(hiding, "ann", count).items) == moved[:count]
    free = list(choose(hiding, "ann", 20, ["drama"]).items)  # they are what was asked for
    assert free == [item for item in whole if item not in (five, six)]
    assert list(choose(hiding, "a stranger", 20).items) == free  # what is trending is as it is
