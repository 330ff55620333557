"""`daybreak demo`: a synthetic world, two nights of the daily path, and where to look next."""

import argparse
import json
import logging
import os
from datetime import date, timedelta
from typing import Any

from core.errors import UsageError
from core.home import Home
from core.settings import load_settings

LAST_DAY = date(2026, 3, 1)
N_DAYS = 45
CHALLENGER = ("DAYBREAK_LISTS__CONTENT_WEIGHT", "0.05")
"""What the second night tries: the champion keeps the setting that it was published with."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("--users", type=int, default=2_000, metavar="N", help="default 2,000")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the world (default 1)")


def execute(options: argparse.Namespace, home: Home) -> tuple[dict[str, Any], str]:
    """Lands a world, runs two nights, and tells what came of it.

    Raises:
        UsageError: the home holds other data, or another world.
        DaybreakError: a stage, check or gate said no.
    """
    from orchestration.daily import run_daily
    from orchestration.outcome import describe

    _check_free(home, options)
    load_settings()
    quiet = options.json
    logging.getLogger("daybreak").setLevel(logging.WARNING if quiet else logging.INFO)
    nights = []
    for number, last in enumerate((LAST_DAY, LAST_DAY + timedelta(days=1)), start=1):
        _land(home, options, None if number == 1 else last, last)
        as_of = (last + timedelta(days=1)).isoformat()
        if not quiet:
            print(f"\nNight {number}, as of {as_of}", flush=True)
        if number == 2:
            os.environ.setdefault(*CHALLENGER)
        document, text = describe(home, run_daily(home, as_of))
        if not quiet:
            print(text, flush=True)
        nights.append(document)
    users = _three_users(home)
    lines = [line for name, told in users.items() for line in ("", name, *told)]
    text = "\n".join(["", "Three users", *lines, "", *_next(home, next(iter(users)))])
    return {"nights": nights, "users": users}, text


def _check_free(home: Home, options: argparse.Namespace) -> None:
    """Refuses a home with other data: two worlds in one lake would be neither."""
    from assets.world.parameters import load_parameters

    if options.seed < 0:
        raise UsageError(f"--seed {options.seed} is negative; give 0 or more")
    stated = home.truth / "world.json"
    if not stated.exists():
        if home.ledger.exists() or (home.landing.exists() and any(home.landing.iterdir())):
            raise UsageError(
                f"home {home.root} holds other data; give the demo its own with --home"
            )
        return
    there = json.loads(stated.read_bytes())
    wanted = {
        "n_users": options.users, "seed": options.seed,
        "parameters": load_parameters().model_dump(mode="json"),
    }  # fmt: skip
    if other := [name for name, value in wanted.items() if there.get(name) != value]:
        raise UsageError(
            f"home {home.root} holds a world of other {', '.join(other)}; give this one its own "
            "with --home, or remove that home"
        )


def _land(home: Home, options: argparse.Namespace, first: date | None, last: date) -> None:
    from assets.world.generate import generate
    from assets.world.parameters import load_parameters

    generate(
        load_parameters(), n_users=options.users, seed=options.seed, n_days=N_DAYS,
        last_day=LAST_DAY, out=home.landing, truth=home.truth, from_day=first, to_day=last,
    )  # fmt: skip


def _three_users(home: Home) -> dict[str, list[str]]:
    """Returns the top of three answers by user: a long history, a short one, nobody known."""
    import msgspec
    import polars as pl

    from core.release_store import ReleaseStore
    from serving.answer import recommendations
    from serving.ladder import choose
    from serving.reader import open_release

    releases = ReleaseStore(home.releases)
    folder = releases.path(releases.log.current() or "")
    lists = pl.read_parquet(folder / "tables" / "lists.parquet", columns=["user_id", "stage"])
    first = dict(lists.group_by("stage").agg(pl.col("user_id").min()).iter_rows())
    users = [first[stage] for stage in ("full", "blend") if stage in first]
    told: dict[str, list[str]] = {}
    release = open_release(folder, verify="nothing")
    for user in (*users, "somebody-new"):
        body = recommendations(release, user, choose(release, user, 5), 0)
        answer = msgspec.json.decode(body)
        told[user] = [f"  rung {answer['rung']}"]
        for row in answer["items"]:
            told[user] += [f"  {row['rank']}. {row['title']}", f"     {row['reason']['text']}"]
    release.close()
    return told


def _next(home: Home, user: str) -> list[str]:
    at = "" if home.root == Home.find("var").root else f" --home {home.root}"
    return [
        "Where to look next",
        f"  daybreak serve{at}                    then open http://127.0.0.1:8080/",
        f"  daybreak why {user}{at}               one user, from events to list",
        f"  daybreak ui{at}                       the graph, the checks and the plots",
        f"  daybreak release list{at}             what is published",
        f"  daybreak release diff{at}             what the second night changed",
        f"  daybreak sql{at}                      the tables behind it",
    ]
