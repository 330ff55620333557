"""The form of the server's log: one JSON object a line on standard error.

The keys are `time`, `level`, `logger`, `message` and, where something failed, `exception`. What is
logged names no user; of an exception only its kind and its place are told, as its own words may
quote the request that it came of.
"""

import logging
import threading
import traceback
from datetime import UTC, datetime
from typing import Any

import msgspec

_log = logging.getLogger("daybreak.serving")
_CHOSEN = "Rust task implementation is experimental!"


class Line(msgspec.Struct, omit_defaults=True):
    """One line of the log."""

    time: str
    level: str
    logger: str
    message: str
    exception: str | None = None


class LineFormatter(logging.Formatter):
    """Makes every record one line, whoever logged it."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns a record as one JSON object."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        error = record.exc_info[1] if record.exc_info else None
        line = Line(
            at.removesuffix("+00:00") + "Z",
            record.levelname,
            record.name,
            _spelled(record.getMessage()),
            None if error is None else _spelled(_told(error)),
        )
        return msgspec.json.encode(line).decode()


class WithoutChosen(logging.Filter):
    """Drops granian's warning of what was chosen knowingly, and nothing else.

    It would stand in every log at every start. Why it was chosen is said at `task_impl` in
    `serving/web/server.py` and in `docs/decisions/0009-how-the-service-answers.md`.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Returns whether a record is kept."""
        return record.getMessage() != _CHOSEN


LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": LineFormatter}},
    "filters": {"without_chosen": {"()": WithoutChosen}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "stream": "ext://sys.stderr",
        }
    },
    "loggers": {
        "daybreak": {"level": "INFO"},
        "_granian": {"filters": ["without_chosen"], "level": "WARNING"},
    },
    "root": {"handlers": ["stderr"], "level": "WARNING"},  # what libraries say has the same form
}


def log_uncaught() -> None:
    """Makes the end of a thread a line too, where Python would print its traceback."""
    threading.excepthook = _log_uncaught


def _log_uncaught(died: threading.ExceptHookArgs) -> None:
    name = died.thread.name if died.thread else "?"
    _log.critical("the thread %s ended", name, exc_info=died.exc_value)


def _told(error: BaseException) -> str:
    """Returns where an exception and those before it were raised, the first one first."""
    chain = [error]
    while (before := chain[-1].__cause__ or _context(chain[-1])) and before not in chain:
        chain.append(before)
    return "\n".join(map(_traceback, reversed(chain)))


def _context(error: BaseException) -> BaseException | None:
    return None if error.__suppress_context__ else error.__context__


def _traceback(error: BaseException) -> str:
    frames = "".join(traceback.format_tb(error.__traceback__))
    kind = type(error).__qualname__
    if isinstance(error, OSError) and error.strerror:
        kind += f": {error.strerror}"  # the system's words, which quote nobody
    return f"Traceback (most recent call last):\n{frames}{kind}"


def _spelled(text: str) -> str:
    """Returns a text that UTF-8 can spell: a file's name may be bytes that are none."""
    return text.encode("utf-8", "backslashreplace").decode()
