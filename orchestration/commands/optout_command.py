"""`daybreak optout`: answer a user as a stranger at once, and train on nothing of theirs."""

import argparse
from typing import Any

from core.home import Home


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("user", metavar="USER")
    parser.add_argument("--undo", action="store_true", help="let them have a list of their own")


def execute(options: argparse.Namespace, home: Home) -> tuple[dict[str, Any], str]:
    """Writes the tombstone; returns it as a document and as text, neither with the id."""
    from serving.tombstone_commands import opt_out

    done = opt_out(home, options.user, undo=options.undo)
    state = "is known again" if options.undo else "is answered as a stranger within two seconds"
    before = "" if done["changed"] else " (as before)"
    return done, f"the user {state}, by entry {done['seq']} of the tombstones{before}"
