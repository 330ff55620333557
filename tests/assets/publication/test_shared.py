"""A night's dealings with a location, with toy releases in the place of the night's own."""

import os
import time

import pytest

from assets.publication.shared import announcing, catch_up
from core.errors import IntegrityError, MachineFault
from core.home import Home
from core.night import Workspace
from core.release_location import find_location
from core.release_settings import ReleaseSettings
from core.release_store import ReleaseStore
from core.retention_settings import RetentionSettings
from core.settings import Settings
from serving.location_commands import pull_release
from tests.servers import BUCKET
from tests.serving.conftest import publish_toy


def night_of(folder, location, as_of="1970-01-13"):
    settings = Settings(releases=ReleaseSettings(location=location))
    return Workspace(Home(folder), settings).night(as_of)


def build(night, seed):
    return publish_toy(night.home.releases, night.key, seed, log=False)


def announce(night, release):
    with announcing(night, release) as releases:
        releases.log.append("publish", release, night.key, reason="a test")


@pytest.fixture
def location(tmp_path):
    (tmp_path / "shared").mkdir()
    return str(tmp_path / "shared")


def test_without_a_location_the_homes_log_decides(tmp_path):
    night = night_of(tmp_path, "")
    catch_up(night)
    release = build(night, 1)
    announce(night, release)
    assert ReleaseStore(night.home.releases).log.current() == release


def test_two_publishers_take_turns_at_one_location(tmp_path, location):
    first = night_of(tmp_path / "first", location, "1970-01-11")
    old = build(first, 1)
    announce(first, old)
    second = night_of(tmp_path / "second", location, "1970-01-12")
    catch_up(second)
    champion = ReleaseStore(second.home.releases)
    assert champion.log.champion_before(second.key) == old
    assert champion.verify(old).version == old
    new = build(second, 2)
    announce(second, new)
    there = find_location(second.settings.releases)
    for home in (first.home, second.home):
        catch_up(night_of(home.root, location))
        assert ReleaseStore(home.releases).log.entries() == there.log.entries()
        assert ReleaseStore(home.releases).log.current() == new


def test_a_home_filled_by_name_publishes_where_it_was_filled_from(tmp_path, location):
    first = night_of(tmp_path / "first", location, "1970-01-11")
    announce(first, build(first, 1))
    second = night_of(tmp_path / "second", "", "1970-01-12")
    there = second.settings.releases
    pull_release(second.home, there, origin=location, spread_seconds=0, grace_seconds=3600)
    catch_up(second)
    new = build(second, 2)
    announce(second, new)
    there = find_location(first.settings.releases)
    assert there.log.current() == new
    assert ReleaseStore(second.home.releases).log.entries() == there.log.entries()


def test_a_backfills_champion_is_brought_though_it_is_not_among_the_newest(tmp_path, location):
    builder = [night_of(tmp_path / "builder", location, f"1970-01-1{n}") for n in range(1, 6)]
    names = []
    for number, night in enumerate(builder, 1):
        names.append(build(night, number))
        announce(night, names[-1])
    late = night_of(tmp_path / "late", location, "1970-01-12")
    catch_up(late)
    assert ReleaseStore(late.home.releases).ids() == [names[0], names[3], names[4]]


def test_a_night_leaves_what_was_retired_as_long_as_the_settings_say(tmp_path, location):
    night = night_of(tmp_path / "home", location)
    first = build(night, 1)
    announce(night, first)
    second = build(night, 2)
    announce(night, second)
    there, here = find_location(night.settings.releases), ReleaseStore(night.home.releases)
    there.log.append("retire", first, night.key, reason="old")
    catch_up(night)
    long_ago = time.time() - 6 * 3600
    os.utime(here.root / "log" / "00000003.json", (long_ago, long_ago))
    catch_up(night)
    assert here.ids() == sorted([first, second])
    retention = RetentionSettings(grace_hours=5)
    settings = night.settings.model_copy(update={"retention": retention})
    catch_up(Workspace(night.home, settings).night(night.key))
    assert here.ids() == [second]


def test_what_failed_on_its_way_is_announced_by_the_second_try(tmp_path, s3):
    night = night_of(tmp_path, f"s3://{BUCKET}/{tmp_path.name}")
    release = build(night, 1)
    s3.kill()
    with pytest.raises(MachineFault, match="can't be reached or written"):
        announce(night, release)
    with pytest.raises(MachineFault, match="can't be reached"):
        catch_up(night)
    assert ReleaseStore(night.home.releases).log.entries() == ()
    s3.start()
    announce(night, release)
    assert ReleaseStore(night.home.releases).log.current() == release


def test_a_damaged_release_is_not_announced(tmp_path, location):
    night = night_of(tmp_path / "home", location)
    release = build(night, 1)
    path = ReleaseStore(night.home.releases).path(release) / "fragments.bin"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(IntegrityError, match=r"fragments\.bin"):
        announce(night, release)
    assert find_location(night.settings.releases).log.entries() == ()
