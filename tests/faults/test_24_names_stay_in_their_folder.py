"""Two hundred path strings on every name and id: none leads out of its folder."""

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from core.disk_place import DiskPlace
from core.errors import DaybreakError
from core.home import Home
from core.night import Workspace
from core.release_copy import copy_release
from core.release_pull import fetch_release
from core.release_push import push_release
from core.release_settings import ReleaseSettings
from core.release_store import ReleaseStore
from core.release_writer import ReleasePlan
from core.schemas import LISTS
from core.settings import Settings
from core.staging import Staging
from core.store import Plan, Store
from orchestration.why import follow
from serving import location_commands
from serving import release_commands as commands
from serving.ladder import choose
from serving.reader import open_release
from serving.release_diff import diff_releases
from serving.tombstone_commands import erase, opt_out, take_down
from tests.faults.moving import at
from tests.serving.conftest import publish_toy

pytestmark = pytest.mark.faults
SECRET = "secret of another folder"
_PARTS = (
    "..", "../..", "../../..", ".", "/", "//", "\\", "..\\..", "%2e%2e", "%2e%2e%2f", "%252e",
    "~", "~root", "$HOME", "\0", "\n", "\r\n", " ", "", "C:", "file://", "s3://bucket",
    "．．", "‥", "․․", "∕", "⧸", "＼", "\u202e", "\u200b", ".staging-1", ".deleted-1",
    "CURRENT", "manifest.json", "log", "versions", "secret.txt", "a" * 300, "-", "--help", "|", ";",
    "&&", "`id`", "$(id)", "*", "?", "[!.]*", "con", "nul", "...", "....", "..;",
    "..%00", "..%c0%af",
)  # fmt: skip


def strings() -> list[str]:
    """Returns 200 strings: each part alone, and parts joined as paths are."""
    draw = random.Random(24)
    found = dict.fromkeys(_PARTS)
    while len(found) < 200:
        parts = draw.choices(_PARTS, k=draw.randint(2, 4))
        found[draw.choice(("/", "\\", "", "%2f")).join(parts)] = None
    return list(found)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "outer" / "home")
    publish_toy(home.releases, "1970-01-11", 1)
    (home.root.parent / "shared" / "versions").mkdir(parents=True)
    for folder in (tmp_path, tmp_path / "outer", home.root, home.root.parent / "shared"):
        (folder / "secret.txt").write_text(SECRET)
    return home


def tree(folder: Path, without: Path) -> set[Path]:
    """Returns everything under a folder but what lies in one of its own."""
    found = set[Path]()
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if Path(root, name) != without]
        found |= {Path(root, name) for name in (*folders, *files)}
    return found


def verbs(home: Home) -> Iterator[tuple[str, Callable[[str], object]]]:
    """Yields what takes a name from outside."""
    releases, store = ReleaseStore(home.releases), Store(home.artefacts)
    log, empty = releases.log, pl.DataFrame(schema=LISTS.polars)
    staging = Staging(home.root / "artefacts" / "staging")
    yield "release path", releases.path
    yield "release manifest", releases.manifest
    yield "release verify", lambda name: commands.verify_release(home, name or "..")
    yield "release pin", lambda name: commands.pin(home, name, reason="r")
    yield "release rollback", lambda name: commands.rollback(home, name, reason="r")
    yield "log release", lambda name: log.append("publish", name, "2026-01-01", reason="r")
    yield "log date", lambda name: log.append("publish", "one", name, reason="r")
    yield "store kind", lambda name: store.current(name, "2026-01-01")
    yield "store date", lambda name: store.current("als", name)
    yield "store version", lambda name: store.version("als", "2026-01-01", name)
    yield "store dates", lambda name: store.dates(name) and pytest.fail("dates of nothing")
    yield "begin kind", lambda name: store.begin(Plan(name, "2026-01-01", {}, {}, 1))
    yield "begin date", lambda name: store.begin(Plan("als", name, {}, {}, 1))
    yield "night", lambda name: Workspace(home, Settings()).night(name)
    yield "why user", lambda name: follow(home, name, None, None)
    yield "why release", lambda name: follow(home, "ann", None, name or "..")
    yield "staged file", lambda name: staging.file(name)
    yield "staged part", lambda name: staging.write_table(empty, LISTS, name or "..")
    yield (
        "release plan",
        lambda name: ReleaseStore(home.releases).path(ReleasePlan(name, {}, {}, 1).version),
    )


def shared_verbs(home: Home) -> Iterator[tuple[str, Callable[[str], object]]]:
    """Yields what takes a release's name, or that of its folder, where machines share releases."""
    releases, shared = ReleaseStore(home.releases), home.root.parent / "shared"
    there, settings = at(str(shared)), ReleaseSettings(location=str(shared))
    yield "push", lambda name: push_release(releases, there, name)
    yield "release push", lambda name: location_commands.push(home, settings, name)
    yield "copy", lambda name: copy_release(releases, there, name)
    yield "fetch", lambda name: fetch_release(releases, there, name)
    yield "diff before", lambda name: diff_releases(home, name, None)
    yield "diff after", lambda name: diff_releases(home, None, name)
    yield "release redaction", lambda name: releases.path(f"one+{name}")
    yield "location folder", lambda name: there.folder(name, 0)
    yield "location redaction", lambda name: there.folder(name, 1)
    yield "location files", there.files
    yield "location manifest", there.manifest
    yield "location holds", lambda name: there.holds(name) and pytest.fail("it holds nothing")
    yield "location undescribe", lambda name: there.undescribe(name, 0)
    yield "location remove", there.remove
    yield "location superseded", there.remove_superseded
    yield "folder name", lambda name: there.place.under("versions").under(name)
    yield "redaction of", lambda name: there.place.under("versions").under(f"{name}+1")
    yield "redaction number", lambda name: there.place.under("versions").under(f"one+{name}")


def tombstone_verbs(home: Home) -> Iterator[tuple[str, Callable[[str], object]]]:
    """Yields the commands that take an id of an item or a user; to them any text is data."""
    yield "takedown", lambda name: take_down(home, name)
    yield "takedown --force", lambda name: take_down(home, name, force=True)
    yield "takedown --undo", lambda name: take_down(home, name, undo=True)
    yield "optout", lambda name: opt_out(home, name)
    yield "optout --undo", lambda name: opt_out(home, name, undo=True)
    yield "erase", lambda name: erase(home, name)


def test_no_name_leads_out_of_its_folder(home: Home, tmp_path: Path) -> None:
    allowed, told, n_tried = [], [], 0
    shared = home.root.parent / "shared"
    for verb, call in (*verbs(home), *shared_verbs(home)):
        for name in strings():
            outside = tree(tmp_path, home.root)
            try:
                found = call(name)
            except DaybreakError as error:
                told.append(str(error))
            else:
                allowed.append((verb, name))
                if isinstance(found, Path):
                    assert found.resolve().is_relative_to(home.root / "artefacts"), (verb, name)
                if isinstance(found, DiskPlace):
                    assert found.path.resolve().parent == shared / "versions", (verb, name)
            assert tree(tmp_path, home.root) == outside, (verb, name)
            n_tried += 1
    print(f"\n{n_tried} tried, 0 led outside; allowed: {allowed}")
    assert n_tried >= 200 * 33
    assert [line for line in told if "\n" in line or "\0" in line] == []


def test_what_is_taken_down_or_forgotten_becomes_no_path(home: Home, tmp_path: Path) -> None:
    tombstones, told = home.releases / "tombstones", []
    outside = tree(tmp_path, tombstones)
    for verb, call in tombstone_verbs(home):
        for name in strings()[:: 2 if verb == "takedown --force" else 4]:
            try:
                call(name)
            except DaybreakError as error:
                told.append(str(error))
            assert tree(tmp_path, tombstones) == outside, (verb, name)
    entries = {path.name for path in tombstones.iterdir()} - {"secret"}
    print(f"\n{len(entries)} entries, {len(told)} refused")
    assert len(entries) > 150
    assert entries == {f"{n:08d}.json" for n in range(1, len(entries) + 1)}
    assert [line for line in told if "\n" in line or "\0" in line] == []


def test_ids_of_people_and_items_are_data(home: Home) -> None:
    release = open_release(
        ReleaseStore(home.releases).path(commands.current_release(home)["release"])
    )
    known = choose(release, "nobody", 3)
    for name in strings():
        assert choose(release, name, 3) == known
        assert release.item_num(name) is None
        assert release.genre_segment(name) is None
    release.close()
