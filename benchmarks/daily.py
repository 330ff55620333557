"""Seconds and peak memory of every stage of the daily path, at a size given in events.

The peer is what any daily job must at least do: read the same accepted events and count them by
user and item once, with Polars alone. `ratio_polars_pass` is the whole path's time over it.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

CLAIM = "seconds and peak memory of every stage of the daily path, at a size given in events"
LAST_DAY = date(2026, 3, 1)
N_DAYS = 45
EVENTS_PER_USER = 122
"""Rows that one account of the world leaves in 45 days, bots among them (measured)."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the benchmark's arguments."""
    parser.add_argument("--events", type=_count, nargs="+", default=[1_000_000], metavar="N")
    parser.add_argument("--items", type=_count, default=50_000, metavar="N", help="default 50,000")
    parser.add_argument("--seed", type=int, default=101, metavar="N", help="default 101")


def _count(text: str) -> int:
    if not text.isdecimal() or not 100 <= int(text) <= 1_000_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 100 to 1,000,000,000")
    return int(text)


def run(options: argparse.Namespace) -> tuple[dict[str, Any], str]:
    """Measures every size in a process of its own; returns the figures and a table."""
    sizes = [_in_own_process(n, options.items, options.seed) for n in options.events]
    document: dict[str, Any] = {"items": options.items, "sizes": sizes}
    if len(sizes) > 1:
        first, last = sizes[0], sizes[-1]
        document["growth_exponent"] = math.log(last["seconds"] / first["seconds"]) / math.log(
            last["events"] / first["events"]
        )
    return document, _table(document)


def _in_own_process(n_events: int, n_items: int, seed: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        told = subprocess.run(
            [sys.executable, "-m", __name__, str(n_events), str(n_items), str(seed), folder],
            stdout=subprocess.PIPE, text=True, check=True,
        ).stdout  # fmt: skip
    result: dict[str, Any] = json.loads(told.splitlines()[-1])
    return result


def measure(n_events: int, n_items: int, seed: int, folder: Path) -> dict[str, Any]:
    """Makes a world, runs its night stage by stage, and returns the figures."""
    from assets.world.generate import generate
    from assets.world.parameters import load_parameters
    from core.home import Home
    from core.night import Workspace
    from core.settings import load_settings

    home = Home(folder)
    n_users = max(100, n_events // EVENTS_PER_USER)
    generate(
        load_parameters(), n_users=n_users, seed=seed, n_days=N_DAYS, last_day=LAST_DAY,
        n_items=n_items, out=home.landing, truth=home.truth,
    )  # fmt: skip
    night = Workspace(home, load_settings()).night((LAST_DAY + timedelta(days=1)).isoformat())
    measured = [_landing(night)]
    for make in stages():
        made = make(night)
        name = made.artefact.manifest.kind
        measured.append({"stage": name, "seconds": round(made.seconds, 2), "peak_mb": made.peak_mb})
    accepted = night.get("lake").facts["accepted_events"]
    peer = _polars_pass(night)
    seconds = sum(stage["seconds"] for stage in measured)
    return {
        "events": accepted,
        "users": n_users,
        "seconds": round(seconds, 2),
        "peak_mb": max(stage["peak_mb"] for stage in measured),
        "polars_pass_seconds": round(peer, 3),
        "ratio_polars_pass": round(seconds / peer, 1),
        "cores": len(os.sched_getaffinity(0)),
        "stages": measured,
    }


def _landing(night: Any) -> dict[str, Any]:
    """Takes in what landed: `lake` alone would do it too, but not count it."""
    from assets.ingest.landing import ingest_landing
    from core.memory import peak_mb, reset_peak

    reset_peak()
    start = time.perf_counter()
    ingest_landing(night.home, night.settings.ingest)
    seconds = time.perf_counter() - start
    return {"stage": "landing", "seconds": round(seconds, 2), "peak_mb": peak_mb()}


def stages() -> list[Callable[[Any], Any]]:
    """Returns what makes each artefact up to the release, in an order that works; no Dagster."""
    from assets.cleaning import stage as cleaning
    from assets.evaluation.folds import make_folds
    from assets.evaluation.published import make_published
    from assets.evaluation.stage import make_evaluation
    from assets.explanations.stage import make_explanations
    from assets.features import stage as features
    from assets.ingest.stage import make_lake
    from assets.lists import stage as lists
    from assets.models import stage as models
    from assets.models.candidates import make_candidates
    from assets.models.embeddings import make_embeddings
    from assets.models.ranker import make_ranker
    from assets.models.recency import make_recency
    from assets.publication.stage import make_release

    return [
        make_lake, cleaning.make_bot_scores, cleaning.make_clean_events, make_folds,
        cleaning.make_items, cleaning.make_users, features.make_interactions,
        features.make_user_features, features.make_item_features, models.make_popularity,
        models.make_als, models.make_neighbours, models.make_two_tower, make_recency,
        make_candidates, make_ranker, make_evaluation, make_published, make_embeddings,
        lists.make_ranked, lists.make_segment_lists, lists.make_neighbour_lists,
        make_explanations, make_release,
    ]  # fmt: skip


def _polars_pass(night: Any) -> float:
    from assets.cleaning.stage import lake_paths
    from core.schemas import EVENTS
    from core.tables import scan_tables

    start = time.perf_counter()
    rows = scan_tables(lake_paths(night, EVENTS), EVENTS)
    rows.group_by("user_id", "item_id").len().collect(engine="streaming")
    return time.perf_counter() - start


def _table(document: dict[str, Any]) -> str:
    lines = []
    for size in document["sizes"]:
        lines.append(
            f"{size['events']:,} events, {size['users']:,} users, {document['items']:,} items: "
            f"{size['seconds']:.0f} s, peak {size['peak_mb']:.0f} MB, "
            f"{size['ratio_polars_pass']:.0f} × one Polars pass"
        )
        lines += [
            f"  {stage['stage']:<16} {stage['seconds']:8.2f} s  {stage['peak_mb']:7.0f} MB"
            for stage in size["stages"]
        ]
    if "growth_exponent" in document:
        lines.append(f"growth exponent {document['growth_exponent']:.2f}")
    return "\n".join(lines)


if __name__ == "__main__":
    size, items, root_seed = map(int, sys.argv[1:4])
    print(json.dumps(measure(size, items, root_seed, Path(sys.argv[4]))))
