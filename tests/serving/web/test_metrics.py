from prometheus_client.parser import text_string_to_metric_families

from serving.web.metric_table import METRICS
from serving.web.metrics import N_CELLS, REGION, Metrics, place
from serving.web.shared_memory import SharedMemory


def two_workers():
    shared = SharedMemory(2, {REGION: 2 * N_CELLS})
    return Metrics(shared, 0), Metrics(shared, 1)


def series(metrics):
    found = {}
    for family in text_string_to_metric_families(metrics.exposition().decode()):
        for sample in family.samples:
            found[sample.name, *sample.labels.values()] = sample.value
    return found


def test_every_worker_tells_of_all():
    one, two = two_workers()
    one.add("daybreak_answers", "personal", n=3)
    two.cells[place("daybreak_answers", "personal")] += 4
    two.add("daybreak_requests", "events", "202")
    for worker in (one, two):
        found = series(worker)
        assert found["daybreak_answers_total", "personal"] == 7
        assert found["daybreak_answers_total", "trending"] == 0
        assert found["daybreak_requests_total", "events", "202"] == 1


def test_a_histogram_adds_up():
    one, two = two_workers()
    first = place("daybreak_request_seconds", "recommendations")
    one.observe(first, 100_000)  # on the bound: in it
    one.observe(first, 100_001)
    two.observe(first, 60_000_000_000)
    found = series(two)
    name = "daybreak_request_seconds"
    route = "recommendations"
    assert found[f"{name}_bucket", "0.0001", route] == 1
    assert found[f"{name}_bucket", "0.00025", route] == 2
    assert found[f"{name}_bucket", "10.0", route] == 2
    assert found[f"{name}_bucket", "+Inf", route] == 3
    assert found[f"{name}_count", route] == 3
    assert found[f"{name}_sum", route] == 60.000200001


def test_stated_numbers_are_not_added_up():
    one, two = two_workers()
    assert ("daybreak_release_age_seconds",) not in series(one)
    one.state("daybreak_release_published_at", 2_000)
    two.state("daybreak_release_published_at", 1_000)
    one.state("daybreak_releases_refused", 1)
    found = series(two)
    assert found["daybreak_release_published_at",] == 1_000
    assert found["daybreak_release_age_seconds",] > 1_000_000_000
    assert found["daybreak_releases_refused",] == 1


def test_a_respawned_worker_keeps_its_counts_and_states_anew():
    shared = SharedMemory(1, {REGION: N_CELLS})
    before = Metrics(shared, 0)
    before.add("daybreak_swaps")
    before.state("daybreak_release_published_at", 5)
    found = series(Metrics(shared, 0))
    assert found["daybreak_swaps_total",] == 1
    assert ("daybreak_release_published_at",) not in found


def test_what_is_derived_is_there_once_there_is_something_to_derive_it_from():
    one, _ = two_workers()
    assert series(one)["daybreak_workers",] == 2
    assert not any(key[0] == "daybreak_release_info" for key in series(one))
    one.release = "1970-01-11.abc"
    assert series(one)["daybreak_release_info", "1970-01-11.abc"] == 1


def test_the_series_have_the_names_that_the_table_says():
    one, _ = two_workers()
    one.release = "1970-01-11.abc"
    for metric in METRICS:
        if metric.kind == "smallest":
            one.state(metric.name, 1)
        elif metric.kind == "counter":
            one.add(metric.name, *metric.series[0])
    assert {key[0] for key in series(one)} == {name for x in METRICS for name in x.names}


def test_no_metric_is_there_twice():
    names = [metric.name for metric in METRICS]
    assert sorted(set(names)) == sorted(names)
    assert all(len(set(metric.series)) == len(metric.series) for metric in METRICS)
