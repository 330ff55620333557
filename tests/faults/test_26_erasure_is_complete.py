"""Row 26: erasure is complete and stays.

At once at read; after the next run no file under the home, whatever it is packed in, holds the
user's id, the ids of their events, their visits, or a sentence that names what they watched; a
rollback brings nothing back. What the catalogue itself says of the item that they watched stays.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from assets.cleaning.exclusion import Account, check_account
from assets.cleaning.stage import make_users
from assets.erasure.stage import Rewritten, carry_out
from assets.ingest.account import check_account as check_entry
from assets.ingest.ledger import read_entries
from assets.ingest.stage import check_totals
from core.home import Home
from core.kill_points import IN_ERASURE
from core.manifest import verify
from core.release_store import ReleaseStore
from core.schemas import CLEAN_EVENTS, ITEMS, LISTS, NEIGHBOUR_LISTS, SEGMENT_LISTS, USERS
from core.store import Store
from serving.answer import recommendations
from serving.ladder import choose
from serving.reader import open_release
from tests import small_world
from tests.small_world import (
    CANARY,
    CANARY_TITLE,
    CANARY_VISIT,
    FIRST_NIGHT,
    SECOND_NIGHT,
)
from tests.traces import traces

pytestmark = pytest.mark.faults
ROOT = Path(__file__).resolve().parent.parent.parent
POINTS = tuple(IN_ERASURE)
SMALL = ("lake_entry_replaced", "redaction_committed")
OWN = (CANARY, CANARY_VISIT)
"""What stands nowhere but in the canary's own rows."""

ERASER = """
import os, signal, sys
from core.home import Home
from core.kill_points import listen
from tests import small_world
point, left = sys.argv[2], int(sys.argv[3])
def kill(name):
    global left
    if name == point:
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
listen(kill)
from assets.erasure.stage import carry_out
with small_world.settings():
    carry_out(Home(__import__("pathlib").Path(sys.argv[1])))
"""


def is_catalogue(name: str) -> bool:
    """Returns whether a file says of an item what its source says."""
    return name.endswith("/items.parquet") or name.startswith(("lake/item_rows/", "landing/items-"))


def sentences(home: Path) -> dict[str, int]:
    """Returns, by file, how many stored texts name what the canary watched."""
    found = {}
    for name in traces(home, CANARY_TITLE):
        path = home / name
        if is_catalogue(name):
            continue
        if path.name == "fragments.bin":
            # An item's head, and the reason for whoever just saw it, are what the catalogue says.
            content = path.read_bytes()
            just_seen = f"you just looked at {CANARY_TITLE}.".encode()
            n_named = content.count(CANARY_TITLE.encode()) - 1 - content.count(just_seen)
        else:
            n_named = 1
        if n_named:
            found[name] = n_named
    return found


def answers(home: Path, release: str) -> dict[str, bytes]:
    """Returns every user's answer from one release, and a stranger's."""
    opened = open_release(ReleaseStore(Home(home).releases).path(release))
    users = [key.decode() for key, _ in opened.user_records()]
    found = {
        user: recommendations(opened, user, choose(opened, user, 20), 0) for user in [*users, "?"]
    }
    opened.close()
    return found


def shown_to(home: Path, user: str) -> list[str]:
    """Returns the ids of a user's impressions in the lake."""
    events = pl.read_parquet(
        home / "lake/events/*/*.parquet", columns=["event_id", "user_id", "action"]
    )
    return events.filter(user_id=user, action="impression")["event_id"].to_list()


def erase(home: Path, user: str) -> Rewritten:
    ReleaseStore(Home(home).releases).tombstones.erase(user)
    with small_world.settings():
        return carry_out(Home(home))


def check_whole(home: Path) -> int:
    """Checks every byte of every version against its manifest, and the accounts; counts them."""
    store, n_versions = Store(Home(home).artefacts), 0
    for folder in sorted(store.root.glob("*/*")):
        for artefact in store.versions(folder.parent.name, folder.name):
            verify(artefact.path, artefact.manifest)
            n_versions += 1
            if artefact.manifest.kind == "lake":
                check_totals(artefact.facts)
            if artefact.manifest.kind == "clean_events":
                check_account(Account(**artefact.facts["account"]))
    releases = ReleaseStore(Home(home).releases)
    for name in releases.ids():
        releases.verify(name)
    for entry in read_entries(Home(home)):
        check_entry(entry)
    return n_versions


def test_no_report_names_anybody(nights):
    """Reports are not rewritten, for nobody stands in them; golden answers show that this looks."""
    users = pl.read_parquet(nights / "artefacts/users/*/*/users.parquet", columns=["user_id"])
    everyone = set(users["user_id"].to_list())
    people = {user for user in everyone if not re.fullmatch(r"-?\d+", user)}  # else it is a count
    assert len(people) > 500
    found, n_read = {}, 0
    for path in sorted(nights.rglob("*")):
        if path.suffix not in (".json", ".md", ".html", ".txt") or "landing" in path.parts:
            continue
        n_read += 1
        content = path.read_text("utf-8")
        words = {*re.findall(r"[\w.@+-]+", content), *re.findall(r'"([^"]*)"', content)}
        if here := people & words:
            found[path.name] = here
    assert n_read > 100
    assert set(found) == {"golden.json"}


def test_the_canary_is_everywhere_before(nights):
    """What is searched for must be there, or finding nothing would say nothing."""
    found = traces(nights, *OWN)
    for place in (
        "landing/events-canary.jsonl", "landing/impressions-canary.jsonl",
        "landing/users-canary.csv", "lake/events/",
        "lake/quarantine/", "lake/user_rows/", "artefacts/clean_events/", "artefacts/users/",
        "artefacts/interactions/", "artefacts/user_features/", "artefacts/ranked/",
        "artefacts/explanations/", "artefacts/embeddings/", "artefacts/bot_scores/",
        "releases/versions/",
    ):  # fmt: skip
        assert any(name.startswith(place) for name in found), place
    assert any(name.endswith(".records") for name in found)
    named = sentences(nights)
    assert any(name.endswith("/explanations.parquet") for name in named)
    assert any(name.endswith("/fragments.bin") for name in named)
    assert any(name.startswith("lake/quarantine/") for name in named)


def test_nothing_is_left_and_everyone_else_is_as_before(nights_copy):
    home = nights_copy
    releases = ReleaseStore(Home(home).releases)
    before = {name: answers(home, name) for name in releases.ids()}
    users = {
        as_of: small_world.night(home, as_of).get("users").table(USERS)["user_id"].to_list()
        for as_of in (FIRST_NIGHT, SECOND_NIGHT)
    }
    n_versions = check_whole(home)
    ids = shown_to(home, CANARY)
    assert len(ids) == 6  # two lists of three items
    begun = time.monotonic()
    done = erase(home, CANARY)
    print(f"{done} in {time.monotonic() - begun:.1f} s")
    assert traces(home, *OWN, *ids) == {}
    assert sentences(home) == {}
    assert check_whole(home) == n_versions
    for name, told in before.items():
        after = answers(home, name)
        assert told.pop(CANARY)
        assert after == told
    for as_of, names in users.items():
        left = small_world.night(home, as_of).get("users").table(USERS)["user_id"].to_list()
        assert [a for a, b in zip(names, left, strict=True) if a != b] == [CANARY]
    assert erase(home, CANARY) == Rewritten()
    with small_world.settings():
        assert carry_out(Home(home)) == Rewritten()
    entries = [
        json.loads(path.read_bytes()) for path in (home / "releases/tombstones").glob("*.json")
    ]
    assert sorted(entry["kind"] for entry in entries) == ["erase", "rewrite"]


@pytest.mark.parametrize("user", ["0", "u000010", "../../etc/passwd", "Café", "a/b"])
def test_any_user_goes_and_takes_nobody_along(nights_copy, user, trials):
    if user not in ("0", "u000010", "../../etc/passwd", "Café", "a/b")[: trials(1, 5)]:
        pytest.skip("one user in the small form")
    home = nights_copy
    releases = ReleaseStore(Home(home).releases)
    before = {name: answers(home, name) for name in releases.ids()}
    done = erase(home, user)
    assert done.releases == 2
    for name, told in before.items():
        after = answers(home, name)
        told.pop(user, None)
        assert after == told
    for artefact in ("users", "interactions", "user_features", "explanations", "clean_events"):
        for path in (home / "artefacts" / artefact).rglob("*.parquet"):
            if "user_id" in pl.read_parquet_schema(path):
                assert user not in pl.read_parquet(path)["user_id"]
    check_whole(home)


def test_killed_at_any_moment_the_next_attempt_ends_it(nights, tmp_path, trials):
    """Each point has a home of its own, killed there again and again until nothing is to do."""
    hits = dict.fromkeys(trials(SMALL, POINTS), 0)
    begun = time.monotonic()
    for point in hits:
        home = small_world.copy(nights, tmp_path / point)
        ReleaseStore(Home(home).releases).tombstones.erase(CANARY)
        for nth in range(1, trials(1, 6) + 1):
            done = subprocess.run(
                [sys.executable, "-c", ERASER, str(home), point, str(nth)],
                cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
                capture_output=True, text=True,
            )  # fmt: skip
            if done.returncode == 0:
                break
            assert done.returncode == -signal.SIGKILL, done.stderr
            hits[point] += 1
            releases = ReleaseStore(Home(home).releases)
            open_release(releases.path(releases.log.current())).close()
        with small_world.settings():
            carry_out(Home(home))
        assert traces(home, *OWN) == {}, point
        assert sentences(home) == {}, point
        check_whole(home)
        shutil.rmtree(home)
    print(f"{hits} in {time.monotonic() - begun:.1f} s")
    assert all(hits.values()), hits


def test_the_next_run_carries_it_out_and_nothing_brings_it_back(nights_copy):
    home = nights_copy
    releases = ReleaseStore(Home(home).releases)
    releases.tombstones.erase(CANARY)
    release = releases.log.current()
    begun = time.monotonic()
    small_world.run(home, SECOND_NIGHT, small_world.CHALLENGER)
    print(f"a run in {time.monotonic() - begun:.1f} s")
    night = small_world.night(home, SECOND_NIGHT)
    for kind in ("lake", "clean_events", "users", "candidates", "explanations"):
        assert night.get(kind).manifest.redaction == 1, kind
    assert releases.log.current() == release  # the same plans, so the rewritten versions stand
    again = replace(night, recompute=True)
    with small_world.settings(small_world.CHALLENGER):
        assert make_users(again).reused
    assert traces(home, *OWN) == {}
    assert sentences(home) == {}
    entry = releases.log.standing().candidates[0]
    releases.log.append("rollback", release, entry.as_of, reason="a test")
    earlier = open_release(releases.path(releases.log.current()))
    assert earlier.id != release
    assert earlier.user(CANARY) is None
    earlier.close()
    assert traces(home, *OWN) == {}


def test_what_tombstones_name_is_in_no_new_list(nights_copy, trials):
    """In the small form up to the tables that lists are made of."""
    home = nights_copy
    releases = ReleaseStore(Home(home).releases)
    releases.tombstones.erase(CANARY)
    releases.tombstones.take_down("i00020")
    releases.tombstones.opt_out("u000011")
    landed = home / "landing" / "events-again.csv"
    landed.write_text(
        f"event_id,user_id,item_id,action,occurred_at\nlate-1,{CANARY},i00020,like,2025-03-29\n"
        "late-2,u000012,i00020,like,2025-03-29\n"
    )
    first = ("erasure", "lake", "bot_scores", "clean_events", "items", "users")
    small_world.run(home, SECOND_NIGHT, small_world.CHALLENGER, only=trials(first, ()))
    night = small_world.night(home, SECOND_NIGHT)
    assert landed.read_text().splitlines()[1:] == ["late-2,u000012,i00020,like,2025-03-29"]
    assert traces(home, *OWN) == {}
    check_whole(home)
    item = (
        night.get("items").table(ITEMS).row(by_predicate=pl.col("item_id") == "i00020", named=True)
    )
    assert (item["title"], item["available_until_us"]) == (None, night.before_us)
    assert "u000011" not in night.get("clean_events").table(CLEAN_EVENTS)["user_id"]
    assert night.get("users").table(USERS).filter(user_id="u000011")["opted_out"].item()
    if not trials(0, 1):
        return
    lists = night.get("explanations").table(LISTS)
    assert "i00020" not in lists["item_id"]
    assert not {"u000011", CANARY} & set(lists["user_id"])
    assert "i00020" not in night.get("segment_lists").table(SEGMENT_LISTS)["item_id"]
    assert "i00020" not in night.get("neighbour_lists").table(NEIGHBOUR_LISTS)["neighbour_id"]
