"""What must not be published is not, and people are told why in one line."""

import json
import math
import shutil
from dataclasses import replace

import pytest

from assets.publication import champion
from assets.publication.stage import publish
from core.errors import CheckFailed, DaybreakError, GateRefused
from core.home import Home
from core.night import Workspace
from core.release_store import ReleaseStore
from core.schemas import ITEMS
from core.settings import load_settings
from core.store import Plan, Store
from orchestration.instance import open_instance
from serving.answer import recommendations
from serving.current_release import CurrentRelease
from serving.ladder import choose
from tests import small_world
from tests.small_world import CHALLENGER, SECOND_NIGHT

WORSE = {
    "DAYBREAK_MODELS__RANKER__MIN_CHILD_WEIGHT": "1000000",
    "DAYBREAK_LISTS__FULL_FROM_INTERACTIONS": "1",
}
"""Trees without a branch: every candidate has one score, and the order is that of the ids."""
OTHER = {**CHALLENGER, "DAYBREAK_LISTS__FRESH_DAYS": "13"}
"""A challenger as good as the champion, which only a missing or bad result can keep out."""
_ENDS = ("STEP_SUCCESS", "STEP_FAILURE", "STEP_SKIPPED")
LISTED = ("ranked", "evaluation", "explanations", "release")


class Serving:
    """What a running server goes by: it looks at the log, and answers from what stands."""

    def __init__(self, home):
        self._current = CurrentRelease(
            ReleaseStore(Home(home).releases), poll_seconds=1, retry_seconds=1
        )

    def answers(self):
        self._current.refresh()
        release = self._current.served.release
        users = ("u000010", "u000020", "nobody")
        return [recommendations(release, user, choose(release, user, 10), 0) for user in users]


@pytest.fixture
def unmoved(nights_copy, daybreak):
    """Checks, when a test ends, that nothing of what it tried was announced."""
    log = ReleaseStore(Home(nights_copy).releases).log
    entries, serving = log.entries(), Serving(nights_copy)
    answers = serving.answers()
    yield entries[-1].release
    assert log.entries() == entries
    assert serving.answers() == answers
    current = json.loads(daybreak("release", "current", "--json").out)
    assert current["release"] == entries[-1].release


def refused(home, only, more=OTHER):
    """Runs some assets; returns the error that a command would print."""
    with pytest.raises(DaybreakError) as caught:
        small_world.run(home, SECOND_NIGHT, more, only)
    assert caught.value.exit_code == 1
    assert "\n" not in str(caught.value)
    return caught.value


def pointer(home, kind):
    return Home(home).artefacts / kind / SECOND_NIGHT / "CURRENT"


def test_a_worse_challenger(nights_copy, daybreak, unmoved):
    for name, value in WORSE.items():
        daybreak.environment.setenv(name, value)
    told = daybreak("run", "--as-of", SECOND_NIGHT)
    assert told.code == 1
    assert told.out == ""
    assert told.err.count("\n") == 1, told.err
    assert told.err.startswith(
        "daybreak: gate refused: ndcg@10 relative difference lower bound -0."
    )
    assert " is below -0.6 " in told.err
    assert "; the current release stays; next step: " in told.err
    rows = json.loads(daybreak("release", "list", "--json").out)
    (built,) = [row for row in rows if row["status"] is None]
    assert (built["as_of"], built["is_current"], built["is_stored"]) == (SECOND_NIGHT, False, True)


def test_a_good_challenger_would_have_passed(nights_copy):
    """The others of this file fail for the reason that they name, and for no other."""
    log = ReleaseStore(Home(nights_copy).releases).log
    small_world.run(nights_copy, SECOND_NIGHT, OTHER, (*LISTED, "gate", "publication"))
    assert len(log.entries()) == 3
    assert log.current() == log.entries()[-1].release


@pytest.fixture
def challenger(nights_copy, unmoved):
    """A home in which a good challenger waits for the gate."""
    small_world.run(nights_copy, SECOND_NIGHT, OTHER, LISTED)
    return nights_copy


def test_a_skipped_check_and_one_of_another_version(challenger):
    kept = pointer(challenger, "check_items").read_bytes()
    pointer(challenger, "check_items").unlink()
    error = refused(challenger, ("gate", "publication"))
    assert isinstance(error, CheckFailed)
    assert "gate refused: check items is missing (skipped or without a result)" in str(error)
    pointer(challenger, "check_items").write_bytes(kept)

    # A verdict that stands, but on a table that is not the one behind the release.
    store = Store(Home(challenger).artefacts)
    night = small_world.night(challenger, SECOND_NIGHT)
    stale = Plan("check_users", SECOND_NIGHT, {"users": "0" * 16}, {}, night.settings.seed)
    staging = store.begin(stale)
    verdict = store.current("check_users", SECOND_NIGHT).json("verdict.json")
    staging.write_json("verdict.json", verdict)
    store.make_current(store.commit(stale, staging))
    error = refused(challenger, ("gate", "publication"))
    assert "check users is missing (skipped or without a result)" in str(error)


@pytest.mark.parametrize("number", [math.nan, None])
def test_a_metric_that_is_no_number(challenger, monkeypatch, number):
    found = champion.compare

    def broken(*arguments):
        return replace(found(*arguments), lower=number)

    monkeypatch.setattr(champion, "compare", broken)
    error = refused(challenger, ("gate", "publication"))
    assert "ndcg@10 relative difference lower bound is missing" in str(error)
    verdict = small_world.night(challenger, SECOND_NIGHT).get("gate").json("verdict.json")
    assert verdict["verdict"]["passed"] is False


def test_a_release_that_was_rolled_back_does_not_come_back(nights_copy, daybreak):
    first, second = ReleaseStore(Home(nights_copy).releases).log.entries()
    assert daybreak("release", "rollback", "--reason", "looked odd").code == 0
    error = refused(nights_copy, ("gate", "publication"), CHALLENGER)
    assert isinstance(error, CheckFailed | GateRefused)
    assert f"release {second.release} was rolled back" in str(error)
    assert "(looked odd)" in str(error)
    current = json.loads(daybreak("release", "current", "--json").out)
    assert current["release"] == first.release


def test_a_bad_table_stops_what_comes_after(nights_copy, unmoved, environment):
    """Items out of order, some of them twice, under an honest manifest: only the check can tell."""
    store = Store(Home(nights_copy).artefacts)
    stored = store.current("items", SECOND_NIGHT)
    plan = Plan("items", SECOND_NIGHT, stored.manifest.inputs, stored.manifest.config,
                stored.manifest.seed)  # fmt: skip
    assert plan.version == stored.version
    rows = stored.table(ITEMS)
    shutil.rmtree(stored.path)
    shutil.rmtree(store.root / "check_items" / SECOND_NIGHT)
    staging = store.begin(plan)
    staging.write_batches([rows.tail(5).to_arrow(), rows.to_arrow()], ITEMS)
    store.commit(plan, staging)

    error = refused(nights_copy, ("items", "popularity", "release", "publication"), CHALLENGER)
    assert isinstance(error, CheckFailed)
    assert str(error).startswith("check key_unique of items: 5, expected 0")
    with small_world.settings():
        instance = open_instance(Home(nights_copy))
        run = instance.get_runs(limit=1)[0]
        ended = {
            event.dagster_event.step_key: event.dagster_event.event_type_value
            for event in instance.all_logs(run.run_id)
            if event.is_dagster_event and event.dagster_event.event_type_value in _ENDS
        }
    assert ended == {"items": "STEP_FAILURE"}  # what comes after was not even begun


def test_a_publisher_that_wakes_after_its_champion_was_rolled_back(nights_copy):
    """Its verdict says no worse than a release that has since been found bad."""
    releases = ReleaseStore(Home(nights_copy).releases)
    first, second = releases.log.entries()
    (releases.log.folder.path / f"{second.seq:08d}.json").unlink()
    log = ReleaseStore(Home(nights_copy).releases).log
    log.append("rollback", first.release, first.as_of, reason="bad after all")
    with small_world.settings(CHALLENGER):
        night = Workspace(Home(nights_copy), load_settings()).night(SECOND_NIGHT)
        with pytest.raises(CheckFailed, match="but no release stands before") as caught:
            publish(night)
    assert f"held {second.release} against {first.release}" in str(caught.value)
    assert [entry.action for entry in log.entries()] == ["publish", "rollback"]
