"""The `daybreak` command line: parses, calls one command, and answers with an exit code.

Commands are imported when they are called, so that `serve` and `release` work where Dagster,
PyTorch, MLflow and Spark are absent.
"""

import argparse
import contextlib
import importlib
import io
import json
import logging
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from core.errors import DaybreakError
from core.home import Home

COMMANDS = {
    "demo": "a synthetic world, the whole daily path, three users' lists and where to look next",
    "import": "take in a MovieLens folder, event logs, items or users",
    "run": "run the daily path for one as-of date",
    "ui": "the Dagster UI over this home, on the loopback",
    "serve": "answer lookups from the current release",
    "release": "list, show, verify, compare, roll back, pin, move and clear up releases",
    "takedown": "hide an item at once, whatever the release; the next run leaves it out",
    "optout": "answer a user as a stranger at once; the next run trains on nothing of theirs",
    "erase": "forget a user: at once in answers, in every stored file with the next run",
    "why": "follow one user from events to list",
    "sql": "ask the lake, the artefacts and the releases with DuckDB, read-only",
    "bench": "measure a claim about speed against a named peer",
    "doctor": "see what works on this machine and what does not",
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {' '.join(message.split())}; see {self.prog} --help", file=sys.stderr)
        raise SystemExit(2)


def parser(command: str | None = None) -> argparse.ArgumentParser:
    """Returns the parser; with the arguments of one command only, where one is named."""
    shared = _Parser(add_help=False)
    shared.add_argument("--home", help="folder of the data (DAYBREAK_HOME; default ./var)")
    shared.add_argument("--json", action="store_true", help="one JSON document on standard output")
    root = _Parser(prog="daybreak", description="A batch-first recommendation platform.")
    subparsers = root.add_subparsers(
        dest="command", required=True, metavar="COMMAND", parser_class=_Parser
    )
    for name, text in COMMANDS.items():
        sub = subparsers.add_parser(name, help=text, description=text, parents=[shared])
        if name == command:
            _module(name).add_arguments(sub)
    return root


def _module(name: str) -> Any:
    return importlib.import_module(f"orchestration.commands.{name}_command")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns 0 success, 1 a gate or check said no, 2 bad usage or input."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a letter that it can't spell is no reason to die
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        try:
            return _answer(arguments)
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        _let_go_of_the_pipe()
        return 130


def _answer(arguments: list[str]) -> int:
    named = next((word for word in arguments if word in COMMANDS), None)
    options = parser(named).parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        home = Home.find(options.home)
        os.environ["DAYBREAK_HOME"] = str(home.root)
        document, text = _module(options.command).execute(options, home)
        if options.json and document is not None:
            print(_json(document))
        elif text:
            print(text)
    except DaybreakError as error:
        print(f"daybreak: {' '.join(str(error).split())}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        raise
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"daybreak: {place}{error.strerror or error}; mend it and repeat", file=sys.stderr)
        return 1
    return 0


def _json(document: Any) -> str:
    """Returns a document with its letters as they are, escaped where the stream lacks one."""
    text = json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(document, indent=1, sort_keys=True)
    return text


def _let_go_of_the_pipe() -> None:
    """Points standard output at nothing: flushed at exit, it would complain of its reader."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    with contextlib.suppress(OSError):  # a stream without a descriptor has no pipe
        os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)


if __name__ == "__main__":
    sys.exit(main())
