"""Counts of all workers in shared memory, and their exposition: Prometheus' only home here.

Each worker adds to cells of its own row; whoever is scraped sums the rows of all. An addition is
one indexed store, a hundredth of what the library's own counters take across processes.
"""

import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family

from serving.web.metric_table import METRICS, SECONDS, Metric
from serving.web.shared_memory import SharedMemory

REGION = "metrics"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BOUNDS_NS = [int(bound * 1e9) for bound in SECONDS]


def _places() -> tuple[dict[tuple[str, ...], int], int]:
    """Returns the first cell of every series by its metric's name and labels, and their number."""
    places: dict[tuple[str, ...], int] = {}
    n_cells = 0
    for metric in METRICS:
        for labels in metric.series:
            places[metric.name, *labels] = n_cells
            n_cells += metric.n_cells
    return places, n_cells


_PLACES, N_CELLS = _places()


class Metrics:
    """One worker's counts, and those of all.

    Attributes:
        cells: this worker's, to add to: `cells[place("daybreak_answers", "personal")] += 1`.
        release: id of the release that this worker serves; empty for none.
    """

    def __init__(self, shared: SharedMemory, row: int) -> None:
        self._all = shared.counts(REGION)
        self._n_rows = shared.n_workers
        self.release = ""
        self.cells = self._all[row * N_CELLS : (row + 1) * N_CELLS]
        for metric in METRICS:  # a number that a dead predecessor stated is true no more
            if metric.kind in ("largest", "smallest"):
                for labels in metric.series:
                    self.cells[place(metric.name, *labels)] = 0

    def add(self, name: str, *labels: str, n: int = 1) -> None:
        """Adds to a counter."""
        self.cells[_PLACES[name, *labels]] += n

    def state(self, name: str, value: float) -> None:
        """States a number anew, in whole units; 0 for none."""
        self.cells[_PLACES[name,]] = max(0, int(value))

    def observe(self, first: int, nanoseconds: int) -> None:
        """Counts one duration in the histogram whose first cell is given."""
        cells = self.cells
        cells[first + bisect_left(_BOUNDS_NS, nanoseconds)] += 1
        cells[first + len(_BOUNDS_NS) + 1] += nanoseconds

    def total(self, name: str, *labels: str) -> int:
        """Returns a counter over all workers."""
        return sum(self._all[n * N_CELLS + _PLACES[name, *labels]] for n in range(self._n_rows))

    def exposition(self) -> bytes:
        """Returns all metrics of all workers in Prometheus' text format."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return generate_latest(registry)

    def collect(self) -> Iterator[Family]:
        """Yields all families: what the library asks of a collector."""
        rows = [self._all[n * N_CELLS : (n + 1) * N_CELLS].tolist() for n in range(self._n_rows)]
        for metric in METRICS:
            yield self._derived(metric, rows) if metric.kind == "derived" else _family(metric, rows)

    def _derived(self, metric: Metric, rows: list[list[int]]) -> Family:
        gauge = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
        match metric.name:
            case "daybreak_release_age_seconds":
                if published := _stated("daybreak_release_published_at", rows):
                    gauge.add_metric([], max(0.0, time.time() - min(published)))
            case "daybreak_release_info":
                if self.release:
                    gauge.add_metric([self.release], 1)
            case "daybreak_workers":
                gauge.add_metric([], self._n_rows)
            case other:
                raise AssertionError(f"nothing derives {other}")
        return gauge


def place(name: str, *labels: str) -> int:
    """Returns the first cell of a series."""
    return _PLACES[name, *labels]


def _stated(name: str, rows: Iterable[list[int]]) -> list[int]:
    return [value for row in rows if (value := row[_PLACES[name,]])]


def _family(metric: Metric, rows: list[list[int]]) -> Family:
    if metric.kind in ("largest", "smallest"):
        gauge = GaugeMetricFamily(metric.name, metric.help)
        stated = _stated(metric.name, rows)
        if metric.kind == "largest":
            gauge.add_metric([], max(stated, default=0))
        elif stated:
            gauge.add_metric([], min(stated))
        return gauge
    if metric.kind == "counter":
        counter = CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
        for labels in metric.series:
            total = sum(row[_PLACES[metric.name, *labels]] for row in rows)
            if total or len(metric.series) < 10:
                counter.add_metric(labels, total)
        return counter
    histogram = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
    for labels in metric.series:
        first = _PLACES[metric.name, *labels]
        cells = [sum(row[first + n] for row in rows) for n in range(metric.n_cells)]
        buckets, n = [], 0
        for bound, count in zip([*map(str, SECONDS), "+Inf"], cells[:-1], strict=True):
            n += count
            buckets.append((bound, float(n)))
        histogram.add_metric(labels, buckets, cells[-1] / 1e9)
    return histogram
