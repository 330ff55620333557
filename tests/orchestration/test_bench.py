"""`daybreak bench` in its smallest form: real figures of every script."""

import json
import shutil

import pytest

from benchmarks.daily import stages
from tests.needed import missing


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


def test_the_service_is_held_against_its_peers(daybreak):
    if shutil.which("wrk") is None:
        missing("there is no wrk program on the PATH")
    told = daybreak(
        "bench", "serving", "--users", "2000", "--items", "400", "--rounds", "1", "--seconds", "1",
        "--open-seconds", "1", "--json",
    )  # fmt: skip
    assert told.code == 0, told.err
    document = json.loads(told.out)
    contenders, skipped = document["contenders"], document["skipped"]
    assert {"bare", "everything", "session"} <= set(contenders)
    assert set(contenders) | set(skipped) == {
        "bare", "everything", "session", "nginx", "fastapi_redis",
    }  # fmt: skip
    assert not set(contenders) & set(skipped)
    assert 1_500 < document["answer_bytes"] < 5_000
    for one in contenders.values():
        assert one["requests_per_second"]["median"] > 0
        assert (one["not_2xx"], one["failed"]) == (0, 0)
        assert one["seconds_to_ready"] > 0
        assert all(0 < worker["beyond_page_cache"] < 1_000 for worker in one["workers_mb"])
    if "nginx" in contenders:
        pair = [contenders[x]["requests_per_second"]["median"] for x in ("everything", "nginx")]
        assert document["ratio_nginx"] == pytest.approx(pair[0] / pair[1], rel=0.01)
        assert document["ratio_nginx_bare"] > 0
        assert document["ratio_nginx_session"] > 0
    if "fastapi_redis" in contenders:
        assert document["ratio_fastapi_redis"] > 0
    loop = document["open_loop"]
    assert loop["statuses"] == {"200": loop["requests"]}
    assert loop["p50_ms"] <= loop["p99_ms"] <= loop["p99_9_ms"] <= loop["max_ms"]
