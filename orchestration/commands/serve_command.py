"""`daybreak serve`: the lookup service over a home's current release."""

import argparse
import json

from pydantic import ValidationError

from core.errors import UsageError
from core.home import Home
from core.serving_settings import ServingSettings
from core.settings import load_settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("--port", type=int, metavar="N", help="port on the loopback")
    parser.add_argument("--workers", type=int, metavar="N", help="worker processes")
    parser.add_argument(
        "--unprotected", action="store_true", help="answer other machines without tokens"
    )


def execute(options: argparse.Namespace, home: Home) -> tuple[None, str]:
    """Serves until stopped; says where at the start, for nobody waits for the end to learn it.

    Raises:
        UsageError: a flag is out of range, or the address can't be listened on.
    """
    from serving.web.server import announce, serve

    settings = _settings(port=options.port, workers=options.workers)
    whole = load_settings()
    security = whole.security
    if options.unprotected:
        security = security.model_copy(update={"unprotected": True})
    told = _announce_as_json if options.json else announce
    serve(home, settings, whole.releases, whole.retention.grace_seconds, security, told)
    return None, ""


def _announce_as_json(home: Home, address: str) -> None:
    # On one line: whoever started the server reads it while the stream stays open.
    print(json.dumps({"address": address, "home": str(home.root)}), flush=True)


def _settings(**given: int | None) -> ServingSettings:
    changed = {name: value for name, value in given.items() if value is not None}
    try:
        return ServingSettings.model_validate({**load_settings().serving.model_dump(), **changed})
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(
            f"--{first['loc'][0]} {first['input']}: {first['msg']}; see `daybreak serve --help`"
        ) from None
