"""A running server with a home to post events to, and clients that do."""

import http.client
import json
import os
import signal
import time
from pathlib import Path

from core.home import Home
from tests.serving.web.test_server import RunningServer


def publish(folder: Path, toy) -> Home:
    home = Home(folder)
    toy.publish(home.releases, "1970-01-11", 1)
    return home


def start(home, workers=1):
    """Returns a server that is ready; its intake's settings come from the environment."""
    server = RunningServer(home, workers)
    n_looks = 1 if workers == 1 else 8 * workers  # each on a connection of its own
    server.wait(lambda: all(server.get("/readyz").status == 200 for _ in range(n_looks)))
    return server


class Client:
    """One connection that stays open."""

    def __init__(self, port, timeout=20):
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)

    def post(self, body, **headers):
        """Returns status, document and headers; `body` is sent as JSON unless it is bytes."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"content-type": "application/json", **headers}
        self._connection.request("POST", "/v1/events", content, headers)
        response = self._connection.getresponse()
        return response.status, json.loads(response.read()), response.headers

    def items(self, user, count=3):
        self._connection.request("GET", f"/v1/recommendations?user_id={user}&count={count}")
        answer = json.loads(self._connection.getresponse().read())
        return [item["item_id"] for item in answer["items"]]

    def close(self):
        self._connection.close()


def event(event_id=None, user="ann", item="m1", action="click", **more):
    whole = {"event_id": event_id, "user_id": user, "item_id": item, "action": action, **more}
    return {name: value for name, value in whole.items() if value is not None}


def workers_of(server):
    """Returns the process ids of a server's workers."""
    path = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    return [int(pid) for pid in path.read_text().split()]


def kill_worker(server, pid):
    """Ends one worker by SIGKILL and waits until it is gone."""
    os.kill(pid, signal.SIGKILL)
    while pid in workers_of(server):
        time.sleep(0.005)


def event_ids(folder):
    """Returns the ids in a folder's segments of events, as often as they stand there."""
    return [
        json.loads(line)["event_id"]
        for path in folder.glob("events-*")
        for line in path.read_bytes().splitlines()
    ]
