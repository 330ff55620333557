"""Every line that a server logs is one JSON object, whoever wrote it, and names no user."""

import json
import logging
import os
import signal
import sys

import pytest

from core.home import Home
from serving.web.log_lines import LOGGING, LineFormatter, WithoutChosen
from tests.faults.asking import worker_pids
from tests.serving.web.test_server import BLOCKER, START, RunningServer, lines_of

BROKEN = """
import logging, threading
from serving.web.application import Application
from serving.web.recommend import Recommend
def fail(self, scope, protocol, caller):
    raise KeyError(scope.query_string)
def end():
    raise ValueError("ann-secret")
begin = Application.__rsgi_init__
def begin_badly(self, loop):
    begin(self, loop)
    threading.Thread(target=end, name="badly").start()
    logging.getLogger("a.library").warning("speaks\\n%s", "too")
Recommend.__call__ = fail
Application.__rsgi_init__ = begin_badly
"""


def record(message="said", error=None, name="daybreak.serving", **more):
    made = logging.LogRecord(name, logging.ERROR, __file__, 1, message, (), error)
    vars(made).update(more)
    return made


def formatted(made):
    return json.loads(LineFormatter().format(made))


def served(server):
    """Returns how often a worker began to serve a release."""
    metrics = server.get("/metrics").body.decode()
    return float(metrics.partition("\ndaybreak_swaps_total ")[2].partition("\n")[0])


def raised(function):
    try:
        function()
    except (OSError, ValueError):
        return sys.exc_info()


def test_a_server_that_fails_in_every_way_logs_json_alone(tmp_path, toy):
    """Before the fork, in the workers, of granian, of a library, of a request and of a thread."""
    home = Home(tmp_path)
    name = toy.publish(home.releases, "1970-01-11", 1)
    server = RunningServer(
        home, workers=2, start=BLOCKER + BROKEN + START,
        arguments=["--host", "0.0.0.0", "--unprotected"],
    )  # fmt: skip
    assert server.get("/v1/recommendations?user_id=ann-secret").status == 500
    server.wait(lambda: served(server) == 2)
    before = worker_pids(server.process.pid)
    os.kill(before[0], signal.SIGKILL)
    server.wait(lambda: len(set(worker_pids(server.process.pid)) - {before[0]}) == 2)
    server.wait(lambda: served(server) == 3)
    code, out, errors = server.stop()
    assert (code, out) == (0, f"serving {home.root} on http://0.0.0.0:{server.port}\n")
    assert "ann-secret" not in errors
    found = lines_of(errors)
    assert (found[0]["level"], found[0]["logger"]) == ("WARNING", "daybreak.serving")
    assert found[0]["message"].startswith("0.0.0.0 is open to everyone")
    told = {(line["level"], line["logger"], line["message"]) for line in found}
    assert told >= {
        ("INFO", "daybreak.serving", f"serving release {name}"),
        ("WARNING", "a.library", "speaks\ntoo"),
        ("ERROR", "daybreak.serving", "a request failed"),
        ("CRITICAL", "daybreak.serving", "the thread badly ended"),
    }
    granian = [line["message"] for line in found if line["logger"].startswith("_granian")]
    assert granian[0].startswith("Unexpected exit from worker-")
    failed = next(line for line in found if line["message"] == "a request failed")
    assert failed["exception"].startswith("Traceback (most recent call last):\n")
    assert failed["exception"].endswith("KeyError")


def test_a_line_has_these_keys():
    made = record("hé \ud800\n\"'", created=1_700_000_000.0125)
    assert formatted(made) == {
        "time": "2023-11-14T22:13:20.012Z", "level": "ERROR", "logger": "daybreak.serving",
        "message": "hé \\ud800\n\"'",
    }  # fmt: skip
    assert "\n" not in LineFormatter().format(made)
    assert formatted(record(created=1_700_000_000.0))["time"] == "2023-11-14T22:13:20.000Z"
    assert "exception" not in formatted(record(error=(None, None, None)))


def test_an_exception_is_told_by_its_kind_and_place_with_what_led_to_it():
    user = "ann" + "-secret"  # as a whole it stands in no line of this file's that is told

    def open_nothing():
        raise FileNotFoundError(2, "No such file or directory", user)

    def fail():
        try:
            open_nothing()
        except OSError as error:
            raise ValueError(user) from error

    told = formatted(record(error=raised(fail)))["exception"]
    assert user not in told
    first, last = told.split("Traceback (most recent call last):\n")[1:]
    assert "in open_nothing\n" in first
    assert first.endswith("FileNotFoundError: No such file or directory\n")
    assert "in fail\n" in last
    assert last.endswith("ValueError")


def test_what_was_hidden_of_an_exception_stays_hidden():
    def fail():
        try:
            raise KeyError("a")
        except KeyError:
            raise ValueError from None

    assert "KeyError" not in formatted(record(error=raised(fail)))["exception"].split("\n")


def test_exceptions_that_are_each_other_s_cause_end():
    one, two = ValueError(), KeyError()
    one.__cause__, two.__cause__ = two, one
    told = formatted(record(error=(ValueError, one, None)))["exception"]
    assert told.split("\n")[1::2] == ["KeyError", "ValueError"]


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        ("Rust task implementation is experimental!", False),
        ("Rust task implementation is not available on Python >= 3.12", True),
        ("Unexpected exit from worker-1", True),
    ],
)
def test_one_message_of_granian_s_is_dropped(message, kept):
    assert bool(WithoutChosen().filter(record(message, name="_granian"))) is kept
    assert LOGGING["loggers"]["_granian"]["filters"] == ["without_chosen"]
