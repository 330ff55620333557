"""When a server last saw its location, by which an alert is raised."""

import contextlib
import re
import socket
import time

from core.home import Home
from core.place import open_place
from core.release_location import ReleaseLocation
from tests.servers import BUCKET, KEYS
from tests.serving.web.test_server import RunningServer


def told(server, name):
    """Returns a metric's value; None where it is absent."""
    found = re.search(rf"^{name} (\S+)$", server.get("/metrics").body.decode(), re.MULTILINE)
    return float(found[1]) if found else None


def seen_at(server):
    return told(server, "daybreak_location_seen_at")


@contextlib.contextmanager
def running(tmp_path, location, **environment):
    server = RunningServer(
        Home(tmp_path / "home"),
        environment={
            "DAYBREAK_RELEASES__LOCATION": location, "DAYBREAK_RELEASES__POLL_SECONDS": "0.1",
            **environment,
        },
    )  # fmt: skip
    try:
        yield server
    finally:
        code, _, errors = server.stop()
    assert code == 0, errors


def test_a_bucket_that_hangs_from_the_start_is_told_by_a_time_that_stands_still(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        before = int(time.time())
        with running(tmp_path, f"s3://{BUCKET}/x", **KEYS, AWS_ENDPOINT_URL=url) as server:
            first = seen_at(server)
            assert before <= first <= time.time()
            silent.settimeout(10)
            with silent.accept()[0]:  # it is being looked at
                time.sleep(2)
                assert seen_at(server) == first
                assert told(server, "daybreak_location_failures_total") == 0


def test_each_good_look_is_told_and_none_that_fails(tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    with running(tmp_path, str(shared)) as server:
        first = seen_at(server)
        server.wait(lambda: seen_at(server) > first)
        log = ReleaseLocation(open_place(str(shared))).log
        log.append("publish", "1970-01-11.0123456789ab", "1970-01-11", reason="test")
        entry = shared / "log" / "00000001.json"
        entry.write_bytes(b"?")
        server.wait(lambda: told(server, "daybreak_location_failures_total") > 3)
        last = seen_at(server)
        time.sleep(1.5)
        assert seen_at(server) == last
        entry.unlink()
        server.wait(lambda: seen_at(server) > last)


def test_without_a_location_there_is_nothing_to_tell(tmp_path):
    with running(tmp_path, "") as server:
        assert seen_at(server) is None
