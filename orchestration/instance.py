"""The Dagster instance of a home: SQLite storage under it, telemetry off."""

import os
from typing import TYPE_CHECKING

from core.durable import replace_file
from core.home import Home

if TYPE_CHECKING:
    import dagster as dg

LOCATION = "daybreak"
REPOSITORY_TAG = {".dagster/repository": f"__repository__@{LOCATION}"}
"""Without it a run made by the command line does not appear under its job in the UI."""

CONFIG = b"""\
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  runs:
    max_concurrent_runs: 1  # one date takes every core; the dates of a backfill wait their turn
"""


def prepare_instance(home: Home) -> None:
    """Makes the home's DAGSTER_HOME and points this process at it."""
    config = home.dagster / "dagster.yaml"
    if not config.exists():
        replace_file(config, CONFIG)
    os.environ["DAGSTER_HOME"] = str(home.dagster)
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")


def open_instance(home: Home) -> "dg.DagsterInstance":
    """Returns the home's instance."""
    import dagster as dg

    prepare_instance(home)
    return dg.DagsterInstance.get()
