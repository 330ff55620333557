"""Counts what the intake's threads do; each number is written by one thread alone."""

from serving.web.metrics import Metrics, place


class IntakeMetrics:
    """An observer of one worker's intake."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._seconds = place("daybreak_intake_commit_seconds")

    def committed(self, nanoseconds: int) -> None:
        """Counts a group of events that is on the disk."""
        self._metrics.observe(self._seconds, nanoseconds)

    def failed(self) -> None:
        """Counts a group of events that the disk refused."""
        self._metrics.add("daybreak_intake_failures")

    def unsealed_since(self, unix_time: float) -> None:
        """States when the first event came that is in no landed segment; 0 while there is none."""
        self._metrics.state("daybreak_intake_unsealed_since", unix_time)

    def logged(self, n_written: int, n_dropped: int) -> None:
        """Counts answers of the impression log."""
        self._metrics.add("daybreak_impressions", "written", n=n_written)
        self._metrics.add("daybreak_impressions", "dropped", n=n_dropped)
