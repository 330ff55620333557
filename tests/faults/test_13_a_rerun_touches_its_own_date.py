"""Each date of a home again and again, in random order: no hash changes, its own or another's."""

import random
from pathlib import Path

import pytest

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
        make_gate(Workspace(Home(home), load_settings()).night(as_of))
        publish(night)


def test_each_date_three_times_in_random_order(nights, tmp_path, trials):
    home = small_world.copy(nights, tmp_path / "home")
    before = small_world.hashes(home)
    order = [as_of for as_of in SETTINGS for _ in range(3)]
    random.Random(13).shuffle(order)
    for as_of in order:
        run_again(home, as_of, recompute=bool(trials(0, 1)))
        after = small_world.hashes(home)
        changed = sorted(name for name in after if before.get(name) != after[name])
        assert (as_of, changed, before.keys() - after.keys()) == (as_of, [], set())
    print(f"\n{order}: {len(before)} files, none changed")
