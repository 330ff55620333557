"""What `daybreak why` says of any release that is kept, whole, half gone, or damaged."""

import json
import shutil

import polars as pl
import pytest

from assets.models.labels import item_labels
from core import release_log
from core.days import day_start_us, parse_day
from core.home import Home
from core.release_store import ReleaseStore
from core.schemas import CANDIDATES, INTERACTIONS, ITEMS, LISTS, SOURCES, USERS, Table
from core.store import Store
from tests import small_world
from tests.small_world import FIRST_NIGHT, SECOND_NIGHT

USER = "u000010"


def stored(home, table: Table, part=""):
    return Store(Home(home).artefacts).current(table.name, SECOND_NIGHT).table_path(table, part)


def released(home):
    releases = ReleaseStore(Home(home).releases)
    return releases.path(releases.log.current()) / "tables" / f"{LISTS.name}.parquet"


WHICH = {
    "an artefact": lambda home: stored(home, USERS),
    "a part of one": lambda home: stored(home, CANDIDATES, "release"),
    "the release": released,
}


@pytest.mark.parametrize("which", WHICH.values(), ids=list(WHICH))
def test_a_damaged_file_is_named_in_one_line(nights_copy, daybreak, which):
    assert daybreak("why", USER).code == 0
    path = which(nights_copy)
    content = bytearray(path.read_bytes())
    content[4:200] = bytes(196)
    path.write_bytes(content)
    told = daybreak("why", USER)
    assert (told.code, told.out, told.err.count("\n")) == (1, "", 1)
    assert told.err.startswith(f"daybreak: {path} has other bytes than its manifest says")


@pytest.fixture
def why(daybreak, nights):
    """Asks and returns the document; over the two nights unless the test says otherwise."""

    def ask(*words, home=nights):
        daybreak.home = home
        told = daybreak("why", *words, "--json")
        assert told.code == 0, told.err
        return json.loads(told.out)

    return ask


def both(home):
    return [entry.release for entry in ReleaseStore(Home(home).releases).log.entries()[:2]]


def items_of(story):
    return [(row["rank"], row["item_id"]) for row in story["list"]]


def test_every_kept_release_is_told_as_it_was(nights, why):
    first, second = both(nights)
    stories = {name: why(USER, "--release", name) for name in (first, second)}
    for name, story in stories.items():
        lists = pl.read_parquet(
            ReleaseStore(Home(nights).releases).path(name) / "tables" / "lists.parquet"
        ).filter(pl.col("user_id") == USER)
        assert items_of(story) == list(lists.select("rank", "item_id").iter_rows())
        assert (story["release"], story["status"], story["gone"]) == (name, "published", [])
        assert all(row["text"] and row["title"] for row in story["list"])
    assert items_of(stories[first]) != items_of(stories[second])
    assert stories[first]["n_events"] < stories[second]["n_events"]
    (ended,), (lasting,) = (stories[name]["served"] for name in (first, second))
    assert (ended["until"], lasting["until"]) == (lasting["since"], None)


def test_one_that_was_rolled_back_and_one_that_was_archived(nights_copy, why):
    first, second = both(nights_copy)
    log = ReleaseStore(Home(nights_copy).releases).log
    log.append("rollback", second, SECOND_NIGHT, reason="bad texts")
    story = why(USER, "--release", second, home=nights_copy)
    assert story["status"] == "barred"
    assert story["served"][0]["until"] == log.entries()[-1].at
    now = why(USER, home=nights_copy)
    assert (now["release"], len(now["served"])) == (first, 2)  # served before, and again
    (log.folder.path / "00000002.json").unlink()
    (log.folder.path / "00000003.json").unlink()
    log = ReleaseStore(Home(nights_copy).releases).log
    log.append("archive", second, SECOND_NIGHT, reason="a backfill")
    story = why(USER, "--release", second, home=nights_copy)
    assert (story["status"], story["served"]) == ("archived", [])


@pytest.mark.parametrize("kind", ["candidates", "clean_events", "explanations", "users"])
def test_what_is_gone_is_named_and_the_rest_is_told(nights_copy, why, daybreak, kind):
    before = why(USER, home=nights_copy)
    shutil.rmtree(Home(nights_copy).artefacts / kind / SECOND_NIGHT)
    story = why(USER, home=nights_copy)
    told = {"candidates": "candidates", "clean_events": "events", "users": "user"}
    if kind in told:
        assert before[told[kind]]
        assert story[told[kind]] is None
        assert kind in story["gone"]
    assert story["list"] == before["list"]
    assert story["interactions"] == before["interactions"]
    assert daybreak("why", USER).code == 0


def test_a_release_alone_answers(nights_copy, why, daybreak):
    before = why(USER, home=nights_copy)
    shutil.rmtree(Home(nights_copy).artefacts)
    story = why(USER, home=nights_copy)
    for name in ("list", "release", "status", "served"):
        assert story[name] == before[name]
    assert {"users", "clean_events", "interactions", "candidates"} <= set(story["gone"])
    listed = story["list"][0]["item_id"]
    item = why(USER, listed, home=nights_copy)["item"]
    assert item["rank"] == 1
    assert set(item["proposed_by"]) == set(story["list"][0]["sources"])
    assert all(one["rank"] is None for one in item["proposed_by"].values())
    shown = daybreak("why", USER).out
    assert "kept no more of that night: users, clean_events" in shown
    assert "candidates by source:  (kept no more)" in shown
    told = daybreak("why", "nobody-at-all")
    assert (told.code, told.out, told.err.count("\n")) == (2, "", 1)
    assert "has no list of user 'nobody-at-all', and users, clean_events" in told.err


def test_releases_that_are_not_there(nights_copy, daybreak):
    daybreak.home = nights_copy
    unknown = daybreak("why", USER, "--release", "1999-01-01.abcdef")
    assert (unknown.code, unknown.err.count("\n")) == (2, 1)
    assert "there is no release 1999-01-01.abcdef" in unknown.err
    first, _ = both(nights_copy)
    shutil.rmtree(ReleaseStore(Home(nights_copy).releases).path(first))
    gone = daybreak("why", USER, "--release", first)
    assert gone.code == 2
    assert f"release {first} stands in the log, but its files are kept no more" in gone.err
    assert daybreak("why", USER).code == 0


@pytest.fixture
def dated(nights_copy, monkeypatch):
    """A home whose log says: the first on 1 April, the second on the 2nd, back on the 3rd."""
    folder = ReleaseStore(Home(nights_copy).releases).log.folder.path
    first, second = both(nights_copy)
    shutil.rmtree(folder)
    log = ReleaseStore(Home(nights_copy).releases).log
    for day, action, release, as_of in (
        ("2025-04-01", "publish", first, FIRST_NIGHT),
        ("2025-04-02", "publish", second, SECOND_NIGHT),
        ("2025-04-03", "rollback", second, SECOND_NIGHT),
    ):
        moment = day_start_us(parse_day(day)) + 2 * 3_600_000_000
        monkeypatch.setattr(release_log, "now_us", lambda moment=moment: moment)
        log.append(action, release, as_of, reason="a test")
    return nights_copy


@pytest.mark.parametrize(
    ("day", "place"), [("2025-04-01", 0), ("2025-04-02", 1), ("2025-04-03", 0), ("2025-12-31", 0)]
)
def test_a_day_is_answered_by_what_was_current_when_it_ended(dated, why, day, place):
    assert why(USER, "--as-of", day, home=dated)["release"] == both(dated)[place]


def test_days_without_an_answer(dated, daybreak):
    daybreak.home = dated
    wrong = {
        "2025-03-31": "no release was current when 2025-03-31 ended by the release log (its first "
        "entry is of 2025-04-01T02:00:00Z)",
        "2999-01-01": "day 2999-01-01 has not come",
        "yesterday": "as-of date 'yesterday' is not a date",
    }
    for day, told in wrong.items():
        found = daybreak("why", USER, "--as-of", day)
        assert (found.code, found.out, found.err.count("\n")) == (2, "", 1)
        assert told in found.err
    together = daybreak("why", USER, "--as-of", "2025-04-01", "--release", both(dated)[0])
    assert together.code == 2
    assert "not allowed with argument" in together.err


@pytest.fixture(scope="module")
def proposed(nights):
    """Returns user_id, item_id and places of all candidates of the second night, who is listed."""
    night = small_world.night(nights, SECOND_NIGHT)
    users = night.get("users").table(USERS)["user_id"]
    items = night.get("items").table(ITEMS)["item_id"]
    rows = night.get("candidates").table(CANDIDATES, "release")
    listed = night.get("explanations").table(LISTS).select("user_id", "item_id", "rank")
    return rows.with_columns(
        user_id=users[rows["user_num"].to_numpy()], item_id=items[rows["item_num"].to_numpy()]
    ).join(listed, on=["user_id", "item_id"], how="left").sort("user_id", "item_id")  # fmt: skip


def places(row):
    return {name: row[f"{name}_rank"] for name in SOURCES if row[f"{name}_rank"] > 0}


def test_an_item_on_the_list(proposed, why):
    row = proposed.filter(pl.col("rank") == 3).row(0, named=True)
    story = why(row["user_id"], row["item_id"])
    item = story["item"]
    assert (item["rank"], item["item_id"]) == (3, row["item_id"])
    assert item["because"].startswith("it stands at place 3 of ")
    assert {name: one["rank"] for name, one in item["proposed_by"].items()} == places(row)
    assert [one["rank"] for one in story["list"]] == [3]


def disliked(nights):
    """Returns the pairs of the second night's users and items whose kind they dislike."""
    night = small_world.night(nights, SECOND_NIGHT)
    stated = night.get("users").table(USERS).select("user_id", label="dislikes").explode("label")
    labels = item_labels(night.get("items").table(ITEMS))
    lower = stated.with_columns(pl.col("label").str.to_lowercase())
    return lower.join(labels, on="label").select("user_id", "item_id", "label")


def test_an_item_that_ranked_behind_the_list(nights, proposed, why, daybreak):
    left = proposed.filter(pl.col("rank").is_null())
    row = left.join(disliked(nights), on=["user_id", "item_id"], how="anti").row(0, named=True)
    story = why(row["user_id"], row["item_id"])
    item = story["item"]
    assert (item["rank"], story["list"]) == (None, [])
    assert item["because"].startswith("it was proposed, and ranked behind the ")
    assert {name: one["rank"] for name, one in item["proposed_by"].items()} == places(row)
    shown = daybreak("why", row["user_id"], row["item_id"]).out
    for name, place in places(row).items():
        assert f"proposed by {name}: place {place}," in shown


def test_an_item_that_a_rule_took_out(nights, proposed, why):
    out = proposed.join(disliked(nights), on=["user_id", "item_id"]).row(0, named=True)
    assert out["rank"] is None
    item = why(out["user_id"], out["item_id"])["item"]
    assert item["because"].startswith("the rule against what the user dislikes took it out: ")
    assert out["label"] in item["because"]


def test_an_item_that_the_user_had_touched(nights, why):
    night = small_world.night(nights, SECOND_NIGHT)
    touched = night.get("interactions").table(INTERACTIONS, "release")
    items = night.get("items").table(ITEMS).filter(pl.col("available_until_us").is_null())
    row = touched.filter(pl.col("user_id") == USER).join(items, on="item_id").row(0, named=True)
    item = why(USER, row["item_id"])["item"]
    assert item["proposed_by"] == {}
    expected = f"no source proposed it: the user had touched it ({row['n_events']} events)"
    assert item["because"] == expected


def test_an_item_that_no_source_proposed(nights, proposed, why):
    night = small_world.night(nights, SECOND_NIGHT)
    touched = night.get("interactions").table(INTERACTIONS, "release")
    known = pl.concat([proposed.select("user_id", "item_id"), touched.select("user_id", "item_id")])
    items = night.get("items").table(ITEMS)
    there = items.filter(pl.col("available_until_us").is_null())
    mine = known.filter(pl.col("user_id") == USER)
    item = why(USER, there.join(mine, on="item_id", how="anti")["item_id"][0])["item"]
    assert (item["rank"], item["proposed_by"]) == (None, {})
    assert item["because"] == "no source had it among its 60 best for the user"


def test_who_has_no_list_is_told_so(nights, why):
    night = small_world.night(nights, SECOND_NIGHT)
    listed = night.get("explanations").table(LISTS)
    users = night.get("users").table(USERS)
    user = users.join(listed, on="user_id", how="anti")["user_id"][0]
    story = why(user, listed["item_id"][0])
    assert story["list"] == []
    assert story["item"]["because"].startswith("the user has no list of their own")


def test_an_item_that_nobody_knows(nights, daybreak):
    daybreak.home = nights
    told = daybreak("why", USER, "no-such-item")
    assert (told.code, told.out, told.err.count("\n")) == (2, "", 1)
    assert "knows no item 'no-such-item'" in told.err


@pytest.mark.parametrize("how", ["erase", "optout"])
def test_a_hidden_user_is_one_that_no_release_knows(nights_copy, daybreak, how):
    stranger = daybreak("why", "nobody")
    assert daybreak("why", USER).code == 0
    assert daybreak(how, USER).code == 0
    for words in ((), ("--release", both(nights_copy)[0]), ("--json",)):
        told = daybreak("why", USER, *words)
        assert (told.code, told.out) == (stranger.code, "")
        assert f"knows no user '{USER}'" in told.err
    assert daybreak("why", USER).err == stranger.err.replace("nobody", USER)


def test_a_release_that_only_the_location_still_has_is_named_with_it(
    nights_copy, daybreak, tmp_path
):
    first, _ = both(nights_copy)
    there = tmp_path / "shared"
    there.mkdir()
    daybreak.environment.setenv("DAYBREAK_RELEASES__LOCATION", str(there))
    assert daybreak("release", "push").code == 0
    shutil.rmtree(ReleaseStore(Home(nights_copy).releases).path(first))
    told = daybreak("why", USER, "--release", first)
    assert (told.code, told.out, told.err.count("\n")) == (2, "", 1)
    assert f"release {first} is not in this home, it lies at {there}" in told.err
    shutil.rmtree(there / "versions" / first)
    assert "its files are kept no more" in daybreak("why", USER, "--release", first).err
