"""`daybreak bench daily` in its smallest form: real figures of every stage."""

import json

from benchmarks.daily import stages


def test_every_stage_is_measured_against_the_peer(daybreak):
    told = daybreak("bench", "daily", "--events", "12000", "--items", "300", "--json")
    assert told.code == 0, told.err
    document = json.loads(told.out)
    (size,) = document["sizes"]
    assert [stage["stage"] for stage in size["stages"]] == [
        "landing", *(make.__name__.removeprefix("make_") for make in stages()),
    ]  # fmt: skip
    assert all(stage["peak_mb"] > 50 for stage in size["stages"])
    total = sum(stage["seconds"] for stage in size["stages"])
    assert abs(total - size["seconds"]) < 0.1 * len(size["stages"])
    assert size["events"] > 1_000
    assert size["polars_pass_seconds"] > 0
    assert size["ratio_polars_pass"] > 1
    assert "growth_exponent" not in document
