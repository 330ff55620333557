"""What a home knows of its own files travels with them, and is of one tombstone log."""

import pytest

from core.erasure_mark import check_rewritten, mark_rewritten, rewritten_through
from core.errors import ReleaseConflict
from core.home import Home
from core.tombstone_log import TombstoneLog


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


def erased(folder, *users):
    for user in users:
        TombstoneLog(folder).erase(user)
    return TombstoneLog(folder).state()


def test_a_home_knows_how_far_it_has_come(home, tmp_path):
    state = erased(tmp_path / "log", "ann")
    assert rewritten_through(home, state) == 0
    mark_rewritten(home, state)
    assert rewritten_through(home, state) == 1
    state = erased(tmp_path / "log", "bob")
    assert state.pending(rewritten_through(home, state)) == {state.hash("bob")}


def test_anothers_note_in_the_log_says_nothing_of_this_home(home, tmp_path):
    state = erased(tmp_path / "log", "ann")
    TombstoneLog(tmp_path / "log").note_rewrite(state.seq)
    state = TombstoneLog(tmp_path / "log").state()
    assert (state.rewritten, rewritten_through(home, state)) == (1, 0)


def test_a_mark_of_another_log_counts_for_nothing(home, tmp_path):
    mark_rewritten(home, erased(tmp_path / "first", "ann", "bob"))
    assert rewritten_through(home, erased(tmp_path / "second", "cat")) == 0


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff", b'{"through":"x","secret":""}'])
def test_a_damaged_mark_has_every_file_looked_at_again(home, tmp_path, content):
    state = erased(tmp_path / "log", "ann")
    mark_rewritten(home, state)
    home.rewritten.write_bytes(content)
    assert rewritten_through(home, state) == 0


def test_files_are_not_shared_while_others_forget_more(tmp_path):
    state = erased(tmp_path / "log", "ann", "bob")
    check_rewritten(0, state, 0)  # asked for, and nobody has begun: whoever does looks at all
    check_rewritten(1, state, 1)
    with pytest.raises(ReleaseConflict, match=r"yet to forget 1 of the users.*erase USER --now"):
        check_rewritten(1, state, 2)
    TombstoneLog(tmp_path / "log").note_rewrite(state.seq)
    state = TombstoneLog(tmp_path / "log").state()
    with pytest.raises(ReleaseConflict, match="yet to forget 2"):
        check_rewritten(0, state, 0)
    check_rewritten(2, state, 3)
