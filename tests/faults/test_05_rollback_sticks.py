"""After a rollback a running server answers from the release before, and goes on doing so."""

import time

import pytest

from core.errors import GateRefused
from core.home import Home
from core.release_store import ReleaseStore
from core.settings import load_settings
from serving import release_commands as commands
from tests.serving.conftest import publish_toy
from tests.serving.web.test_server import RunningServer

pytestmark = pytest.mark.faults
WITHIN_SECONDS = 5.0


def test_every_answer_is_of_the_old_release_within_five_seconds(tmp_path, trials):
    home = Home(tmp_path)
    poll = load_settings().serving.poll_seconds
    good = publish_toy(home.releases, "1970-01-11", 1)
    server = RunningServer(home, poll_seconds=poll)
    server.wait(lambda: server.get("/readyz").status == 200)
    slowest = 0.0
    for number in range(trials(2, 20)):
        bad = publish_toy(home.releases, "1970-01-12", 2 + number)
        server.wait(lambda bad=bad: server.release() == bad)
        start = time.monotonic()
        commands.rollback(home, reason="bad texts")
        last_bad = start
        while time.monotonic() < start + 2 * poll + 1:
            if server.release() == bad:
                last_bad = time.monotonic()
        slowest = max(slowest, last_bad - start)
        with pytest.raises(GateRefused, match="bad texts"):
            ReleaseStore(home.releases).log.append("publish", bad, "1970-01-12", reason="again")
        assert {server.release() for _ in range(20)} == {good}
    print(f"\nlast answer of the bad release {slowest:.2f} s after the rollback")
    assert slowest <= WITHIN_SECONDS
    assert server.stop()[0] == 0
