"""`daybreak why`: one user, from events to list."""

import argparse
from typing import Any

from core.home import Home


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("user", metavar="USER")
    parser.add_argument(
        "item", nargs="?", metavar="ITEM", help="tell only of this item, on the list or not"
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--release", metavar="ID", help="any that is kept; default: the current one")
    which.add_argument(
        "--as-of", metavar="DATE", help="the one that was current when this day ended (UTC)"
    )


def execute(options: argparse.Namespace, home: Home) -> tuple[dict[str, Any], str]:
    """Follows the user; returns what is stored about every step."""
    from orchestration.why import follow
    from orchestration.why_text import told

    story = follow(home, options.user, options.item, options.release, options.as_of)
    return story, "\n".join(told(story))
