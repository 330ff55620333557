"""Artefacts that something refers to stay; the others go once nobody has used them for a while."""

import os
from pathlib import Path

import pytest

from assets.publication.garbage import clear_up
from core.artefact import Artefact
from core.home import Home
from core.kill_points import listen
from core.manifest import NAME
from core.night import Night, Workspace
from core.release_store import ReleaseStore
from core.release_writer import ReleasePlan, ReleaseWriter
from core.retention_settings import RetentionSettings
from core.settings import Settings
from core.staging import Staging

DAY = "2026-01-01"
THREE = RetentionSettings(keep_releases=3)


@pytest.fixture
def night(tmp_path: Path) -> Night:
    return Workspace(Home(tmp_path), Settings()).night(DAY)


def make(night: Night, kind: str, text: str, *inputs: str) -> Artefact:
    def write(staging: Staging) -> None:
        staging.write_json("text.json", text)

    return night.make(kind, write, inputs=inputs, config={"text": text}).artefact


def release(night: Night, *parts: Artefact, verdict: dict[str, str] | None = None) -> str:
    releases = ReleaseStore(night.home.releases)
    plan = ReleasePlan(night.key, {one.manifest.kind: one.version for one in parts}, {}, 1)
    writer = ReleaseWriter(releases)
    staging = writer.begin(plan)
    staging.file("one.txt").write_text(plan.version)
    writer.commit(plan, staging)
    releases.log.append(
        "publish", plan.version, night.key, reason="test", verdict={"versions": verdict or {}}
    )
    return plan.version


def gone(night: Night, grace: float = 0) -> set[str]:
    found = clear_up(night.home, THREE, grace_seconds=grace)
    for place in found["artefacts"]:
        assert not (night.home.artefacts / place).exists()
    return set(found["artefacts"])


def place(one: Artefact) -> str:
    return f"{one.manifest.kind}/{DAY}/{one.version}"


def test_what_stands_behind_a_release_stays_and_so_do_its_checks_and_its_verdict(
    night: Night,
) -> None:
    lake = make(night, "lake", "1")
    lists = make(night, "lists", "1", "lake")
    check = make(night, "check_lists", "1", "lists", "lake")
    gate = make(night, "gate", "1", "lists")
    release(night, lists, verdict={"gate": gate.version})
    kept = {place(one) for one in (lake, lists, check, gate)}
    # The date is run again, on a later lake; of that, only the first try is left over.
    tries = []
    for text in ("2", "3"):
        make(night, "lake", text)
        tries.append(
            [make(night, "lists", text, "lake"), make(night, "check_lists", text, "lists")]
        )
    assert gone(night, grace=3600) == set()
    went = gone(night)
    assert {place(one) for one in tries[0]} < went
    assert len(went) == 3  # the lake of that try too
    for name in kept:
        assert (night.home.artefacts / name / NAME).is_file()
    assert night.store.current("lists", DAY).version == tries[1][0].version


def test_what_only_a_deleted_release_needed_goes_after_it(night: Night) -> None:
    lists = make(night, "lists", "1")
    name = release(night, lists)
    make(night, "lists", "2")
    assert gone(night) == set()
    for day in ("2026-01-02", "2026-01-03", "2026-01-04"):
        later = Workspace(night.home, Settings()).night(day)
        release(later, make(later, "lists", day))
    assert clear_up(night.home, THREE, grace_seconds=3600)["retired"].keys() == {name}
    found = clear_up(night.home, THREE, grace_seconds=0)
    assert (found["deleted"], found["artefacts"]) == ([name], [place(lists)])


def test_where_the_trail_breaks_off_nothing_of_that_date_goes(night: Night) -> None:
    make(night, "lake", "1")
    lists = make(night, "lists", "1", "lake")
    release(night, lists)
    make(night, "lists", "2", "lake")
    make(night, "lists", "3", "lake")
    path = lists.path / NAME
    content = path.read_bytes()
    path.write_bytes(content[:-20])
    assert gone(night) == set()
    path.write_bytes(content)
    assert len(gone(night)) == 1


def test_what_a_run_has_just_taken_up_again_stays(night: Night) -> None:
    first = make(night, "lists", "1")
    make(night, "lists", "2")
    for path in (first.path, *first.path.iterdir()):
        os.utime(path, (0, 0))
    rival = night.rival_of(night.settings)
    make(rival, "lists", "1")
    assert gone(night, grace=60) == set()


def test_what_a_run_takes_up_while_others_are_deleted_stays(night: Night) -> None:
    tries = [make(night, "lists", text) for text in ("1", "2", "3")]
    make(night, "lists", "4")
    for one in tries:
        for path in (one.path, *one.path.iterdir()):
            os.utime(path, (0, 0))
    last = max(tries, key=place)  # they go in order

    def take_up(point: str) -> None:
        if point == "version_deleted":
            os.utime(last.path)

    listen(take_up)
    try:
        went = gone(night, grace=60)
    finally:
        listen(None)
    assert went == {place(one) for one in tries} - {place(last)}
    assert (last.path / NAME).is_file()


def test_litter_of_dead_writers_goes_and_a_trial_only_tells(night: Night) -> None:
    lists = make(night, "lists", "1")
    litter = lists.path.parent / ".staging-0123"
    litter.mkdir()
    beside = lists.path.parent / ".CURRENT.0123"
    beside.write_text("half")
    told = clear_up(night.home, THREE, grace_seconds=0, is_trial=True)
    assert sorted(told["swept"]) == [
        f"artefacts/lists/{DAY}/{name}" for name in (beside.name, litter.name)
    ]
    assert litter.exists()
    assert clear_up(night.home, THREE, grace_seconds=3600)["swept"] == []
    assert clear_up(night.home, THREE, grace_seconds=0)["swept"] == told["swept"]
    assert [path.name for path in lists.path.parent.iterdir() if path.name[0] == "."] == []


def test_an_empty_home_is_clear(tmp_path: Path) -> None:
    assert clear_up(Home(tmp_path), RetentionSettings()) == {
        "retired": {}, "deleted": [], "artefacts": [], "swept": [], "is_trial": False,
    }  # fmt: skip
