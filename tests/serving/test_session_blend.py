import json

import polars as pl
import pytest

from core.release_store import ReleaseStore
from serving.answer import recommendations
from serving.ladder import choose
from serving.reader import open_release
from serving.session_blend import Neighbourhood, capped


@pytest.fixture
def release(tmp_path, toy):
    """The toy world with m2, m3 and m5 in one category, of which a list's top may hold three."""
    tables = toy.tables()
    categories = {"m2": "Drama", "m3": "Drama", "m5": "Drama", "m1": "Comedy"}
    ids = tables.items["item_id"]
    items = tables.items.with_columns(
        category=ids.replace_strict(categories, default=None, return_dtype=str)
    )
    root = tmp_path / "releases"
    name = toy.publish(root, "1970-01-11", 1, toy.replace(tables, items=items))
    return open_release(ReleaseStore(root).path(name))


def numbers(release, *names):
    return [release.item_num(name) for name in names]


def answer(release, user, count, session, **more):
    choice = choose(release, user, count, seeds=numbers(release, *session), weight=0.5, **more)
    body = json.loads(recommendations(release, user, choice, 0))
    assert [row["rung"] for row in body["items"]] == list(choice.rungs)
    assert [row["rank"] for row in body["items"]] == list(range(1, len(body["items"]) + 1))
    return body


def named(body):
    return [f"{row['item_id']} {row['rung']}" for row in body["items"]]


def test_a_stranger_gets_the_neighbours_of_what_was_seen(release):
    body = answer(release, "nobody", 3, ["m4"])
    assert body["rung"] == "session"
    # m5 is m4's one neighbour and fifth of what is trending; both parts count
    assert named(body) == ["m5 session", "m1 trending", "m2 trending"]
    assert body["items"][0]["reason"]["source_item_id"] == "m4"


def test_a_personal_row_stays_one(release):
    # zoë's list is m5; m1's neighbours are m2, m6 (gone) and m3; m5 and m2 count .5/11 each
    body = answer(release, "zoë", 50, ["m1"])
    assert named(body) == ["m5 personal", "m2 session", "m3 session", "m4 trending"]
    assert body["rung"] == "personal"


def test_the_reason_of_a_session_row(release):
    nearby = Neighbourhood(release, numbers(release, "m1", "m4"), 0.5)
    assert nearby.fused([]) == numbers(release, "m2", "m6", "m3", "m5")
    row = nearby.row(release.item_num("m2"))
    assert (row.rung, row.score) == ("session", b'99.0,"rung":"session"')
    assert json.loads("{" + release.fragment(row.fragment)[1:].decode()) == {
        "reason": {
            "type": "just_seen",
            "source_item_id": "m1",
            "text": "Because you just looked at Heat.",
            "origin": "template",
        }
    }
    assert nearby.row(release.item_num("m1")) is None


def test_the_seed_that_counts_most_is_named(tmp_path, toy):
    rows = [
        {"item_id": owner, "rank": rank, "neighbour_id": item, "score": 1.0}
        for owner, items in {"m1": ["m2", "m3"], "m4": ["m3", "m2"]}.items()
        for rank, item in enumerate(items, 1)
    ]
    tables = toy.tables()
    lists = pl.DataFrame(rows, schema=tables.neighbour_lists.schema)
    name = toy.publish(tmp_path / "r", "1970-01-11", 1, toy.replace(tables, neighbour_lists=lists))
    release = open_release(ReleaseStore(tmp_path / "r").path(name))
    m1, m4, m2, m3 = numbers(release, "m1", "m4", "m2", "m3")
    nearby = Neighbourhood(release, [m1, m4], 0.5)
    # m3: 1/12 through m1, the last; .8/11 = .0727 through m4
    assert [nearby.row(item).fragment for item in (m2, m3)] == [release.session_fragment(m1)] * 2
    nearby = Neighbourhood(release, [m4, m1], 0.5)
    assert [nearby.row(item).fragment for item in (m2, m3)] == [release.session_fragment(m4)] * 2


def test_the_fused_order_by_hand(release):
    m1, m2, m3, m4, m5, m6 = numbers(release, "m1", "m2", "m3", "m4", "m5", "m6")
    # m4: .5/11 = .04545; m3: .5/12 + .5/13 = .08013; m2: .5/13 + .5/11 = .08392; m6: .5/12
    assert Neighbourhood(release, [m1], 0.5).fused([m4, m3, m2]) == [m2, m3, m4, m6]
    # a second, older seed counts .8 as much: m5 gets .8 · .5/11 = .03636
    assert Neighbourhood(release, [m1, m4], 0.5).fused([m4, m3, m2]) == [m2, m3, m4, m6, m5]
    assert Neighbourhood(release, [m1], 0.0).fused([m4, m3, m2])[:3] == [m4, m3, m2]
    # .5/11 each: the list comes first
    assert Neighbourhood(release, [m4], 0.5).fused([m1]) == [m1, m5]


def test_what_was_seen_leaves_at_once(release):
    for count in (1, 2, 50):
        assert "m1" not in str(named(answer(release, "bob", count, ["m1"])))
    gone = frozenset(numbers(release, "m4"))
    assert named(answer(release, "bob", 2, [], gone=gone)) == ["m1 personal", "m2 trending"]
    assert named(answer(release, "bob", 1, [])) == ["m1 personal"]


def test_no_reason_names_a_seed_that_is_taken_down(release):
    release.hide(["m4"])
    assert named(answer(release, "nobody", 2, ["m4"])) == ["m1 trending", "m2 trending"]


def test_the_cap_applies_again(release):
    m1, m2, m3, m4, m5 = numbers(release, "m1", "m2", "m3", "m4", "m5")
    items = [m2, m3, m5, m2, m1, m4, m2, m4]
    drama = release.category("drama")
    assert release.layout.category_cap == 3
    assert capped(release, items, 50, set()) == [m2, m3, m5, m1, m4, m4, m2, m2]
    assert capped(release, items, 50, {drama}) == items
    assert release.category("Western") is None
    # items without a category are exempt, and what is over the cap moves behind the tenth only
    many = [m2] * 5 + [m4] * 9
    capped_many = [m2] * 3 + [m4] * 7 + [m2] * 2 + [m4] * 2
    assert capped(release, many, 50, set()) == capped_many
    for count in range(1, 14):
        assert capped(release, iter(many), count, set()) == capped_many[:count]


def test_a_short_answer_is_a_prefix_of_a_long_one(release):
    for user in ("ann", "bob", "zoë", "cat", "rex", "nobody"):
        longest = named(answer(release, user, 50, ["m1", "m4"]))
        for count in range(1, 6):
            assert named(answer(release, user, count, ["m1", "m4"])) == longest[:count]
