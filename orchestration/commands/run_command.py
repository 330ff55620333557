"""`daybreak run`: the daily path for one date, in this process, shown in the Dagster UI."""

import argparse
import logging
import os
import sys
from datetime import UTC, datetime
from typing import Any

from core.days import parse_day
from core.home import Home
from core.settings import load_settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("--as-of", metavar="DATE", help="as-of date D (default: today, UTC)")
    parser.add_argument("--engine", choices=("polars", "duckdb", "spark"))
    parser.add_argument(
        "--recompute", action="store_true", help="compute what is stored too, and compare"
    )


def execute(options: argparse.Namespace, home: Home) -> tuple[dict[str, Any], str]:
    """Runs the path; returns the outcome as a document and as text.

    Raises:
        DaybreakError: the first stage, check or gate that said no, in its own words.
    """
    as_of = options.as_of or datetime.now(UTC).date().isoformat()
    parse_day(as_of)
    if options.engine:
        os.environ["DAYBREAK_ENGINE"] = options.engine
    load_settings()  # a bad setting is told before anything starts
    # Whoever reads standard error by machine finds one line there, and only if something is wrong.
    shown = sys.stderr.isatty() and not options.json
    logging.getLogger("daybreak").setLevel(logging.INFO if shown else logging.WARNING)

    from orchestration.daily import run_daily
    from orchestration.outcome import describe

    return describe(home, run_daily(home, as_of, recompute=options.recompute))
