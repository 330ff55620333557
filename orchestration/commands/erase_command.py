"""`daybreak erase`: forget a user, at once in answers and then in every stored file."""

import argparse
from typing import Any

from core.home import Home


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("user", metavar="USER")


def execute(options: argparse.Namespace, home: Home) -> tuple[dict[str, Any], str]:
    """Writes the tombstone; returns it, never the id."""
    from serving.tombstone_commands import erase

    done = erase(home, options.user)
    lines = [
        f"the user is answered as a stranger within two seconds, by entry {done['seq']} of the "
        f"tombstones{'' if done['changed'] else ' (as before)'}"
    ]
    lines.append("the next `daybreak run` rewrites every stored file")
    return done, "\n".join(lines)
