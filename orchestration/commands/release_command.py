"""`daybreak release`: list, show, verify, compare, roll back, pin, move and clear up releases."""

import argparse
import sys
from collections.abc import Callable
from typing import Any

from assets.publication.garbage import clear_up
from core.home import Home
from core.settings import load_settings
from serving import location_commands
from serving import release_commands as commands
from serving.deciding_location import deciding_location
from serving.redis_keys import DEFAULT_URL


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--home", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    shared.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS
    )

    def action(name: str, text: str) -> argparse.ArgumentParser:
        return actions.add_parser(name, help=text, description=text, parents=[shared])

    action("list", "every release, newest date first")
    action("current", "the release that is served")
    verify = action("verify", "check every byte of a release and its golden answers")
    verify.add_argument("release", nargs="?", help="default: the current one")
    diff = action("diff", "what changed from one release to another, announced or not")
    diff.add_argument("before", nargs="?", help="default: the release before the other by the log")
    diff.add_argument("after", nargs="?", help="default: the newest stored, announced or not")
    rollback = action("rollback", "bar the current release for ever; the one before is served")
    rollback.add_argument("--to", metavar="RELEASE", help="bar everything newer than this one")
    rollback.add_argument("--reason", default="rolled back by hand", help="one line for people")
    pin = action("pin", "serve one release whatever is published")
    pin.add_argument("release")
    pin.add_argument("--reason", default="pinned by hand", help="one line for people")
    unpin = action("unpin", "serve the newest release again")
    unpin.add_argument("--reason", default="unpinned by hand", help="one line for people")
    gc = action("gc", "retire what is not kept; delete what was retired long enough ago")
    gc.add_argument("--dry-run", action="store_true", help="only tell what would go")
    pull = action("pull", "copy what is to be served from where releases live")
    pull.add_argument("--from", dest="origin", metavar="LOCATION", help="a folder or s3://…")
    pull.add_argument("--fallbacks", type=_count, metavar="N", help="releases beside the current")
    pull.add_argument(
        "--spread", type=_seconds, metavar="SECONDS", help="longest random wait before a copy"
    )
    push = action("push", "bring releases to where they live")
    push.add_argument("release", nargs="?", help="default: all that this home's log names")
    export = action("export", "write a release where other teams read features")
    export.add_argument("target", choices=["redis"])
    export.add_argument("--url", default=DEFAULT_URL, help="default: %(default)s")
    export.add_argument("--release", dest="export_release", help="default: the current one")
    export.add_argument(
        "--grace", type=_grace, default=3600, metavar="SECONDS",
        help="how long exports older than the previous one may still be read",
    )  # fmt: skip


def _count(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 10:
        raise argparse.ArgumentTypeError(f"{text} is not within 0 to 10")
    return number


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 <= number <= 3600:
        raise argparse.ArgumentTypeError(f"{text} is not within 0 to 3600")
    return number


def _grace(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 30 * 86_400:
        raise argparse.ArgumentTypeError(f"{text} is not within 1 to {30 * 86_400}")
    return number


def _diff(options: argparse.Namespace, home: Home) -> dict[str, Any]:
    from serving.release_diff import diff_releases  # the other actions need no table library

    return diff_releases(home, options.before, options.after)


def _export(options: argparse.Namespace, home: Home) -> dict[str, Any]:
    from orchestration.export_release import export_to_redis  # needs table libraries

    return export_to_redis(
        home,
        load_settings().releases,
        options.url,
        release=options.export_release,
        grace_seconds=options.grace,
    )


def _clear_up(home: Home, *, is_trial: bool) -> dict[str, Any]:
    settings = load_settings()
    location = deciding_location(home, settings.releases)
    return clear_up(home, settings.retention, location, is_trial=is_trial)


def _pull(options: argparse.Namespace, home: Home) -> Any:
    settings = load_settings()
    return location_commands.pull_release(
        home,
        settings.releases,
        grace_seconds=settings.retention.grace_seconds,
        origin=options.origin,
        fallbacks=options.fallbacks,
        spread_seconds=options.spread,
        say=lambda text: print(text, file=sys.stderr, flush=True),
    )


_RUN: dict[str, Callable[[argparse.Namespace, Home], Any]] = {
    "list": lambda o, home: commands.list_releases(home),
    "current": lambda o, home: commands.current_release(home),
    "verify": lambda o, home: commands.verify_release(home, o.release),
    "diff": _diff,
    "rollback": lambda o, home: commands.rollback(home, o.to, reason=o.reason),
    "pin": lambda o, home: commands.pin(home, o.release, reason=o.reason),
    "unpin": lambda o, home: commands.unpin(home, reason=o.reason),
    "gc": lambda o, home: _clear_up(home, is_trial=o.dry_run),
    "export": _export,
    "pull": _pull,
    "push": lambda o, home: location_commands.push(home, load_settings().releases, o.release),
}


def execute(options: argparse.Namespace, home: Home) -> tuple[Any, str]:
    """Runs one action; returns its result as a document and as text."""
    document = _RUN[options.action](options, home)
    if options.action == "list":
        lines = [_line(row) for row in document]
        return document, "\n".join(lines) or "no release yet; run `daybreak run`"
    if options.action == "diff":
        from serving.diff_text import to_markdown

        return document, to_markdown(document).rstrip()
    if isinstance(document, list):
        return document, "\n\n".join(_fields(row) for row in document) or "nothing to bring"
    return document, _fields(document)


def _fields(document: dict[str, Any]) -> str:
    shown = {name: value for name, value in document.items() if name != "verdict"}
    return "\n".join(f"{name:<14} {value}" for name, value in shown.items())


def _line(row: dict[str, Any]) -> str:
    marks = [name for name in ("current", "pinned") if row[f"is_{name}"]]
    state = row["status"] or "not in the log"
    told = f"{row['release']}  {state:<10} {row['at'] or '':<20}  {' '.join(marks):<8}"
    return f"{told} {row['reason'] or ''}".rstrip()
