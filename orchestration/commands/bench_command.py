"""`daybreak bench`: the scripts in `benchmarks/`, each one performance claim."""

import argparse
import importlib
from typing import Any

from core.errors import UsageError
from core.home import Home

NAMES = ("daily",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments; each script has its own."""
    parser.add_argument("name", metavar="NAME", help=f"one of {', '.join(NAMES)}")
    parser.add_argument("rest", nargs=argparse.REMAINDER, metavar="…", help="the script's own")


def execute(options: argparse.Namespace, home: Home) -> tuple[dict[str, Any], str]:
    """Runs one benchmark; returns its document and its table.

    Raises:
        UsageError: there is no such benchmark.
    """
    if options.name not in NAMES:
        raise UsageError(f"benchmark {options.name!r} is unknown; use one of {', '.join(NAMES)}")
    script = importlib.import_module(f"benchmarks.{options.name}")
    document, text = script.run(options.rest)
    return document, text
