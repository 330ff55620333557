"""One who asks a server for lists and says what is wrong with them."""

import http.client
import json
import threading
import time
from collections import Counter
from pathlib import Path

from tests.serving.web.test_server import RunningServer

RUNGS = frozenset({"personal", "session", "segment", "trending"})


def worker_pids(pid: int) -> list[int]:
    """Returns the processes that a server's first process has forked."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def private_mb(pid: int) -> float:
    """Returns the megabytes that a process alone has written."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    (kilobytes,) = (int(x.split()[1]) for x in lines if x.startswith("Private_Dirty:"))
    return kilobytes / 1024


def ready(home, workers=1, **options):
    """Returns a server whose workers are all ready."""
    server = RunningServer(home, workers, **options)
    n_looks = 1 if workers == 1 else 8 * workers  # each on a connection of its own
    try:
        server.wait(lambda: all(server.get("/readyz").status == 200 for _ in range(n_looks)))
    except BaseException:
        server.process.kill()
        raise
    return server


def fault(answer: dict, count: int, hidden: frozenset[str] = frozenset()) -> str:
    """Returns what is wrong with a list; empty where it has `count` valid items.

    Args:
        answer: the document.
        count: how many were asked for.
        hidden: ids that may not be in it: taken down, or touched by the user of late.
    """
    items = [item["item_id"] for item in answer["items"]]
    if len(items) != count:
        return f"{len(items)} items of {count}"
    if len(set(items)) != count:
        return "an item comes twice"
    if shown := hidden.intersection(items):
        return f"{sorted(shown)} are shown"
    if not {answer["rung"], *(item["rung"] for item in answer["items"])} <= RUNGS:
        return "a rung has no name"
    if not all(item["reason"]["text"] for item in answer["items"]):
        return "a reason is empty"
    return ""


class Asker(threading.Thread):
    """Asks for the given paths in turn, on connections that stay open, until it is ended.

    Attributes:
        answers: how often each pair of a release and an ending of its sentences was seen.
        statuses: how often each status was seen; 0 stands for a connection that failed.
        last: the release of the last answer.
    """

    def __init__(self, port: int, paths: list[str], pause_seconds: float = 0.003) -> None:
        super().__init__(daemon=True)
        self._port, self._paths, self._pause_seconds = port, paths, pause_seconds
        self._ended = threading.Event()
        self.answers: Counter[tuple[str, str]] = Counter()
        self.statuses: Counter[int] = Counter()
        self.last = ""

    def run(self) -> None:
        connection = None
        while not self._ended.wait(self._pause_seconds):
            path = self._paths[self.statuses.total() % len(self._paths)]
            try:
                connection = connection or self._connection()
                connection.request("GET", path)
                response = connection.getresponse()
                body = response.read()
            except (OSError, http.client.HTTPException):
                self.statuses[0] += 1
                connection = None
                continue
            self.statuses[response.status] += 1
            if response.status == 200:
                self._note(json.loads(body))
        if connection:
            connection.close()

    def end(self) -> "Asker":
        """Ends it; returns itself."""
        self._ended.set()
        self.join()
        return self

    def wait_for(self, n: int, seconds: float = 30.0) -> None:
        """Waits for so many more answers with status 200."""
        aim, deadline = self.statuses[200] + n, time.monotonic() + seconds
        while self.statuses[200] < aim:
            assert time.monotonic() < deadline, self.statuses
            time.sleep(0.01)

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)

    def _note(self, answer: dict) -> None:
        self.last = answer["release"]
        texts = [item["reason"]["text"] for item in answer["items"] if "reason" in item]
        endings = {text.partition("#")[2] for text in texts if "#" in text} or {""}
        for ending in endings:
            self.answers[answer["release"], ending] += 1
