"""What reacts by itself: files that land, and runs that fail."""

import hashlib
import json
import os
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from assets.ingest.landing import waiting_files
from core.home import Home

WEBHOOK = "DAYBREAK_WEBHOOK"
_TIMEOUT_SECONDS = 10


@dg.sensor(
    target=dg.AssetSelection.assets("lake"),
    minimum_interval_seconds=60,
    description="Takes new files of the landing zone into the lake as they arrive.",
)
def landing_sensor(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Requests one run of `lake` for today whenever the waiting files changed and came to rest."""
    waiting = waiting_files(Home.find())
    if not waiting:
        yield dg.SkipReason("no file waits in the landing zone")
        return
    state = json.dumps([[name, size, moment] for name, size, moment in waiting])
    if context.cursor != state:
        # A file that still grows is left for the next look.
        context.update_cursor(state)
        yield dg.SkipReason(f"{len(waiting)} files have just changed; waiting for them to rest")
        return
    today = datetime.now(UTC).date().isoformat()
    key = hashlib.sha256(state.encode()).hexdigest()[:16]
    yield dg.RunRequest(run_key=f"landing-{key}", partition_key=today)


@dg.run_failure_sensor(
    description=f"Posts a failed run to the URL in {WEBHOOK}; does nothing without one.",
)
def webhook_on_failure(context: dg.RunFailureSensorContext) -> None:
    """Tells people which run failed, for which date, and why."""
    url = os.environ.get(WEBHOOK)
    if not url:
        return
    body = {
        "job": context.dagster_run.job_name,
        "run_id": context.dagster_run.run_id,
        "as_of": context.partition_key,
        "error": context.failure_event.message,
    }
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:
        context.log.info("webhook answered %s", answer.status)
