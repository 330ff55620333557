"""`daybreak bench`: the scripts in `benchmarks/`, each one performance claim."""

import argparse
import importlib
from typing import Any

from core.home import Home

NAMES = ("daily", "release", "serving")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments; each script has its own."""
    scripts = parser.add_subparsers(dest="name", required=True, metavar="NAME")
    for name in NAMES:
        script = importlib.import_module(f"benchmarks.{name}")
        one = scripts.add_parser(name, help=script.CLAIM, description=script.CLAIM)
        one.add_argument("--home", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        one.add_argument(
            "--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS
        )
        script.add_arguments(one)


def execute(options: argparse.Namespace, home: Home) -> tuple[dict[str, Any], str]:
    """Runs one benchmark; returns its document and its table."""
    document, text = importlib.import_module(f"benchmarks.{options.name}").run(options)
    return document, text
