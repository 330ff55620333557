"""What a publisher meets at the last step: a lost answer, a late start, a damaged disk."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from assets.publication.announcement import announce
from assets.publication.gate import evaluate_gate
from core.artefact import Artefact
from core.entry_log import DiskFolder
from core.errors import CheckFailed, GateRefused, IntegrityError, MachineFault, ReleaseConflict
from core.gate_settings import GateSettings
from core.kill_points import listen
from core.release_log import ReleaseLog
from core.release_store import ReleaseStore
from tests.assets.publication.test_gate import CHECKS, GOOD
from tests.serving.conftest import publish_toy, toy_tables

VERSIONS = {"gate": "g1", "evaluation": "e1"}


@pytest.fixture
def releases(tmp_path: Path) -> ReleaseStore:
    return ReleaseStore(tmp_path / "releases")


def built(releases: ReleaseStore, as_of: str, seed: int) -> Artefact:
    name = publish_toy(releases.root, as_of, seed, log=False)
    return Artefact(releases.path(name), releases.manifest(name))


def judged(release: Artefact, champion: str | None = None, **numbers: float) -> dict[str, Any]:
    verdict = evaluate_gate(
        {**GOOD, **numbers}, GateSettings(), required_checks=CHECKS, first_release=champion is None
    )
    return {
        "release": release.version, "champion": champion, "protocol": "toy",
        "verdict": verdict.to_dict(),
    }  # fmt: skip


def test_the_entry_names_the_verdict_its_artefacts_and_the_bytes(releases: ReleaseStore) -> None:
    release = built(releases, "1970-01-11", 1)
    entry = announce(releases, release, judged(release), VERSIONS)
    assert entry.action == "publish"
    assert entry.verdict is not None
    assert entry.verdict["versions"] == VERSIONS
    assert entry.verdict["passed"] is True
    assert entry.content == release.manifest.content_hash
    assert announce(releases, release, judged(release), VERSIONS) == entry


class Lossy(DiskFolder):
    """A disk whose answers get lost after the work was done, and that can't be read for a while."""

    broken = True

    def create(self, name: str, content: bytes) -> bool:
        super().create(name, content)
        raise OSError(5, "lost")

    def read(self, name: str) -> bytes:
        if self.broken:
            raise OSError(5, "not now")
        return super().read(name)


def test_a_publisher_whose_answer_was_lost_runs_again_and_there_is_one_entry(
    releases: ReleaseStore,
) -> None:
    release = built(releases, "1970-01-11", 1)
    folder = Lossy(releases.root / "log")
    releases.log = ReleaseLog(folder)
    with pytest.raises(MachineFault, match="nobody knows whether it was written"):
        announce(releases, release, judged(release), VERSIONS)
    folder.broken = False
    entry = announce(releases, release, judged(release), VERSIONS)
    assert (entry.seq, len(releases.log.entries())) == (1, 1)


def test_a_lost_answer_that_can_be_looked_up_is_no_error(releases: ReleaseStore) -> None:
    release = built(releases, "1970-01-11", 1)
    folder = Lossy(releases.root / "log")
    folder.broken = False
    releases.log = ReleaseLog(folder)
    assert announce(releases, release, judged(release), VERSIONS).seq == 1
    assert len(releases.log.entries()) == 1


def test_a_publisher_that_wakes_after_two_hours_is_archived_or_refused(
    releases: ReleaseStore,
) -> None:
    first = built(releases, "1970-01-11", 1)
    announce(releases, first, judged(first), VERSIONS)
    late, newer = built(releases, "1970-01-12", 2), built(releases, "1970-01-13", 3)
    announce(releases, newer, judged(newer, first.version), VERSIONS)
    # A newer date was published meanwhile: the late one is kept, and never served.
    entry = announce(releases, late, judged(late, first.version), VERSIONS)
    assert (entry.action, releases.log.current()) == ("archive", newer.version)
    # Its champion was rolled back meanwhile: what it was held against no longer stands.
    other = built(releases, "1970-01-14", 4)
    releases.log.append("rollback", newer.version, "1970-01-13", reason="bad")
    with pytest.raises(CheckFailed, match=f"but {late.version} stands before 1970-01-14 now"):
        announce(releases, other, judged(other, newer.version), VERSIONS)


def test_a_writer_that_comes_between_is_seen(releases: ReleaseStore) -> None:
    release, rival = built(releases, "1970-01-11", 1), built(releases, "1970-01-12", 2)

    def come_between(point: str) -> None:
        if point == "release_verified":
            listen(None)
            ReleaseStore(releases.root).log.append(
                "publish", rival.version, "1970-01-12", reason="rival"
            )

    listen(come_between)
    try:
        entry = announce(releases, release, judged(release), VERSIONS)
    finally:
        listen(None)
    assert (entry.seq, entry.action) == (2, "archive")


def test_writers_that_never_rest_are_said_so(releases: ReleaseStore) -> None:
    release = built(releases, "1970-01-11", 1)
    turns = iter(range(100))

    def come_between(point: str) -> None:
        if point == "release_verified":
            listen(None)
            name = f"1970-01-12.{next(turns):06d}"
            ReleaseStore(releases.root).log.append("publish", name, name[:10], reason="rival")
            listen(come_between)

    listen(come_between)
    try:
        with pytest.raises(ReleaseConflict, match="run again"):
            announce(releases, release, judged(release), VERSIONS)
    finally:
        listen(None)


def test_what_was_damaged_after_the_gate_is_not_announced(releases: ReleaseStore) -> None:
    release = built(releases, "1970-01-11", 1)
    document = judged(release)
    path = release.path / "fragments.bin"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(IntegrityError, match=r"fragments\.bin"):
        announce(releases, release, document, VERSIONS)
    assert releases.log.entries() == ()


def test_what_was_rebuilt_after_the_gate_is_not_announced(
    releases: ReleaseStore, tmp_path: Path
) -> None:
    """Other bytes under the same id, whole in themselves."""
    release = built(releases, "1970-01-11", 1)
    shutil.rmtree(release.path)
    other = ReleaseStore(tmp_path / "elsewhere" / "releases")
    (tmp_path / "elsewhere").mkdir()
    publish_toy(other.root, "1970-01-11", 1, toy_tables(" rebuilt"), log=False)
    shutil.copytree(other.path(release.version), release.path)
    with pytest.raises(IntegrityError, match="was changed after the gate judged it"):
        announce(releases, release, judged(release), VERSIONS)
    assert releases.log.entries() == ()


def test_a_no_of_the_gate_is_a_no(releases: ReleaseStore) -> None:
    release = built(releases, "1970-01-11", 1)
    with pytest.raises(GateRefused, match="seen items 3 is above 0"):
        announce(releases, release, judged(release, seen_items=3), VERSIONS)


def test_what_was_rolled_back_or_retired_stays_so(releases: ReleaseStore) -> None:
    names = [built(releases, f"1970-01-1{n}", n) for n in (1, 2)]
    first, second = names
    announce(releases, first, judged(first), VERSIONS)
    announce(releases, second, judged(second, first.version), VERSIONS)
    retired = releases.log.append("retire", first.version, "1970-01-11", reason="old")
    assert announce(releases, first, judged(first), VERSIONS) == retired
    releases.log.append("rollback", second.version, "1970-01-12", reason="bad")
    with pytest.raises(GateRefused, match="rolled back by entry 4"):
        announce(releases, second, judged(second), VERSIONS)
