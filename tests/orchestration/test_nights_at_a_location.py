"""Two machines and the location that they share, as people drive them: one runs the nights, the
other only serves. Then a user of theirs is erased, and both, and the location, forget."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from core.durable import replace_file
from core.errors import DaybreakError
from core.home import Home
from core.place import open_place
from core.release_location import ReleaseLocation
from core.release_store import ReleaseStore
from orchestration.daily import run_daily
from tests import small_world
from tests.faults.test_26_erasure_is_complete import OWN, check_whole, sentences
from tests.orchestration.conftest import Told
from tests.servers import BUCKET
from tests.serving.web.test_server import free_port
from tests.small_world import CANARY, CHALLENGER, FIRST_NIGHT, SECOND_NIGHT
from tests.traces import traces

pytestmark = pytest.mark.faults
SHARING = ("erasure", "release", "release_diff", "gate", "publication", "retention")
"""The steps of a night that deal with the location; what the others make is stored."""


class Serving:
    """`daybreak serve` over a home."""

    def __init__(self, home):
        self._process = subprocess.Popen(
            [sys.executable, "-m", "orchestration.cli", "serve", "--home", str(home), "--port",
             str(free_port()), "--json"],
            stdout=subprocess.PIPE, text=True, cwd=small_world.ROOT,
            # What a server logs of its own lies in its home until a run there takes it in.
            env={
                **os.environ, "PYTHONPATH": str(small_world.ROOT),
                "DAYBREAK_INTAKE__IMPRESSIONS": "false",
            },
        )  # fmt: skip
        self._address = json.loads(self._process.stdout.readline())["address"]

    def get(self, path):
        """Returns an answer's status and document."""
        try:
            with urllib.request.urlopen(self._address + path, timeout=10) as response:
                return response.status, json.loads(response.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"{}")
        except OSError:  # it does not listen yet
            return 0, {}

    def release(self):
        return self.get("/v1/recommendations?user_id=nobody")[1].get("release")

    def close(self):
        self._process.terminate()
        self._process.communicate(timeout=20)


def wait_for(holds):
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() - begun < 60, "it did not happen within 60 s"
        time.sleep(0.1)
    return time.monotonic() - begun


@pytest.fixture(params=["folder", "bucket"])
def location(request, tmp_path, daybreak):
    """Sets an empty location, and how machines follow it, for this process and its children."""
    if request.param == "folder":
        (tmp_path / "shared").mkdir()
        location = str(tmp_path / "shared")
    else:
        if not request.getfixturevalue("trials")(False, True):
            pytest.skip("a bucket in the full form: it takes as long again")
        request.getfixturevalue("s3")
        location = f"s3://{BUCKET}/{tmp_path.name}"
    for name, value in {
        **small_world.SETTINGS, "DAYBREAK_RELEASES__LOCATION": location,
        "DAYBREAK_RELEASES__POLL_SECONDS": "0.2", "DAYBREAK_RELEASES__SPREAD_SECONDS": "0",
        "DAYBREAK_SERVING__POLL_SECONDS": "0.2",
    }.items():  # fmt: skip
        daybreak.environment.setenv(name, value)
    return ReleaseLocation(open_place(location))


@pytest.fixture
def lake(nights_copy):
    """A home with the lake and the artefacts of two nights, which has published neither."""
    shutil.rmtree(nights_copy / "releases")
    return nights_copy


def objects(location, request, tmp_path):
    """Returns a folder with every file that lies at the location."""
    if (tmp_path / "shared").is_dir():
        return tmp_path / "shared"
    copied, begin = tmp_path / "objects", str(location).removeprefix(f"s3://{BUCKET}/") + "/"
    shutil.rmtree(copied, ignore_errors=True)
    for key, content in request.getfixturevalue("s3").objects().items():
        if key.startswith(begin):
            replace_file(copied / key.removeprefix(begin), content)
    return copied


def test_two_machines_publish_serve_decide_and_forget(
    request, daybreak, lake, location, tmp_path, trials
):
    other = tmp_path / "other"  # it serves, and nothing else
    twin = small_world.copy(lake, tmp_path / "twin")

    def here(*words):
        told = daybreak(*words, "--json", "--home", str(lake))
        assert (told.code, told.err) == (0, ""), told
        return json.loads(told.out)

    def there(*words):
        told = daybreak(*words, "--json", *(() if "--home" in words else ("--home", str(other))))
        assert told.code == 0, told
        return json.loads(told.out)

    def run(as_of):
        """Runs a night; in the small form what of it is not stored already."""
        if trials(False, True):
            return daybreak("run", "--as-of", as_of, "--home", str(lake))
        try:
            run_daily(Home(lake), as_of, only=SHARING)
        except DaybreakError as error:
            return Told(error.exit_code, "", str(error))
        return Told(0, "", "")

    def release_of(as_of):
        return next(x for x in location.ids() if x.startswith(as_of))

    begun = time.monotonic()
    assert run(FIRST_NIGHT).code == 0
    first = release_of(FIRST_NIGHT)
    assert there("release", "pull")["current"] == first
    with contextlib.closing(Serving(other)) as server:
        wait_for(lambda: server.release() == first)
        for name, value in CHALLENGER.items():
            daybreak.environment.setenv(name, value)
        assert run(SECOND_NIGHT).code == 0
        second = release_of(SECOND_NIGHT)
        seconds = wait_for(lambda: server.release() == second)
        print(f"two nights in {time.monotonic() - begun:.1f} s, swapped {seconds:.1f} s later")

        rows = there("release", "list")
        assert [(x["release"], x["is_current"], x["is_shared"]) for x in rows] == [
            (second, True, True), (first, False, True)
        ]  # fmt: skip
        assert here("release", "list") == rows
        assert there("release", "current") == here("release", "current")
        for words in (("release", "verify"), ("release", "diff", first, second)):
            assert there(*words) == here(*words)
        told = here("why", CANARY, "--release", first)["list"]
        assert told
        assert there("why", CANARY, "--release", first)["list"] == told

        assert there("release", "rollback", "--reason", "a test")["current"] == first
        wait_for(lambda: server.release() == first)
        refused = run(SECOND_NIGHT)
        assert refused.code == 1
        assert "rolled back" in refused.err
        assert here("release", "current")["release"] == first
        assert [x["status"] for x in here("release", "list")] == ["barred", "published"]
        cleared = here("release", "gc")
        assert (cleared["retired"], cleared["deleted"]) == ({}, [])

        def listed():
            return server.get(f"/v1/recommendations?user_id={CANARY}&n=20")[1]

        assert listed()["rung"] == "personal"
        item = listed()["items"][0]["item_id"]
        there("takedown", item)
        wait_for(lambda: item not in {row["item_id"] for row in listed()["items"]})
        here("release", "pull")
        assert item in ReleaseStore(Home(lake).releases).tombstones.state().items

        there("erase", CANARY)
        wait_for(lambda: listed()["rung"] != "personal")
        begun = time.monotonic()
        done = here("erase", CANARY, "--now")["rewritten"]
        print(f"{done} in {time.monotonic() - begun:.1f} s")
        assert (done["erasures"], done["releases"]) == (1, 2)
        shared = objects(location, request, tmp_path)
        assert traces(shared, *OWN) == {}
        assert sentences(shared) == {}
        wait_for(lambda: not traces(other, *OWN))
        assert server.release() == first
    assert traces(twin, *OWN)  # a lake of its own, and nobody but that home can rewrite it
    assert there("erase", CANARY, "--now", "--home", str(twin))["rewritten"]["releases"] == 0
    for home in (lake, other, twin):
        assert traces(home, *OWN) == {}, home
        assert sentences(home) == {}, home
    check_whole(lake)
    check_whole(twin)
    assert there("release", "verify", first) == here("release", "verify", first)
    assert daybreak("why", CANARY, "--release", first, "--home", str(lake)).code != 0
    kinds = [json.loads(content)["kind"] for content in _tombstones(lake)]
    assert kinds == ["takedown", "erase", "rewrite"]
    if trials(False, True):  # rolled back, and a night later: still gone
        here("run", "--as-of", SECOND_NIGHT)
        assert location.log.current() not in (first, second)
        there("release", "pull")
        there("release", "rollback", "--reason", "once more")
        here("release", "pull")
        for home in (lake, other, objects(location, request, tmp_path)):
            assert traces(home, *OWN) == {}, home


def _tombstones(home):
    folder = Home(home).releases / "tombstones"
    return [path.read_bytes() for path in sorted(folder.glob("*.json"))]
