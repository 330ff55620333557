"""Two toy releases compared: every number by hand, and each way in which it can't be done."""

import polars as pl
import pytest

from core.errors import IntegrityError, NotFound, UnsafeName, UsageError
from core.home import Home
from core.manifest import NAME
from core.release_store import ReleaseStore
from serving import release_commands
from serving.release_diff import diff_releases, unnamed

DAYS = ("1970-01-11", "1970-01-12", "1970-01-13")


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


def relisted(toy, **lists):
    """Returns the toy's tables with other lists; `als` proposed each row, `fresh_slot` the last."""
    tables = toy.tables()
    (row,) = tables.lists.filter(pl.col("item_id") == "m1", pl.col("user_id") == "ann").to_dicts()
    rows = [
        {**row, "user_id": user, "rank": rank, "item_id": item, "explanation_key": item,
         "item_num": int(item[1]) - 1, "reason_num": 0, "score": 1.25 - rank / 4,
         "sources": ["neighbours", "als"],
         "rules": ["fresh_slot"] if rank == len(items) else []}
        for user, items in lists.items()
        for rank, item in enumerate(items, 1)
    ]  # fmt: skip
    return toy.replace(tables, lists=pl.DataFrame(rows, schema=tables.lists.schema))


@pytest.fixture
def two(home, toy):
    """The toy world's release, and one in which ann's list has changed, bob went and dee came."""
    after = relisted(toy, ann=["m1", "m5", "m3"], dee=["m1"], zoë=["m5"])
    texts = after.explanations.with_columns(
        text=pl.when(pl.col("explanation_key") == "m5")
        .then(pl.lit("People like m5."))
        .otherwise("text")
    )
    return (
        toy.publish(home.releases, DAYS[0], 1, toy.tables()),
        toy.publish(home.releases, DAYS[1], 2, toy.replace(after, explanations=texts)),
    )


def test_every_number_by_hand(home, two):
    assert diff_releases(home) == {
        "before": two[0],
        "after": two[1],
        "users": {"before": 3, "after": 3, "in_both": 2, "changed": 1, "new": 1, "gone": 1},
        # ann has two of four items in common, zoë her only one.
        "overlap": {"mean": 0.75, "users": [0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0]},
        "rows": {"before": 7, "after": 5},
        "by_source": {
            "als": {"before": 1.0, "after": 1.0},
            "neighbours": {"before": 0.0, "after": 1.0},
        },
        "by_reason_type": {
            "popular": {"before": 6 / 7, "after": 1.0},
            "same_theme": {"before": 1 / 7, "after": 0.0},
        },
        "by_rule": {"fresh_slot": {"before": 0.0, "after": 3 / 5}},
        "items": {
            "before": 6, "after": 3, "came_in": 0, "went_out": 3,
            "gained": [{"item_id": "m5", "title": "日本", "before": 1, "after": 2}],
            "lost": [
                {"item_id": "m2", "title": 'Say "Hi" \\ <b>', "before": 1, "after": 0},
                {"item_id": "m4", "title": "Amélie", "before": 1, "after": 0},
                {"item_id": "m6", "title": "Gone", "before": 1, "after": 0},
            ],
        },
        "texts": {
            "before": 8, "after": 8, "reasons_in_both": 8, "told_otherwise": 1,
            "examples": [
                {
                    "reason_type": "popular", "source_item_id": None, "target_item_id": "m5",
                    "locale": "en", "before": "Many like m5.", "after": "People like m5.",
                }
            ],
        },
        "largest_changes": [
            {"user_id": "ann", "overlap": 0.5, "in_common": 2, "before": 3, "after": 3},
            {"user_id": "zoë", "overlap": 1.0, "in_common": 1, "before": 1, "after": 1},
        ],
    }  # fmt: skip


def test_the_other_way_round_everything_is(home, two):
    there, back = diff_releases(home), diff_releases(home, two[1], two[0])
    assert back["overlap"] == there["overlap"]
    assert back["users"]["changed"] == there["users"]["changed"]
    assert (back["users"]["new"], back["users"]["gone"]) == (1, 1)
    assert {row["item_id"] for row in back["items"]["gained"]} == {"m2", "m4", "m6"}
    assert back["by_source"]["neighbours"] == {"before": 1.0, "after": 0.0}


def test_equal_lists_have_not_changed(home, toy):
    one, other = (toy.publish(home.releases, day, 1, toy.tables()) for day in DAYS[:2])
    found = diff_releases(home, one, other)
    assert found["users"]["changed"] == 0
    assert found["overlap"]["mean"] == 1.0
    assert (found["items"]["gained"], found["items"]["lost"]) == ([], [])
    assert (found["texts"]["told_otherwise"], found["texts"]["examples"]) == (0, [])


def test_a_reason_with_several_sentences_has_changed_only_if_none_stayed(home, toy):
    tables = toy.tables()
    extra = tables.explanations.filter(pl.col("explanation_key") == "m5")
    second = extra.with_columns(
        explanation_key=pl.lit("m5-b"), text=pl.lit("Liked by many."), reason_num=1
    )
    more = toy.replace(tables, explanations=pl.concat([tables.explanations, second]))
    toy.publish(home.releases, DAYS[0], 1, tables)
    toy.publish(home.releases, DAYS[1], 2, more)
    texts = diff_releases(home)["texts"]
    assert (texts["before"], texts["after"]) == (8, 9)
    assert (texts["reasons_in_both"], texts["told_otherwise"]) == (8, 0)


def test_another_preference_is_not_the_same_reason_in_other_words(home, toy):
    tables = toy.tables()
    of_preference = pl.col("explanation_key") == "m5"
    for day, seed, genre in ((DAYS[0], 1, "Comedy"), (DAYS[1], 2, "Drama")):
        reason = pl.when(of_preference).then(pl.lit("matches_preference")).otherwise("reason_type")
        text = pl.when(of_preference).then(pl.lit(f"You like {genre}.")).otherwise("text")
        changed = toy.replace(
            tables,
            lists=tables.lists.with_columns(reason_type=reason),
            explanations=tables.explanations.with_columns(reason_type=reason, text=text),
        )
        toy.publish(home.releases, day, seed, changed)
    texts = diff_releases(home)["texts"]
    assert (texts["before"], texts["reasons_in_both"], texts["told_otherwise"]) == (8, 7, 0)


def test_a_release_without_a_list_is_compared_too(home, toy, two):
    empty = toy.tables().lists.clear()
    bare = toy.publish(home.releases, DAYS[2], 3, toy.replace(toy.tables(), lists=empty))
    found = diff_releases(home, two[1], bare)
    assert found["users"]["gone"] == 3
    assert (found["overlap"]["mean"], found["largest_changes"]) == (None, [])
    assert found["by_source"]["als"] == {"before": 1.0, "after": 0.0}
    assert diff_releases(home, bare, two[1])["users"]["new"] == 3


def test_what_is_kept_of_a_diff_names_nobody(home, two):
    kept = unnamed(diff_releases(home))
    assert "ann" not in str(kept)
    assert "zoë" not in str(kept)
    assert "Many like" not in str(kept)
    assert [row["overlap"] for row in kept["largest_changes"]] == [0.5, 1.0]
    assert kept["users"] == diff_releases(home)["users"]


def test_what_is_not_announced_is_the_newest(home, toy, two):
    waiting = toy.publish(home.releases, DAYS[1], 9, log=False)
    assert diff_releases(home)["after"] == waiting
    assert diff_releases(home)["before"] == two[0]
    assert diff_releases(home, two[1])["before"] == two[1]
    newest = toy.publish(home.releases, DAYS[2], 3)
    found = diff_releases(home)
    assert (found["before"], found["after"]) == (two[1], newest)


def test_a_rolled_back_release_is_no_champion_and_can_be_compared(home, toy, two):
    newest = toy.publish(home.releases, DAYS[2], 3)
    log = ReleaseStore(home.releases).log
    log.append("rollback", two[1], DAYS[1], reason="bad")
    found = diff_releases(home)
    assert (found["before"], found["after"]) == (two[0], newest)
    assert diff_releases(home, after=two[1])["before"] == two[0]


def test_a_first_release_has_nothing_to_be_compared_with(home, toy):
    first = toy.publish(home.releases, DAYS[0], 1)
    assert diff_releases(home) == {"before": None, "after": first} == unnamed(diff_releases(home))
    with pytest.raises(UsageError, match=f"release {first} was to be compared with itself"):
        diff_releases(home, first)


def test_what_is_not_there(home, two):
    with pytest.raises(NotFound, match="no release is stored"):
        diff_releases(Home(home.root / "empty"))
    for pair in ((two[0], "1970-01-01.000000"), ("1970-01-01.000000", two[1])):
        with pytest.raises(NotFound, match=r"there is no release 1970-01-01\.000000"):
            diff_releases(home, *pair)
    with pytest.raises(UnsafeName):
        diff_releases(home, two[0], "../../etc")
    with pytest.raises(UsageError, match="compared with itself"):
        diff_releases(home, two[1], two[1])


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("table", ["lists", "items", "explanations"])
@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "its manifest says"),
        (lambda path: path.write_bytes(bytes(path.stat().st_size)), "other bytes"),
        (lambda path: path.unlink(), "is missing"),
    ],
    ids=["torn", "zeroed", "gone"],
)
def test_a_damaged_table_is_named(home, two, side, table, harm, told):
    path = ReleaseStore(home.releases).path(two[side]) / "tables" / f"{table}.parquet"
    harm(path)
    with pytest.raises(IntegrityError, match=told) as refused:
        diff_releases(home)
    assert str(refused.value).startswith(str(path))


def test_a_damaged_manifest_is_named(home, two):
    path = ReleaseStore(home.releases).path(two[0]) / NAME
    path.write_text("{}")
    with pytest.raises(IntegrityError, match=r"manifest\.json"):
        diff_releases(home)
    assert release_commands.list_releases(home)  # what needs no manifest goes on


@pytest.mark.parametrize("how", ["erase", "opt_out"])
def test_hidden_users_are_not_among_the_largest_changes_and_ten_remain(home, toy, how):
    users = [f"u{n:02}" for n in range(14)]
    toy.publish(home.releases, DAYS[0], 1, relisted(toy, **{user: ["m1", "m3"] for user in users}))
    toy.publish(home.releases, DAYS[1], 2, relisted(toy, **{user: ["m5"] for user in users}))
    assert [row["user_id"] for row in diff_releases(home)["largest_changes"]] == users[:10]
    for user in ("u00", "u03", "nobody"):
        getattr(ReleaseStore(home.releases).tombstones, how)(user)
    left = [user for user in users if user not in ("u00", "u03")]
    found = diff_releases(home)
    assert [row["user_id"] for row in found["largest_changes"]] == left[:10]
    assert found["users"]["in_both"] == 14
