"""Every metric that the server exports, said once: rules and dashboards are tested against it."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "histogram", "largest", "smallest", "derived"]

OTHER = "other"
"""Whatever else is asked, or answered."""
ROUTES = ("recommendations", "similar", "events", "inspector", "health", "metrics", OTHER)
STATUSES = (200, 202, 400, 401, 403, 404, 405, 408, 413, 414, 415, 429, 500, 501, 503)
SECONDS = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0
)  # fmt: skip
"""Upper bounds of all histograms, seconds."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One family of series.

    Attributes:
        name: as exported, without the suffix of its kind.
        help: one sentence.
        kind: counters and histograms add up over the workers; of a number that each worker
            states anew, the largest or the smallest is exported; what is derived is made of
            others when it is asked for.
        labels: names of the labels.
        series: the values of the labels, one tuple a series.
    """

    name: str
    help: str
    kind: Kind = "counter"
    labels: tuple[str, ...] = ()
    series: tuple[tuple[str, ...], ...] = ((),)

    @property
    def n_cells(self) -> int:
        """Cells of one series: a histogram has one a bucket, one beyond, and the sum in ns."""
        return {"histogram": len(SECONDS) + 2, "derived": 0}.get(self.kind, 1)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its series, as they are exported and asked for."""
        ends = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}
        return tuple(self.name + end for end in ends.get(self.kind, ("",)))


def _by(*values: str) -> tuple[tuple[str, ...], ...]:
    return tuple((value,) for value in values)


_RUNGS = _by("personal", "session", "segment", "trending")

METRICS = (
    Metric(
        "daybreak_requests", "Requests answered, by route and HTTP status.", "counter",
        ("route", "status"), tuple((r, str(s)) for r in ROUTES for s in (*STATUSES, OTHER)),
    ),
    Metric(
        "daybreak_request_seconds", "Time in the handler, by route.", "histogram",
        ("route",), _by(*ROUTES),
    ),
    Metric("daybreak_answers", "Lists answered, by highest rung.", "counter", ("rung",), _RUNGS),
    Metric("daybreak_items", "Items answered, by rung.", "counter", ("rung",), _RUNGS),
    Metric("daybreak_short_answers", "Lists that held fewer items than were asked for."),
    Metric(
        "daybreak_shed", "Requests refused to protect the others, by reason.", "counter",
        ("reason",), _by("concurrency", "user_rate", "client_rate", "intake_full"),
    ),
    Metric("daybreak_swaps", "Releases that began to be served, over all workers."),
    Metric("daybreak_swap_seconds", "From seeing a release to serving it.", "histogram"),
    Metric("daybreak_release_published_at", "When the served release was published, Unix time; "
           "the earliest among the workers.", "smallest"),
    Metric("daybreak_release_age_seconds", "Time since the served release was published; absent "
           "while none is served.", "derived"),
    Metric("daybreak_release_info", "1, with the id of the release that the answering worker "
           "serves.", "derived", ("release",)),
    Metric("daybreak_releases_refused", "Standing releases that did not verify.", "largest"),
    Metric("daybreak_workers", "Worker processes that the server is to have.", "derived"),
    Metric("daybreak_worker_starts", "Worker processes that began; more than there are to be: one "
           "died and was replaced."),
    Metric("daybreak_look_failures", "Looks at the release log or the tombstones that failed."),
    Metric("daybreak_location_failures", "Looks at the releases' location that failed."),
    Metric("daybreak_location_seen_at", "When the log at the releases' location was last followed, "
           "Unix time, the start where it never was; the earliest among the workers, absent where "
           "no location is set.", "smallest"),
    Metric(
        "daybreak_intake_events", "Events posted, by what became of them.", "counter",
        ("outcome",), _by("accepted", "hidden", "refused"),
    ),
    Metric("daybreak_intake_commit_seconds", "Writing and flushing one group of events.",
           "histogram"),
    Metric("daybreak_intake_failures", "Groups of events that the disk refused."),
    Metric("daybreak_intake_unsealed_since", "When the oldest event came that is not sealed into "
           "the landing zone, Unix time; absent while there is none.", "smallest"),
    Metric(
        "daybreak_impressions", "Served lists noted for the impression log, by what became of "
        "them.", "counter", ("outcome",), _by("written", "dropped"),
    ),
)  # fmt: skip
