import errno
from datetime import date
from pathlib import Path

import pytest

from core import store
from core.errors import (
    DaybreakError,
    NotFound,
    NotReproducible,
    UsageError,
)
from core.home import Home
from core.night import Night, Workspace
from core.settings import Settings
from core.staging import Staging

DAY = "2024-03-10"


@pytest.fixture
def night(tmp_path: Path) -> Night:
    return Workspace(Home(tmp_path), Settings()).night(DAY)


class Writing:
    """Writes a text, and counts how often it was asked to."""

    def __init__(self, text: str = "one") -> None:
        self.text = text
        self.n_calls = 0

    def __call__(self, staging: Staging) -> None:
        self.n_calls += 1
        staging.write_json("text.json", self.text)


def staged(night: Night) -> list[Path]:
    return list(night.home.root.rglob(".staging-*"))


def test_a_night_is_one_date(night: Night) -> None:
    assert (night.as_of, night.key, night.before_us) == (date(2024, 3, 10), DAY, 1710028800000000)
    with pytest.raises(UsageError, match="'yesterday' is not a date"):
        Workspace(night.home, night.settings).night("yesterday")


def test_an_artefact_is_made_once(night: Night) -> None:
    write = Writing()
    first = night.make("als", write, config={"k": 10})
    again = night.make("als", write, config={"k": 10})
    other_process = Workspace(night.home, night.settings).night(DAY).make(
        "als", write, config={"k": 10}
    )  # fmt: skip
    assert write.n_calls == 1
    assert (first.reused, again.reused, other_process.reused) == (False, True, True)
    assert first.artefact == again.artefact == other_process.artefact == night.get("als")
    assert first.seconds > 0
    assert first.peak_mb > 1


def test_another_setting_seed_or_input_makes_another_version(tmp_path: Path, night: Night) -> None:
    write = Writing()
    versions = {night.make("als", write, config={"k": 10}).artefact.version}
    versions.add(night.make("als", write, config={"k": 11}).artefact.version)
    other = Night(night.home, Settings(seed=1), night.as_of)
    versions.add(other.make("als", write, config={"k": 11}).artefact.version)
    night.make("lake", Writing())
    versions.add(night.make("als", write, inputs=["lake"], config={"k": 11}).artefact.version)
    night.make("lake", Writing("two"), config={"position": 2})
    versions.add(night.make("als", write, inputs=["lake"], config={"k": 11}).artefact.version)
    assert len(versions) == 5
    assert write.n_calls == 5


def test_inputs_are_recorded_by_version(night: Night) -> None:
    lake = night.make("lake", Writing()).artefact
    made = night.make("als", Writing(), inputs=["lake"]).artefact
    assert made.manifest.inputs == {"lake": lake.version}


def test_an_input_that_was_not_made_is_named(night: Night) -> None:
    write = Writing()
    with pytest.raises(NotFound, match=f"there is no lake as of {DAY}; run `daybreak run"):
        night.make("als", write, inputs=["lake"])
    assert write.n_calls == 0
    assert not night.home.artefacts.exists()


def test_dates_do_not_meet(night: Night) -> None:
    made = night.make("als", Writing()).artefact
    before = {path: path.read_bytes() for path in night.home.root.rglob("*") if path.is_file()}
    other = Workspace(night.home, night.settings).night("2024-03-11")
    with pytest.raises(NotFound):
        other.get("als")
    assert other.make("als", Writing()).artefact.version != made.version
    assert {path: path.read_bytes() for path in before} == before


def test_going_back_to_an_earlier_setting_points_back_to_its_version(night: Night) -> None:
    first = night.make("als", Writing(), config={"k": 10}).artefact
    night.make("als", Writing(), config={"k": 11})
    assert night.make("als", Writing(), config={"k": 10}).reused
    assert night.store.current("als", DAY) == first


def test_a_rival_keeps_its_results_but_never_becomes_current(night: Night) -> None:
    night.make("lake", Writing())
    mine = night.make("als", Writing(), inputs=["lake"], config={"k": 10}).artefact
    rival = night.rival_of(Settings(seed=3))
    assert rival.rival
    theirs = rival.make("als", Writing("theirs"), inputs=["lake"], config={"k": 20}).artefact
    assert rival.get("als") == theirs
    assert rival.make("ranker", Writing(), inputs=["als"]).artefact.manifest.inputs == {
        "als": theirs.version
    }
    assert theirs.manifest.inputs == mine.manifest.inputs
    assert night.get("als") == night.store.current("als", DAY) == mine
    with pytest.raises(NotFound):
        night.get("ranker")


def test_recomputing_compares_with_what_is_stored(night: Night) -> None:
    write = Writing()
    stored = night.make("als", write).artefact
    again = Workspace(night.home, night.settings, recompute=True).night(DAY)
    made = again.make("als", write)
    assert (write.n_calls, made.reused, made.artefact) == (2, False, stored)
    with pytest.raises(NotReproducible, match="came out differently from the stored one"):
        again.make("als", Writing("another"))
    assert night.store.current("als", DAY).json("text.json") == "one"
    assert staged(night) == []


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("name", ["text.json", "manifest.json"])
def test_a_damaged_version_is_made_anew_and_kept_aside(
    night: Night, caplog: pytest.LogCaptureFixture, name: str, recompute: bool
) -> None:
    stored = night.make("als", Writing()).artefact
    content = (stored.path / name).read_bytes()
    (stored.path / name).write_bytes(content[:-2])
    again = Workspace(night.home, night.settings, recompute).night(DAY)
    write = Writing()
    made = again.make("als", write)
    assert (write.n_calls, made.reused, made.artefact.path) == (1, False, stored.path)
    assert (stored.path / name).read_bytes() == content
    (hidden,) = stored.path.parent.glob(".damaged-*")
    assert (hidden / name).read_bytes() == content[:-2]
    assert f"it is made anew, and kept at {hidden}" in caplog.text
    assert staged(night) == []


@pytest.mark.parametrize("error", [ValueError("a bug"), KeyboardInterrupt(), NotFound("gone")])
def test_a_stage_that_fails_leaves_nothing_and_can_be_repeated(
    night: Night, error: BaseException
) -> None:
    def write(staging: Staging) -> None:
        staging.write_json("text.json", "half")
        raise error

    with pytest.raises(type(error)) as raised:
        night.make("als", write)
    assert raised.value is error
    assert staged(night) == []
    with pytest.raises(NotFound):
        night.get("als")
    assert night.make("als", Writing()).artefact.json("text.json") == "one"


@pytest.mark.parametrize(
    ("place", "name"),
    [("begin", "begin"), ("while writing", ""), ("commit", "commit"), ("pointing", "make_current")],
)
@pytest.mark.parametrize(
    ("number", "text"),
    [(errno.ENOSPC, "No space left on device"), (errno.EIO, "Input/output error")],
)
def test_a_failing_disk_is_one_line_and_the_next_run_works(
    night: Night, place: str, name: str, number: int, text: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, text, "some/file")

    with pytest.MonkeyPatch.context() as patch:
        if name:
            patch.setattr(store.Store, name, fail)
        with pytest.raises(DaybreakError) as refusal:
            night.make("als", Writing() if name else fail)
    assert str(refusal.value) == (
        f"als as of {DAY} could not be written: {text} (some/file); free space or mend the disk "
        "and run again"
    )
    assert refusal.value.exit_code == 1
    assert staged(night) == []
    with pytest.raises(NotFound):
        night.get("als")
    assert night.make("als", Writing()).artefact.json("text.json") == "one"
    assert night.get("als").json("text.json") == "one"


def test_a_fault_without_a_file_still_reads_as_a_sentence(night: Night) -> None:
    def fail(_: Staging) -> None:
        raise OSError("the drive was pulled")

    with pytest.raises(DaybreakError, match="could not be written: the drive was pulled; free"):
        night.make("als", fail)
