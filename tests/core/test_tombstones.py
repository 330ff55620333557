import re
import shutil
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.errors import IntegrityError
from core.tombstone_log import SECRET, TombstoneLog
from core.tombstones import Tombstones


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "tombstones"


def test_an_empty_log_hides_nobody_and_makes_no_file(folder):
    state = TombstoneLog(folder).state()
    assert state == Tombstones()
    assert not state.hides("ann")
    assert not folder.exists()


def test_items_are_taken_down_and_restored(folder):
    log = TombstoneLog(folder)
    assert log.take_down("m1")[1]
    assert log.take_down("m2")[1]
    assert not log.take_down("m1")[1]
    state, changed = log.take_down("m2", undo=True)
    assert (state.items, state.seq, changed) == (frozenset({"m1"}), 3, True)
    assert not log.take_down("m2", undo=True)[1]
    assert TombstoneLog(folder).state() == state


def test_an_opt_out_ends_and_an_erasure_does_not(folder):
    log = TombstoneLog(folder)
    log.opt_out("ann")
    log.erase("bob")
    state = log.state()
    assert [state.hides(user) for user in ("ann", "bob", "cat")] == [True, True, False]
    assert state.pending(0) == {state.hash("bob")}
    log.opt_out("ann", undo=True)
    log.opt_out("bob", undo=True)
    log.note_rewrite(state.seq)
    state = log.state()
    assert [state.hides(user) for user in ("ann", "bob")] == [False, True]
    assert state.pending(state.rewritten) == frozenset()
    assert state.pending(0) == state.erased


def test_an_erasure_asked_for_after_the_rewrite_began_is_still_to_do(folder):
    log = TombstoneLog(folder)
    seen, _ = log.erase("ann")
    log.erase("bob")
    log.note_rewrite(seen.seq)
    state = log.state()
    assert state.pending(state.rewritten) == {state.hash("bob")}


def test_no_file_names_a_user_and_all_are_private(folder):
    log = TombstoneLog(folder)
    log.opt_out("ann-of-the-canary")
    log.erase("bob-of-the-canary")
    files = sorted(folder.iterdir())
    assert [file.name for file in files] == ["00000001.json", "00000002.json", SECRET]
    for file in files:
        assert b"canary" not in file.read_bytes()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "canary" not in repr(log.state())
    assert log.secret().key.hex() not in repr(log.state())


def test_two_installations_hash_a_user_differently(tmp_path):
    first, second = (TombstoneLog(tmp_path / name).erase("ann")[0] for name in ("a", "b"))
    assert first.erased != second.erased
    assert all(re.fullmatch("[0-9a-f]{32}", user) for user in first.erased | second.erased)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda f: (f / SECRET).unlink(), "not there"),
        (lambda f: (f / SECRET).write_text("ab" * 32), "another"),
        (lambda f: (f / SECRET).write_text("ab"), "cut short"),
        (lambda f: (f / SECRET).write_text("no hex"), "cannot be read"),
        (lambda f: (f / "00000001.json").unlink(), "cannot be read"),
        (lambda f: (f / "00000001.json").write_bytes(b""), "no entry"),
        (lambda f: shutil.copy(f / "00000002.json", f / "00000001.json"), "was altered"),
    ],
)
def test_damage_is_named_and_hides_nobody_by_mistake(folder, damage, told):
    log = TombstoneLog(folder)
    log.erase("ann")
    log.take_down("m1")
    damage(folder)
    with pytest.raises(IntegrityError, match=told):
        TombstoneLog(folder).state()


def test_a_log_that_shrank_is_no_log(folder):
    log = TombstoneLog(folder)
    log.take_down("m1")
    log.take_down("m2")
    (folder / "00000002.json").unlink()
    with pytest.raises(IntegrityError, match="ends at entry 1, it had 2"):
        log.state()


def test_twenty_writers_lose_nothing(folder):
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda n: TombstoneLog(folder).erase(f"user-{n}"), range(20)))
    state = TombstoneLog(folder).state()
    assert all(state.hides(f"user-{n}") for n in range(20))
    assert (state.seq, len(state.erased)) == (20, 20)
