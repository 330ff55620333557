"""A world of 700 people in some thirty days, and one home in which two nights of it have run.

The first night's landing zone holds what a real one does: the files of the world, files in every
bad state (`tests/bad_files.py`), the events of the very day D, and an item that comes out on D.
"""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from assets.world.generate import generate
from assets.world.parameters import load_parameters
from benchmarks.daily import stages
from core.days import DAY_US
from core.home import Home
from core.night import Made, Night, Workspace
from core.settings import load_settings
from tests.bad_files import salt

ROOT = Path(__file__).resolve().parent.parent
LAST_DAY = date(2025, 3, 30)
FIRST_NIGHT, BETWEEN, SECOND_NIGHT = "2025-03-31", "2025-04-01", "2025-04-02"
D_US = 1_743_379_200_000_000  # FIRST_NIGHT, 00:00 UTC
TOMORROWS_ITEM = "tomorrow-1"
CANARY = "canary-user-7f3a"
CANARY_ITEM, CANARY_TITLE = "canary-item-91d0", "The Canary of Quarry Lane"
CANARY_VISIT = "canary-visit-5c1e"

SETTINGS: Mapping[str, str] = {
    "DAYBREAK_CONFIG": str(ROOT / "daybreak.toml"),
    "DAYBREAK_MODELS__ALS__EPOCHS": "4",
    "DAYBREAK_MODELS__ALS__EMBEDDING_SIZE": "16",
    "DAYBREAK_MODELS__TWO_TOWER__EPOCHS": "3",
    "DAYBREAK_MODELS__TWO_TOWER__EMBEDDING_SIZE": "16",
    "DAYBREAK_MODELS__RANKER__EPOCHS": "40",
    "DAYBREAK_LISTS__CANDIDATES_PER_SOURCE": "60",
    "DAYBREAK_EVALUATION__MIN_USERS": "40",
    "DAYBREAK_EVALUATION__N_BOOTSTRAP": "200",
    # Some hundred people are measured: what a real night must not lose is noise here.
    "DAYBREAK_GATE__MARGIN": "0.6",
    "DAYBREAK_GATE__MIN_LIST_OVERLAP": "0.1",
    "DAYBREAK_GATE__MIN_COVERAGE_RATIO": "0.5",
}
"""Small models and a lenient gate, as variables: what runs is the path as people run it."""
CHALLENGER = {"DAYBREAK_LISTS__CONTENT_WEIGHT": "0.05"}
"""What the second night tries."""


@contextmanager
def settings(more: Mapping[str, str] | None = None) -> Iterator[None]:
    """Puts the settings in force; puts the environment back as it was."""
    kept = dict(os.environ)
    os.environ.update({**SETTINGS, **(more or {})})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)


def run(
    home: Path, as_of: str, more: Mapping[str, str] | None = None, only: Sequence[str] = ()
) -> None:
    """Runs one night of a home, or some assets of it."""
    from orchestration.daily import run_daily

    with settings(more):
        run_daily(Home(home), as_of, only=only)


def compute(home: Path, as_of: str, more: Mapping[str, str] | None = None) -> dict[str, Made]:
    """Makes every artefact of a night up to its release without Dagster; returns them by kind."""
    with settings(more):
        night = Workspace(Home(home), load_settings()).night(as_of)
        made = [make(night) for make in stages()]
    return {one.artefact.manifest.kind: one for one in made}


def night(home: Path, as_of: str) -> Night:
    """Returns the view of one date of a home."""
    with settings():
        return Workspace(Home(home), load_settings()).night(as_of)


def land_first(home: Path) -> None:
    """Lands everything up to D itself, the bad files, the item of tomorrow, and the canary."""
    landing = Home(home).landing
    _generate(home, None, LAST_DAY + timedelta(days=1))
    salt(landing)
    plant_tomorrow(landing)
    plant_canary(landing)


def land_second(home: Path) -> None:
    """Lands two more days, the second of which the second night must not see either."""
    _generate(home, LAST_DAY + timedelta(days=2), LAST_DAY + timedelta(days=3))


def _generate(home: Path, first: date | None, last: date) -> None:
    generate(
        load_parameters(), n_users=700, seed=7, n_days=30, last_day=LAST_DAY, n_items=300,
        out=Home(home).landing, truth=Home(home).truth, from_day=first, to_day=last,
    )  # fmt: skip


def plant_tomorrow(landing: Path) -> None:
    """Lands an item that comes out on D, and a hundred people who take to it that day."""
    pl.DataFrame(
        {
            "item_id": [TOMORROWS_ITEM], "title": ["Tomorrow Never Waits"], "genres": [["Drama"]],
            "released_at": [D_US], "available_from": [D_US],
        }
    ).write_parquet(landing / "items-tomorrow.parquet")  # fmt: skip
    users = [f"u{n:06d}" for n in range(100)]
    pl.DataFrame(
        {
            "event_id": [f"tomorrow-{user}" for user in users], "user_id": users,
            "item_id": [TOMORROWS_ITEM] * len(users), "action": ["like"] * len(users),
            "occurred_at": [D_US + n for n in range(len(users))],
        }
    ).write_parquet(landing / "events-tomorrow.parquet")  # fmt: skip


def plant_canary(landing: Path) -> None:
    """Lands a person whose name, visits and favourite can be told in any file.

    The favourite can no longer be had, so it is on no list: a sentence that names it gives it as
    the reason for something else. What it goes with is known from four companions, who touched all
    of that themselves, so that only the canary's own list can have such a sentence.
    """
    pl.DataFrame(
        {
            "item_id": [CANARY_ITEM], "title": [CANARY_TITLE], "genres": [["Drama"]],
            "released_at": [D_US - 300 * DAY_US], "available_until": [D_US - 2 * DAY_US],
        }
    ).write_parquet(landing / "items-canary.parquet")  # fmt: skip
    known = [CANARY_ITEM, *(f"i{n:05d}" for n in range(20, 32))]
    likes = [(CANARY, item) for item in known[:3]]
    likes += [(f"companion-{n}", item) for n in range(4) for item in known]
    rows = [
        {
            "event_id": f"canary-event-{n}", "user_id": user, "item_id": item, "action": "like",
            "occurred_at": D_US // 1_000_000 - 40 * 86_400 + n * 7_200,
            "session_id": CANARY_VISIT if user == CANARY else f"visit-{user}",
        }
        for n, (user, item) in enumerate(likes)
    ]  # fmt: skip
    bad = {**rows[0], "occurred_at": f"after {CANARY_TITLE}"}
    lines = [json.dumps(row) for row in (*rows, bad)]
    torn = lines[-1][: lines[-1].index(CANARY_TITLE) + len(CANARY_TITLE)]
    (landing / "events-canary.jsonl").write_text("\n".join([*lines, torn]) + "\n")
    shown = [
        {
            "user_id": user, "occurred_at": D_US - DAY_US + n, "release": "2025-03-29.0f0f0f",
            "rung": "personal", "experiment_id": None, "arm": "default",
            "items": known[3:6], "rungs": ["personal", "personal", "trending"],
        }
        for n, user in enumerate((CANARY, "companion-0", CANARY))
    ]  # fmt: skip
    lines = [json.dumps(line) for line in (*shown, shown[0], {**shown[2], "rungs": []})]
    (landing / "impressions-canary.jsonl").write_text("\n".join([*lines, lines[0][:-5]]) + "\n")
    (landing / "users-canary.csv").write_text(
        f"user_id,preferences,country\n{CANARY},Drama|Comedy,NL\ncompanion-0,Drama,NL\n"
    )


def built(factory: pytest.TempPathFactory) -> Path:
    """Returns the home with both nights; made once, whichever process asks first.

    Nobody may change it: a test that runs more in it takes a `copy`.
    """
    base = factory.getbasetemp()
    base = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    home = base / "small-world"
    with (base / "small-world.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (base / "small-world.built").exists():
            shutil.rmtree(home, ignore_errors=True)
            land_first(home)
            run(home, FIRST_NIGHT)
            land_second(home)
            run(home, SECOND_NIGHT, CHALLENGER)
            (base / "small-world.built").touch()
    return home


def copy(home: Path, to: Path) -> Path:
    """Returns a copy of a home that a test may change."""
    shutil.copytree(home, to)
    return to


def hashes(home: Path) -> dict[str, str]:
    """Returns the hash of every file of a home but the instances' own databases."""
    kept = [home / name for name in ("dagster", "mlflow")]
    return {
        path.relative_to(home).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(home.rglob("*"))
        if path.is_file() and not any(path.is_relative_to(folder) for folder in kept)
    }
