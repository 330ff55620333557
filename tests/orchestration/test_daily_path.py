"""Two nights of the daily path through Dagster, and what holds of them ever after."""

import json
import re

import dagster as dg
import polars as pl
import pytest

from core.home import Home
from core.release_store import ReleaseStore
from core.schemas import INTERACTIONS, LISTS, USERS
from core.store import Store
from orchestration.instance import REPOSITORY_TAG, open_instance
from serving.release_diff import unnamed
from tests import small_world
from tests.small_world import BETWEEN, CHALLENGER, FIRST_NIGHT, SECOND_NIGHT


@pytest.fixture
def releases(nights):
    return ReleaseStore(Home(nights).releases)


def verdict(home, as_of):
    return Store(Home(home).artefacts).current("gate", as_of).json("verdict.json")


def test_both_nights_are_published(nights, releases):
    entries = releases.log.entries()
    assert [(x.action, x.as_of) for x in entries] == [
        ("publish", FIRST_NIGHT),
        ("publish", SECOND_NIGHT),
    ]
    assert releases.log.current() == entries[1].release
    assert all(entry.verdict["passed"] is True for entry in entries)


def test_the_first_night_had_to_beat_popularity(nights):
    found = verdict(nights, FIRST_NIGHT)
    assert found["champion"] is None
    rows = {row["name"]: row for row in found["verdict"]["rows"]}
    assert rows["popularity_gain_lower"]["value"] >= 0.0001
    assert "quality_lower" not in rows


def test_the_second_night_was_held_against_the_first(nights, releases):
    found = verdict(nights, SECOND_NIGHT)
    assert found["champion"] == releases.log.entries()[0].release
    rows = {row["name"]: row for row in found["verdict"]["rows"]}
    assert rows["quality_lower"]["value"] >= -0.6
    assert "quality_power" in rows["quality_lower"]["note"]
    compared = found["numbers"]["comparison"]
    assert compared["n_users"] >= 40
    # The champion kept its own configuration: the two did not come out the same.
    assert compared["mean_champion"] != compared["mean_challenger"]


def test_the_champion_was_refitted_with_the_settings_it_was_published_with(nights, releases):
    first, second = releases.log.entries()
    configured = [releases.manifest(x.release).config["lists"] for x in (first, second)]
    assert [one["content_weight"] for one in configured] == [0.1, 0.05]
    folder = Home(nights).artefacts / "evaluation" / SECOND_NIGHT
    stored = {path.name for path in folder.iterdir() if path.is_dir()}
    assert len(stored) == 2  # the challenger's, and the champion's beside it
    challenger = Store(Home(nights).artefacts).current("evaluation", SECOND_NIGHT)
    assert challenger.manifest.config["lists"]["content_weight"] == 0.05


@pytest.fixture
def instance(nights, environment):
    return open_instance(Home(nights))


def test_the_runs_stand_in_the_instance_under_their_job(instance):
    runs = instance.get_runs()
    assert {run.job_name for run in runs} == {"daily"}
    assert {run.tags["dagster/partition"] for run in runs} == {FIRST_NIGHT, SECOND_NIGHT}
    assert {run.status for run in runs} == {dg.DagsterRunStatus.SUCCESS}
    for run in runs:
        assert REPOSITORY_TAG.items() <= run.tags.items()


def test_every_materialisation_names_the_stored_version(nights, instance):
    store = Store(Home(nights).artefacts)
    kinds = [path.name for path in store.root.iterdir() if not path.name.startswith("check_")]
    assert len(kinds) >= 20
    for kind in kinds:
        event = instance.get_latest_materialization_event(dg.AssetKey(kind))
        found = event.asset_materialization
        assert found.tags["dagster/data_version"] == store.current(kind, SECOND_NIGHT).version
        assert found.partition == SECOND_NIGHT
        assert found.metadata["version"].value == found.tags["dagster/data_version"]


def test_every_check_passed_in_the_instance_too(nights, instance):
    from orchestration.definitions import defs

    keys = defs.resolve_asset_graph().asset_check_keys
    assert len(keys) >= 50
    for key, record in instance.event_log_storage.get_latest_asset_check_execution_by_key(
        list(keys)
    ).items():
        assert record.event.dagster_event.asset_check_evaluation_data.passed, key


@pytest.mark.parametrize("as_of", [FIRST_NIGHT, SECOND_NIGHT])
def test_every_user_with_a_history_has_a_list(nights, as_of):
    night = small_world.night(nights, as_of)
    lists = night.get("explanations").table(LISTS)
    users = night.get("users").table(USERS)
    known = night.get("interactions").table(INTERACTIONS, "release")["user_id"].unique()
    people = users.filter(~pl.col("opted_out") & pl.col("user_id").is_in(known.to_list()))
    assert people.height > 300
    assert lists["user_id"].unique().sort().to_list() == people["user_id"].to_list()
    assert lists.group_by("user_id").len()["len"].min() >= 10
    assert users["opted_out"].sum() > 0  # and those who opted out have none


@pytest.mark.parametrize("as_of", [FIRST_NIGHT, SECOND_NIGHT])
def test_no_list_shows_what_was_touched(nights, as_of):
    night = small_world.night(nights, as_of)
    touched = night.get("interactions").table(INTERACTIONS, "release")
    lists = night.get("explanations").table(LISTS)
    assert lists.join(touched, on=["user_id", "item_id"], how="semi").height == 0
    assert lists.select("user_id", "item_id").is_duplicated().sum() == 0


def test_every_row_of_the_release_has_a_sentence(nights, releases):
    for entry in releases.log.entries():
        tables = releases.path(entry.release) / "tables"
        lists = pl.read_parquet(tables / "lists.parquet")
        texts = pl.read_parquet(tables / "explanations.parquet")
        told = lists.join(texts, on="explanation_key", how="left")
        assert told["text"].null_count() == 0
        assert told.filter(pl.col("text").str.strip_chars() == "").height == 0
        # A sentence is about the item of its row, and about the seed that the row names.
        assert told.filter(pl.col("target_item_id") != pl.col("item_id")).height == 0
        seeded = told.filter(pl.col("source_item_id").is_not_null())
        assert seeded.height > 0
        assert seeded.filter(pl.col("source_item_id") != pl.col("seed_item_id")).height == 0


def test_a_second_run_of_the_same_date_changes_nothing(nights_copy, daybreak):
    before = small_world.hashes(nights_copy)
    for name, value in CHALLENGER.items():
        daybreak.environment.setenv(name, value)
    told = daybreak("run", "--as-of", SECOND_NIGHT, "--json")
    assert told.code == 0, told.err
    assert json.loads(told.out)["action"] == "publish"
    assert small_world.hashes(nights_copy) == before
    # Nor does materialising a few assets of it, as one may in the UI.
    small_world.run(nights_copy, SECOND_NIGHT, CHALLENGER, ("items", "als", "segment_lists"))
    assert small_world.hashes(nights_copy) == before


def test_a_backfill_of_an_older_date_never_becomes_current(nights_copy, daybreak):
    before = small_world.hashes(nights_copy)
    told = daybreak("run", "--as-of", BETWEEN, "--json")
    assert told.code == 0, told.err
    outcome = json.loads(told.out)
    log = ReleaseStore(Home(nights_copy).releases).log
    first, second, backfilled = log.entries()
    assert (outcome["action"], backfilled.action, backfilled.as_of) == ("archive",) * 2 + (BETWEEN,)
    assert outcome["champion"] == first.release
    assert outcome["current"] == log.current() == second.release
    after = small_world.hashes(nights_copy)
    changed = {name for name, content in after.items() if before.get(name) != content}
    assert all(f"/{BETWEEN}" in name or name.startswith("releases/log/") for name in changed)
    assert before.keys() <= after.keys()


def test_another_home_and_no_dagster_give_the_same_bytes(nights, tmp_path):
    """The same files landed elsewhere, every stage called by hand: equal versions, equal hashes."""
    small_world.land_first(tmp_path)
    made = small_world.compute(tmp_path, FIRST_NIGHT)
    store = Store(Home(nights).artefacts)
    release = made.pop("release").artefact
    assert made.keys() | {"gate", "release_diff"} == {
        path.name for path in store.root.iterdir() if not path.name.startswith("check_")
    }
    for kind, one in made.items():
        there = store.current(kind, FIRST_NIGHT)
        assert (kind, one.artefact.version) == (kind, there.version)
        assert (kind, one.artefact.manifest.content_hash) == (kind, there.manifest.content_hash)
    releases = ReleaseStore(Home(nights).releases)
    there = releases.manifest(releases.log.entries()[0].release)
    assert release.version == there.version
    assert {name for name in there.files if name.startswith("tables/")} == {
        f"tables/{table}.parquet"
        for table in ("explanations", "items", "lists", "neighbour_lists", "segment_lists")
    }
    assert release.manifest.files == there.files


def test_why_follows_one_user(nights, daybreak):
    daybreak.home = nights
    user = small_world.night(nights, SECOND_NIGHT).get("explanations").table(LISTS)["user_id"][0]
    story = json.loads(daybreak("why", user, "--json").out)
    assert story["release"] == ReleaseStore(Home(nights).releases).log.current()
    assert story["n_events"] > 0
    assert [row["rank"] for row in story["list"]] == list(range(1, len(story["list"]) + 1))
    assert all(row["text"] for row in story["list"])
    shown = daybreak("why", user).out
    for word in ("events:", "features:", "candidates by source:", "list:"):
        assert word in shown


def test_why_knows_no_stranger(nights, daybreak):
    daybreak.home = nights
    told = daybreak("why", "nobody-at-all")
    assert (told.code, told.out, told.err.count("\n")) == (2, "", 1)
    assert "knows no user 'nobody-at-all'" in told.err


def test_the_diff_was_stored_before_the_release_was_announced(nights, releases, instance):
    for entry, before in zip(
        releases.log.entries(), (None, releases.log.entries()[0]), strict=True
    ):
        stored = Store(Home(nights).artefacts).current("release_diff", entry.as_of)
        found = stored.json("diff.json")
        assert found["after"] == entry.release
        assert found["before"] == (before.release if before else None)
        assert stored.file("diff.md").read_text().startswith("| " if before else "There is no")
    for run in instance.get_runs():
        ended = [
            record.dagster_event.step_key
            for record in instance.all_logs(run.run_id)
            if record.is_dagster_event
            and record.dagster_event.event_type == dg.DagsterEventType.STEP_SUCCESS
        ]
        assert ended.index("release_diff") < ended.index("publication")


def test_the_diff_is_shown_as_a_table_and_a_plot_and_names_nobody(nights, instance):
    event = instance.get_latest_materialization_event(dg.AssetKey("release_diff"))
    shown = event.asset_materialization.metadata
    assert "users with a list" in shown["changes"].value
    assert shown["plot"].value.startswith("![plot](data:image/png;base64,")
    assert len(shown["plot"].value) < 200_000
    stored = Store(Home(nights).artefacts).current("release_diff", SECOND_NIGHT)
    assert shown["overlap"].value == stored.json("diff.json")["overlap"]["mean"]
    texts = [str(value.value) for value in shown.values()]
    texts += [path.read_text() for path in stored.path.iterdir()]
    assert not any(re.search(r"u0\d{5}", text) for text in texts)


def test_the_stored_overlap_is_the_one_that_the_gate_judged(nights):
    stored = Store(Home(nights).artefacts).current("release_diff", SECOND_NIGHT)
    numbers = verdict(nights, SECOND_NIGHT)["numbers"]
    assert stored.json("diff.json")["overlap"]["mean"] == numbers["list_overlap"]


def test_the_command_names_whose_lists_changed_most(nights, daybreak):
    daybreak.home = nights
    told = daybreak("release", "diff")
    assert told.code == 0
    document = json.loads(daybreak("release", "diff", "--json").out)
    named = [row["user_id"] for row in document["largest_changes"]]
    assert len(set(named)) == 10
    plain = told.out.replace("\\", "")  # marks that a table must not read as its own
    assert all(f"\n| {user} " in plain for user in named)
    stored = Store(Home(nights).artefacts).current("release_diff", SECOND_NIGHT)
    assert unnamed(document) == stored.json("diff.json")


def test_sql_shows_the_release_beside_the_lake(nights, daybreak):
    daybreak.home = nights
    tables = {row["table_name"] for row in json.loads(daybreak("sql", "--json").out)["rows"]}
    assert {"lake_events", "lake_quarantine", "clean_events", "release_lists"} <= tables
    query = "SELECT count(DISTINCT user_id) AS n FROM release_lists"
    (row,) = json.loads(daybreak("sql", query, "--json").out)["rows"]
    assert row["n"] > 300
