"""`daybreak serve`: the lookup service over a home's current release."""

import argparse
from typing import Any

from core.home import Home
from core.settings import load_settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("--port", type=int, metavar="N", help="port on the loopback")
    parser.add_argument("--workers", type=int, metavar="N", help="worker processes")


def execute(options: argparse.Namespace, home: Home) -> tuple[dict[str, Any], str]:
    """Serves until stopped."""
    from serving.server import serve

    settings = load_settings().serving
    given = {"port": options.port, "workers": options.workers}
    changed = {name: value for name, value in given.items() if value is not None}
    serve(home, type(settings).model_validate({**settings.model_dump(), **changed}))
    return {}, ""
