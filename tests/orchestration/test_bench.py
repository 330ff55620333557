"""`daybreak bench` in its smallest form: real figures of every script."""

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


def test_a_release_is_built_verified_and_held_against_its_peers(daybreak):
    told = daybreak(
        "bench", "release", "--users", "300", "--items", "400", "--workers", "1", "2", "--json"
    )
    assert told.code == 0, told.err
    (size,) = json.loads(told.out)["sizes"]
    assert [build["workers"] for build in size["builds"]] == [1, 2]
    one, two = size["builds"]
    assert one["record_bytes_per_user"] == two["record_bytes_per_user"] == 4 + 50 * 6 + 10 * 2
    assert one["hot_bytes_per_user"] > one["record_bytes_per_user"]
    rates = ("verified_mb_per_second", "sha256sum_mb_per_second", "sqlite_users_per_second")
    assert all(size[rate] > 0 for rate in rates)
