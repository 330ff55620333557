import itertools
import json

import pytest

from assets.evaluation.protocol import (
    PER_USER,
    ROLLING,
    TIME_SPLIT,
    Fold,
    Folds,
    per_user,
    rolling,
    time_split,
)
from core.days import DAY_US, day_start_us, parse_day

D = day_start_us(parse_day("2024-03-10"))


def day(text: str) -> int:
    return day_start_us(parse_day(text))


def test_the_three_cuts() -> None:
    folds = time_split(D, 7)
    assert folds.protocol == TIME_SPLIT == "time split"
    assert folds.folds == (
        Fold("label", "label", day("2024-02-25"), day("2024-03-03")),
        Fold("test", "test", day("2024-03-03"), day("2024-03-10")),
        Fold("release", "release", day("2024-03-10"), day("2024-03-10")),
    )
    assert not folds.per_user


def test_rolling_tests_are_one_day_each_without_gaps_and_end_at_d() -> None:
    folds = rolling(D, 60)
    assert folds.protocol == ROLLING
    tests = folds.of("test")
    assert len(tests) == 60
    assert (tests[0].name, tests[-1].name) == ("test-000", "test-059")
    assert tests[0].fit_before_us == day("2024-01-10")
    assert tests[-1].truth_until_us == D
    assert all(fold.truth_until_us - fold.fit_before_us == DAY_US for fold in tests)
    assert all(one.truth_until_us == two.fit_before_us for one, two in itertools.pairwise(tests))


def test_rolling_labels_end_where_the_first_test_begins() -> None:
    (label,) = rolling(D, 60).of("label")
    assert (label.fit_before_us, label.truth_until_us) == (day("2023-12-11"), day("2024-01-10"))
    (label,) = rolling(D, 1).of("label")
    assert (label.fit_before_us, label.truth_until_us) == (day("2024-03-08"), day("2024-03-09"))


def test_folds_can_be_left_out_by_name() -> None:
    folds = rolling(D, 3).without({"test-001"})
    assert folds.protocol == ROLLING
    assert [fold.name for fold in folds.folds] == ["label", "test-000", "test-002", "release"]


def test_per_user_folds_hold_out_by_level() -> None:
    folds = per_user(D)
    assert folds.protocol == PER_USER == "per-user, not time-safe"
    assert folds.per_user
    assert folds.folds == (
        Fold("label", "label", D, D, (), 2),
        Fold("test", "test", D, D, (2,), 1),
        Fold("release", "release", D, D, (1, 2), 0),
    )


@pytest.mark.parametrize("folds", [time_split(D, 7), rolling(D, 3), per_user(D)])
def test_every_protocol_fits_labels_then_tests_then_the_release(folds: Folds) -> None:
    roles = [fold.role for fold in folds.folds]
    assert roles == sorted(roles, key=("label", "test", "release").index)
    assert roles.count("label") == roles.count("release") == 1
    assert folds.release is folds.folds[-1]
    assert folds.release.fit_before_us == D
    for fold in folds.folds:
        assert fold.fit_before_us <= fold.truth_until_us <= D


@pytest.mark.parametrize("folds", [time_split(D, 7), rolling(D, 2), per_user(D)])
def test_folds_come_back_from_json(folds: Folds) -> None:
    assert Folds.from_json(json.loads(json.dumps(folds.to_json()))) == folds
