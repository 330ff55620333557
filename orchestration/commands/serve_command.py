"""`daybreak serve`: the lookup service over a home's current release."""

import argparse
from typing import Any

from pydantic import ValidationError

from core.errors import UsageError
from core.home import Home
from core.serving_settings import ServingSettings
from core.settings import load_settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("--port", type=int, metavar="N", help="port on the loopback")
    parser.add_argument("--workers", type=int, metavar="N", help="worker processes")


def execute(options: argparse.Namespace, home: Home) -> tuple[dict[str, Any], str]:
    """Serves until stopped.

    Raises:
        UsageError: a flag is out of range, or the address can't be listened on.
    """
    from serving.server import serve

    serve(home, _settings(port=options.port, workers=options.workers))
    return {}, ""


def _settings(**given: int | None) -> ServingSettings:
    changed = {name: value for name, value in given.items() if value is not None}
    try:
        return ServingSettings.model_validate({**load_settings().serving.model_dump(), **changed})
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(
            f"--{first['loc'][0]} {first['input']}: {first['msg']}; see `daybreak serve --help`"
        ) from None
