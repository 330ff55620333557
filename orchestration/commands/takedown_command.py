"""`daybreak takedown`: hide an item at once, whatever the release."""

import argparse
from typing import Any

from core.home import Home


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("item", metavar="ITEM")
    parser.add_argument("--undo", action="store_true", help="show it again")
    parser.add_argument(
        "--force", action="store_true", help="also an item that the current release does not know"
    )


def execute(options: argparse.Namespace, home: Home) -> tuple[dict[str, Any], str]:
    """Writes the tombstone; returns it as a document and as text."""
    from serving.tombstone_commands import take_down

    done = take_down(home, options.item, undo=options.undo, force=options.force)
    state = "is shown again" if options.undo else "is hidden within two seconds, whatever is served"
    before = "" if done["changed"] else " (as before)"
    return done, f"item {done['item_id']} {state}, by entry {done['seq']} of the tombstones{before}"
