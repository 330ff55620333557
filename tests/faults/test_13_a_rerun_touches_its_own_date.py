"""Each date of a home again and again, in random order: no hash changes, its own or another's."""

import random
from pathlib import Path

import pytest

from assets.publication.checks import CONTRACTS, make_check
from assets.publication.stage import make_gate, publish
from benchmarks.daily import stages
from core.home import Home
from core.night import Workspace
from core.settings import load_settings
from tests import small_world
from tests.small_world import CHALLENGER, FIRST_NIGHT, SECOND_NIGHT

pytestmark = pytest.mark.faults
SETTINGS = {FIRST_NIGHT: {}, SECOND_NIGHT: CHALLENGER}


def run_again(home: Path, as_of: str, *, recompute: bool) -> None:
    """Runs a date as its first run did; with `recompute` nothing stored is taken as it is."""
    with small_world.settings(SETTINGS[as_of]):
        night = Workspace(Home(home), load_settings(), recompute).night(as_of)
        for make in stages():
            make(night)
        for kind in CONTRACTS:
            make_check(night, kind)
        settled = Workspace(Home(home), load_settings()).night(as_of)
        make_gate(settled)
        publish(settled)


def test_each_date_three_times_in_random_order(nights, tmp_path, trials):
    home = small_world.copy(nights, tmp_path / "home")
    settled = small_world.hashes(home)
    for as_of in SETTINGS:  # more has landed since the first night ran: it is another night now
        before = settled
        run_again(home, as_of, recompute=False)
        settled = small_world.hashes(home)
        moved = {name for name in settled if before.get(name) != settled[name]}
        own = (f"/{as_of}/", f"/{as_of}.", "releases/log/")
        assert [name for name in moved if not any(part in name for part in own)] == []
        assert before.keys() <= settled.keys()

    order = [as_of for as_of in SETTINGS for _ in range(3)]
    random.Random(13).shuffle(order)
    for as_of in order:
        run_again(home, as_of, recompute=bool(trials(0, 1)))
        after = small_world.hashes(home)
        changed = sorted(name for name in after if settled.get(name) != after[name])
        assert (as_of, changed, settled.keys() - after.keys()) == (as_of, [], set())
    print(f"\n{order}: {len(settled)} files, none changed")
