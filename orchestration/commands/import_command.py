"""`daybreak import`: takes files into the lake, wherever they lie."""

import argparse
from pathlib import Path
from typing import Any

from core.errors import InputError, UsageError
from core.home import Home
from core.settings import load_settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--home", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    shared.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS
    )
    movielens = kinds.add_parser("movielens", parents=[shared], help="a MovieLens folder")
    movielens.add_argument("folder", type=Path, metavar="DIR")
    events = kinds.add_parser("events", parents=[shared], help="event logs, items and users")
    events.add_argument("files", type=Path, nargs="+", metavar="FILE")
    events.add_argument("--items", type=Path, action="append", default=[], metavar="FILE")
    events.add_argument("--users", type=Path, action="append", default=[], metavar="FILE")
    events.add_argument("--columns", metavar="NAME=SOURCE,…", help="user_id=personId,…")
    events.add_argument("--actions", metavar="SPELLING=ACTION,…", help="VIEW=view,…")
    events.add_argument("--default-action", metavar="ACTION", help="for rows that name none")
    events.add_argument("--time-unit", choices=("auto", "s", "ms", "us", "iso"))


def execute(options: argparse.Namespace, home: Home) -> tuple[dict[str, Any], str]:
    """Takes the files in; returns what became of each.

    Raises:
        InputError: a file does not exist, or none of them could be read.
        UsageError: a flag cannot be meant.
    """
    settings = load_settings().ingest
    if options.kind == "movielens":
        from assets.ingest.movielens import import_movielens

        reports = [import_movielens(home, options.folder, settings)]
    else:
        reports = _import_events(options, home)
    return _told(home, reports)


def _import_events(options: argparse.Namespace, home: Home) -> list[Any]:
    from assets.ingest.landing import ingest_file
    from assets.ingest.mapping import build_mapping, parse_actions, parse_columns
    from core.schemas import EVENTS, ITEM_ROWS, USER_ROWS

    settings = load_settings().ingest
    mapping = build_mapping(
        settings.mapping,
        columns=parse_columns(options.columns) if options.columns else None,
        actions=parse_actions(options.actions) if options.actions else None,
        default_action=options.default_action,
        time_unit=options.time_unit,
    )
    wanted = [
        *((path, ITEM_ROWS) for path in options.items),
        *((path, USER_ROWS) for path in options.users),
        *((path, EVENTS) for path in options.files),
    ]
    for path, _ in wanted:
        if not path.is_file():
            raise UsageError(f"file {str(path)!r} does not exist; give the path of a file")
    return [ingest_file(home, path, table, settings, mapping) for path, table in wanted]


def _told(home: Home, reports: list[Any]) -> tuple[dict[str, Any], str]:
    from assets.ingest.ledger import read_entries

    files: list[dict[str, Any]] = []
    lines = []
    for report in reports:
        for entry in report.entries:
            numbers = {
                "read": entry.read, "accepted": entry.accepted, "duplicate": entry.duplicate,
                "quarantined": entry.quarantined,
            }  # fmt: skip
            files.append(
                {
                    "file": entry.source_file,
                    "status": entry.status,
                    "reason": entry.reason,
                    **numbers,
                }
            )
            told = ", ".join(f"{value:,} {name}" for name, value in numbers.items())
            lines.append(
                f"{entry.source_file}: {told}" + (f" ({entry.reason})" if entry.reason else "")
            )
        for name, seq in report.repeated.items():
            before = f"{name}: taken in before, as ledger entry {seq}"
            past = read_entries(home, seq)[-1]
            if past.status == "unreadable":  # it was no use then, and is none now
                reason = past.reason
                files.append({"file": name, "status": past.status, "reason": reason, "entry": seq})
                lines.append(f"{before}, and unreadable ({reason}); nothing changed")
            else:
                files.append({"file": name, "status": "repeated", "entry": seq})
                lines.append(f"{before}; nothing changed")
    quarantined = sum(file.get("quarantined", 0) for file in files)
    if files and all(file["status"] == "unreadable" for file in files):
        worst = files[0]
        raise InputError(
            f"{worst['file']} cannot be used: {worst['reason']}; it is kept in quarantine by name, "
            "and a corrected file can be imported at any time"
        )
    if quarantined:
        lines.append("see the refused rows with: daybreak sql 'SELECT * FROM lake_quarantine'")
    return {"files": files}, "\n".join(lines)
