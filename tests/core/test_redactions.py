"""A rewritten version is found under its id, and what it replaced is gone."""

import pytest

from core.errors import IntegrityError, NotFound, UnsafeName
from core.kill_points import listen
from core.redactions import newest, remove_superseded, safe_folder, version_of
from core.store import Plan, Store

PLAN = Plan("users", "2025-01-01", {}, {}, 1)
POINTS = ["redaction_staged", "redaction_described", "redaction_committed"]


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def made(store, text="whole"):
    staging = store.begin(PLAN)
    staging.file("a.txt").write_text(text)
    artefact = store.commit(PLAN, staging)
    store.make_current(artefact)
    return artefact


def rewritten(store, artefact, text):
    staging = store.begin_redaction(artefact)
    staging.file("a.txt").write_text(text)
    staging.facts["n"] = 1
    return store.redact(artefact, staging)


def read(artefact):
    return artefact.file("a.txt").read_text()


def test_every_look_up_finds_the_last_redaction(store):
    old = made(store)
    for number, text in enumerate(["once", "twice"], 1):
        new = rewritten(store, store.find(PLAN), text)
        assert (new.version, new.manifest.redaction) == (old.version, number)
        assert new.path.name == f"{old.version}+{number}"
        found = [
            store.find(PLAN), store.find_whole(PLAN), store.current("users", "2025-01-01"),
            store.version("users", "2025-01-01", old.version),
            *store.versions("users", "2025-01-01"),
        ]  # fmt: skip
        assert [read(one) for one in found] == [text] * 5
        left = {path.name for path in new.path.parent.iterdir()}
        assert left == {new.path.name, "CURRENT"}
    assert found[0].facts == {"n": 1}


def test_what_was_forgotten_is_not_made_again(store):
    rewritten(store, made(store), "redacted")
    staging = store.begin(PLAN)
    staging.file("a.txt").write_text("whole")
    assert read(store.commit(PLAN, staging)) == "redacted"
    assert not staging.path.exists()


@pytest.mark.parametrize("point", POINTS)
def test_killed_between_two_steps_one_version_stands(store, point):
    old = made(store)

    class Killed(BaseException):
        pass

    def kill(name):
        if name == point:
            raise Killed

    listen(kill)
    try:
        with pytest.raises(Killed):
            rewritten(store, old, "redacted")
    finally:
        listen(None)
    committed = point == "redaction_committed"
    assert read(store.find(PLAN)) == ("redacted" if committed else "whole")
    remove_superseded(store.find(PLAN).path)
    if not committed:
        rewritten(store, store.find(PLAN), "redacted")
    assert read(store.find(PLAN)) == "redacted"
    assert not old.path.exists()


def test_a_folder_of_another_redaction_is_refused(store):
    new = rewritten(store, made(store), "redacted")
    new.path.rename(new.path.with_name(f"{new.version}+7"))
    with pytest.raises(IntegrityError):
        store.find(PLAN)


def test_names(tmp_path):
    for name in ("v", "v+2", "v+10", "w+11", "v+3"):
        (tmp_path / name).mkdir()
        if name != "v+3":
            (tmp_path / name / "manifest.json").touch()
    assert newest(tmp_path / "v").name == "v+10"
    assert newest(tmp_path / "x").name == "x"
    assert version_of(tmp_path / "v+10") == "v"


def test_a_version_that_is_not_there_is_not_there(store):
    with pytest.raises(NotFound):
        store.version("users", "2025-01-01", "abc")


def test_what_was_half_removed_without_its_manifest_goes_too(store):
    first = rewritten(store, made(store), "once")
    second = rewritten(store, first, "twice")
    first.path.mkdir()
    (first.path / "a.txt").write_text("half removed, the manifest gone")
    remove_superseded(second.path)
    assert not first.path.exists()


@pytest.mark.parametrize("name", ["v+0", "v+01", "v+1+2", "v+", "+1", "../v+1", "v+-1", "v+x"])
def test_only_a_redactions_name_may_hold_a_plus(name):
    with pytest.raises(UnsafeName):
        safe_folder(name)


def test_the_names_of_folders_are_safe():
    assert [safe_folder(name) for name in ("v", "v+1", "v+12")] == ["v", "v+1", "v+12"]
