"""What the watch over the releases tells Prometheus."""

from serving.current_release import Served
from serving.web.metrics import Metrics, place

_SWAP_SECONDS = place("daybreak_swap_seconds")


class ReleaseMetrics:
    """Notes what a worker's `CurrentRelease` does."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def swapped(self, served: Served, seconds: float) -> None:
        """Notes that a release begins to be served, and how long it took to open."""
        self._metrics.release = served.release.id
        self._metrics.add("daybreak_swaps")
        self._metrics.observe(_SWAP_SECONDS, int(seconds * 1e9))
        self._metrics.state("daybreak_release_published_at", served.published_at)

    def looked(self, n_refused: int) -> None:
        """Notes that the log was read, and how many standing releases are refused."""
        self._metrics.state("daybreak_releases_refused", n_refused)

    def failed(self) -> None:
        """Notes that a log could not be read."""
        self._metrics.add("daybreak_look_failures")
