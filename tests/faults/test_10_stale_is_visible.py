"""FAULTS row 10: a release that has grown old is served on, and everyone can see its age."""

import math

import pytest
import yaml

from core import release_log
from core.days import DAY_US, HOUR_US, now_us
from core.home import Home
from tests.faults.asking import ready
from tests.faults.conftest import ROOT
from tests.serving.conftest import publish_toy

pytestmark = pytest.mark.faults

CADENCE_SECONDS = 86_400
RULES = ROOT / "deploy" / "prometheus-rules.yml"


def stale_seconds():
    """Returns the age at which the alert begins, from its own expression."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    (rule,) = (x for g in groups for x in g["rules"] if x["alert"] == "DaybreakReleaseStale")
    name, _, product = rule["expr"].partition(" > ")
    assert name == "daybreak_release_age_seconds"
    return math.prod(float(factor) for factor in product.split("*"))


STALE_SECONDS = stale_seconds()


@pytest.fixture
def published_at(tmp_path, monkeypatch):
    """Returns a server of a release that was published so long ago, by the publisher's clock."""
    servers = []

    def begin(microseconds_ago):
        home = Home(tmp_path / str(len(servers)))
        with monkeypatch.context() as publisher:
            publisher.setattr(release_log, "now_us", lambda: now_us() - microseconds_ago)
            publish_toy(home.releases, "1970-01-11", 1)
        servers.append(ready(home))
        return servers[-1]

    yield begin
    for server in servers:
        assert server.stop()[0] == 0


def seen(server):
    """Returns the age that an answer tells and the one that is exported."""
    lines = server.get("/metrics").body.decode().splitlines()
    (exported,) = (x for x in lines if x.startswith("daybreak_release_age_seconds "))
    answer = server.json("/v1/recommendations?user_id=ann&count=3")
    assert len(answer["items"]) == 3
    return answer["age_seconds"], float(exported.split()[1])


def test_a_publisher_that_stopped_three_days_ago(published_at):
    server = published_at(3 * DAY_US)
    told, exported = seen(server)
    assert 3 * 86_400 <= told < 3 * 86_400 + 120
    assert 3 * 86_400 <= exported < 3 * 86_400 + 120
    assert exported > STALE_SECONDS
    assert (server.get("/readyz").status, server.get("/healthz").status) == (200, 200)


def test_a_fresh_release_and_one_that_a_clock_set_back_makes_come_from_the_future(published_at):
    for ago in (0, -HOUR_US):
        told, exported = seen(published_at(ago))
        assert 0 <= told < 120
        assert 0 <= exported < 120
        assert exported < STALE_SECONDS


def test_the_alert_begins_at_one_and_a_half_times_the_cadence():
    assert STALE_SECONDS == 1.5 * CADENCE_SECONDS


def test_a_late_night_is_no_alert_and_a_missed_one_is(published_at):
    _, late = seen(published_at(26 * HOUR_US))
    _, missed = seen(published_at(37 * HOUR_US))
    assert late < STALE_SECONDS < missed
