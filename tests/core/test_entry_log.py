from dataclasses import dataclass

import pytest

from core.entry_log import DiskFolder, EntryLog
from core.errors import IntegrityError, MachineFault


@dataclass(frozen=True)
class Line:
    seq: int
    text: str


class Flaky(DiskFolder):
    """A disk whose answers get lost, before or after the work was done."""

    def __init__(self, path, *, arrives, answer):
        super().__init__(path)
        self.arrives = arrives
        self.answer = answer

    def create(self, name, content):
        if self.arrives:
            super().create(name, content)
        if isinstance(self.answer, OSError):
            raise self.answer
        return self.answer


def lines(folder):
    return EntryLog(folder, Line, "the list of lines")


def test_an_entry_whose_answer_was_lost_is_known_again(tmp_path):
    log = lines(Flaky(tmp_path, arrives=True, answer=OSError(5, "lost")))
    assert log.create(Line(1, "mine"))
    assert [line.text for line in log.entries()] == ["mine"]


def test_an_entry_that_a_repeated_request_finds_in_its_own_way_is_known_again(tmp_path):
    log = lines(Flaky(tmp_path, arrives=True, answer=False))
    assert log.create(Line(1, "mine"))


def test_a_lost_answer_about_anothers_entry_is_a_no(tmp_path):
    assert lines(DiskFolder(tmp_path)).create(Line(1, "theirs"))
    log = lines(Flaky(tmp_path, arrives=False, answer=OSError(5, "lost")))
    assert not log.create(Line(1, "mine"))
    assert [line.text for line in log.entries()] == ["theirs"]


def test_a_write_that_never_arrived_is_said_so(tmp_path):
    log = lines(Flaky(tmp_path, arrives=False, answer=OSError(28, "No space left on device")))
    with pytest.raises(MachineFault, match=r"entry 1 of the list of lines .* not there .*No space"):
        log.create(Line(1, "mine"))
    assert log.last_seq() == 0


def test_an_outcome_that_nobody_can_know_is_said_so_and_nothing_is_deleted(tmp_path, monkeypatch):
    folder = Flaky(tmp_path, arrives=True, answer=OSError(5, "lost"))
    monkeypatch.setattr(folder, "read", lambda name: (_ for _ in ()).throw(OSError(5, "gone")))
    with pytest.raises(MachineFault, match="nobody knows whether it was written"):
        lines(folder).create(Line(1, "mine"))
    assert [line.text for line in lines(DiskFolder(tmp_path)).entries()] == ["mine"]


def test_an_entry_of_another_kind_is_refused(tmp_path):
    @dataclass(frozen=True)
    class Other:
        seq: int
        number: int

    EntryLog(DiskFolder(tmp_path), Other, "numbers").create(Other(1, 2))
    with pytest.raises(IntegrityError, match="no entry of the list of lines"):
        lines(DiskFolder(tmp_path)).entries()
