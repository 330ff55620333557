"""Every limit of the gate's table has a case in which it alone says no."""

import json
import math

import numpy as np
import pytest

from assets.publication.gate import LIMITS, evaluate_gate
from core.gate_settings import GateSettings

GOOD = {
    "quality_lower": 0.01,
    "quality_power": 0.83,
    "quality_users": 671,
    "popularity_gain_lower": 0.02,
    "popularity_gain_users": 671,
    "coverage_ratio": 1.0,
    "users_covered_ratio": 1.0,
    "items_ratio": 1.0,
    "list_overlap": 0.6,
    "empty_list_share": 0.0,
    "seen_items": 0,
    "non_finite_numbers": 0,
    "null_keys": 0,
    "doubled_keys": 0,
    "packed_unlike_tables": 0,
}
CHECKS = {"events_valid": True, "lists_valid": True}


def judge(changes=None, *, checks=CHECKS, first=False, **settings):
    measurements = {**GOOD, **(changes or {})}
    return evaluate_gate(
        measurements, GateSettings(**settings), required_checks=checks, first_release=first
    )


def failed(verdict):
    return [row.name for row in verdict.failed_rows]


@pytest.mark.parametrize("first", [True, False])
def test_good_numbers_pass(first):
    verdict = judge(first=first)
    assert verdict.passed
    assert verdict.failure_line() is None
    verdict.require_passed()


def test_the_rows_of_a_later_and_of_a_first_release():
    assert [row.name for row in judge().rows] == [
        "quality_lower",
        "coverage_ratio",
        "users_covered_ratio",
        "items_ratio:low",
        "items_ratio:high",
        "list_overlap",
        "empty_list_share",
        "seen_items",
        "non_finite_numbers",
        "null_keys",
        "doubled_keys",
        "packed_unlike_tables",
        "checks",
        "check:events_valid",
        "check:lists_valid",
    ]
    assert [row.name for row in judge(first=True).rows] == [
        "popularity_gain_lower",
        "empty_list_share",
        "seen_items",
        "non_finite_numbers",
        "null_keys",
        "doubled_keys",
        "packed_unlike_tables",
        "checks",
        "check:events_valid",
        "check:lists_valid",
    ]


@pytest.mark.parametrize(
    ("name", "value", "first"),
    [
        ("quality_lower", -0.15, False),
        ("popularity_gain_lower", -0.001, True),
        ("popularity_gain_lower", 0.0, True),
        ("coverage_ratio", 0.9, False),
        ("users_covered_ratio", 0.9, False),
        ("items_ratio:low", 0.8, False),
        ("items_ratio:high", 1.2, False),
        ("list_overlap", 0.29, False),
        ("empty_list_share", 0.002, False),
        ("empty_list_share", 0.002, True),
        ("seen_items", 1, False),
        ("seen_items", 1, True),
        ("non_finite_numbers", 3, False),
        ("null_keys", 1, False),
        ("doubled_keys", 1, True),
        ("packed_unlike_tables", 1, True),
    ],
)
def test_each_limit_says_no_alone(name, value, first):
    verdict = judge({name.partition(":")[0]: value}, first=first)
    assert not verdict.passed
    assert failed(verdict) == [name]


def test_every_limit_of_the_table_is_tried_above():
    assert {limit.name for limit in LIMITS} == {
        "quality_lower",
        "popularity_gain_lower",
        "coverage_ratio",
        "users_covered_ratio",
        "items_ratio:low",
        "items_ratio:high",
        "list_overlap",
        "empty_list_share",
        "seen_items",
        "non_finite_numbers",
        "null_keys",
        "doubled_keys",
        "packed_unlike_tables",
    }


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf, np.float32("nan"), "1.0"])
@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_a_measurement_that_is_no_finite_number_is_a_no(limit, value):
    verdict = judge({limit.measurement: value}, first=limit.when == "first")
    assert limit.name in failed(verdict)
    row = next(row for row in verdict.failed_rows if row.name == limit.name)
    assert row.value is None
    assert row.note


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_a_missing_measurement_is_a_no(limit):
    measurements = {name: value for name, value in GOOD.items() if name != limit.measurement}
    verdict = evaluate_gate(
        measurements,
        GateSettings(),
        required_checks=CHECKS,
        first_release=limit.when == "first",
    )
    assert limit.name in failed(verdict)


def test_a_missing_baseline_is_a_no():
    relative = dict.fromkeys(
        ("quality_lower", "coverage_ratio", "users_covered_ratio", "items_ratio", "list_overlap")
    )
    assert not judge(relative).passed
    assert judge(relative, first=True).passed


@pytest.mark.parametrize(
    ("result", "value", "note"),
    [
        (False, 0.0, "failed"),
        (np.False_, 0.0, "failed"),
        (None, None, "skipped or without a result"),
        ("true", None, "skipped or without a result"),
        (1, None, "skipped or without a result"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_a_check_that_is_not_true_is_a_no(result, value, note, first):
    verdict = judge(checks={**CHECKS, "bots_valid": result}, first=first)
    assert failed(verdict) == ["check:bots_valid"]
    assert (verdict.failed_rows[0].value, verdict.failed_rows[0].note) == (value, note)


def test_a_numpy_true_is_true():
    assert judge(checks={"events_valid": np.True_}).passed


def test_no_checks_at_all_is_a_no():
    assert failed(judge(checks={})) == ["checks"]


@pytest.mark.parametrize(
    ("changes", "passed"),
    [
        ({"quality_lower": -0.05}, True),
        ({"quality_lower": np.nextafter(-0.05, -1)}, False),
        ({"items_ratio": 0.82}, True),
        ({"items_ratio": 1.18}, True),
        ({"empty_list_share": 0.001}, True),
    ],
)
def test_a_number_exactly_at_its_bar_passes(changes, passed):
    assert judge(changes).passed is passed


def test_bars_come_from_the_settings():
    assert not judge({"quality_lower": -0.08}).passed
    assert judge({"quality_lower": -0.08}, margin=0.1).passed
    verdict = judge({"quality_lower": -0.3}, quality_metric="recall@20")
    assert verdict.failed_rows[0].label == "recall@20 relative difference lower bound"


def test_numbers_that_no_limit_reads_are_ignored():
    assert judge({"gini@10": math.nan, "anything": None}).passed


def test_the_failure_line_names_every_number_bar_and_next_step():
    verdict = judge(
        {"quality_lower": -0.12, "coverage_ratio": math.nan, "seen_items": 4},
        checks={"events_valid": None, "lists_valid": False},
    )
    assert verdict.failure_line() == (
        "gate refused: ndcg@10 relative difference lower bound -0.12 is below -0.05 "
        "(quality_power 0.83, quality_users 671); coverage ratio is missing "
        "(nan is not a finite number), the bar is 0.92; seen items 4 is above 0; "
        "check events_valid is missing (skipped or without a result), the bar is 1; "
        "check lists_valid 0 is below 1 (failed); the current release stays; "
        "next step: read the date's evaluation report and undo what changed the setting or the data"
    )


def test_a_miss_by_less_than_the_rounding_does_not_read_as_a_hit():
    line = judge({"coverage_ratio": 0.92 - 1e-12}).failure_line()
    assert "coverage ratio 0.9199999999990001 is below 0.92;" in line


def test_the_failure_line_stays_one_line():
    line = judge(checks={"odd\nname": False}).failure_line()
    assert "\n" not in line
    assert "check odd name 0 is below 1" in line


def test_the_power_stands_beside_the_quality_even_when_it_passes():
    assert judge().rows[0].note == "quality_power 0.83, quality_users 671"
    assert judge({"quality_power": None}).rows[0].note == (
        "quality_power missing, quality_users 671"
    )


def test_a_verdict_is_plain_json_without_nan():
    document = judge({"quality_lower": math.nan}).to_dict()
    text = json.dumps(document, allow_nan=False)
    assert json.loads(text)["rows"][0]["value"] is None
