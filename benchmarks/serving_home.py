"""Homes with one published release of any size, for servers that are to be measured."""

import argparse
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

from benchmarks.release_tables import ROWS, TABLES, write_tables
from core.home import Home
from core.release_store import ReleaseStore
from core.staging import Staging

AS_OF = date(2026, 3, 1)


def publish(home: Home, n_users: int, n_items: int, seed: int) -> None:
    """Builds and publishes the release of that size, unless the home has it already.

    It is built in a process of its own, so that a benchmark does not carry its memory.
    """
    words = [str(home.root), str(n_users), str(n_items), str(seed)]
    subprocess.run([sys.executable, "-m", __name__, *words], check=True)


def sharing(home: Home, folder: Path) -> Home:
    """Returns a home at `folder` that serves another one's releases and writes beside them."""
    folder.mkdir(parents=True)
    made = Home(folder)
    made.releases.symlink_to(home.releases.absolute())
    return made


def _publish(home: Home, n_users: int, n_items: int, seed: int) -> None:
    from core.release_writer import ReleasePlan, ReleaseWriter
    from serving.builder import ReleaseInputs, build_release

    releases = ReleaseStore(home.releases)
    size = {"users": n_users, "items": n_items, "rows": ROWS}
    plan = ReleasePlan(as_of=AS_OF.isoformat(), inputs={}, config=size, seed=seed)

    def write(staging: Staging) -> None:
        with tempfile.TemporaryDirectory(dir=home.root) as name:
            folder = Path(name)
            write_tables(folder, n_users, n_items, seed)
            inputs = ReleaseInputs(**{table: folder / f"{table}.parquet" for table in TABLES})
            build_release(staging, inputs, AS_OF, n_shards=4, n_workers=2)

    home.root.mkdir(parents=True, exist_ok=True)
    ReleaseWriter(releases).make(plan, write)
    if releases.log.current() != plan.version:
        releases.log.append("publish", plan.version, plan.as_of, reason="to be measured")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("home", type=Path)
    parser.add_argument("numbers", type=int, nargs=3)
    given = parser.parse_args()
    _publish(Home(given.home), *given.numbers)
