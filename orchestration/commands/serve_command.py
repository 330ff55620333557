"""`daybreak serve`: the lookup service over a home's current release."""

import argparse
import json

from core.home import Home
from serving.serve_options import add_arguments, settings_of

__all__ = ["add_arguments", "execute"]


def execute(options: argparse.Namespace, home: Home) -> tuple[None, str]:
    """Serves until stopped; says where at the start, for nobody waits for the end to learn it.

    Raises:
        UsageError: a flag is out of range, or the address can't be listened on.
    """
    from serving.web.server import announce, serve

    serve(home, settings_of(options), _announce_as_json if options.json else announce)
    return None, ""


def _announce_as_json(home: Home, address: str) -> None:
    # On one line: whoever started the server reads it while the stream stays open.
    print(json.dumps({"address": address, "home": str(home.root)}), flush=True)
