"""`daybreak erase`: forget a user, at once in answers and then in every stored file."""

import argparse
from typing import Any

from core.home import Home


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("user", metavar="USER")
    parser.add_argument(
        "--now", action="store_true", help="rewrite the stored files now, not with the next run"
    )


def execute(options: argparse.Namespace, home: Home) -> tuple[dict[str, Any], str]:
    """Writes the tombstone and, if asked, rewrites; returns what was done, never the id."""
    from serving.tombstone_commands import erase

    done = erase(home, options.user)
    lines = [
        f"the user is answered as a stranger within two seconds, by entry {done['seq']} of the "
        f"tombstones{'' if done['changed'] else ' (as before)'}"
    ]
    if options.now:
        from assets.erasure.stage import carry_out

        done["rewritten"] = carry_out(home).as_facts()
        lines += [f"{name:<20} {n}" for name, n in done["rewritten"].items()]
    else:
        lines.append("the next `daybreak run` rewrites every stored file; `--now` does it at once")
    return done, "\n".join(lines)
