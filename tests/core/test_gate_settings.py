import tomllib

import pytest
from pydantic import ValidationError

from core.gate_settings import GateSettings


def test_defaults_are_the_promised_limits():
    assert GateSettings().model_dump() == {
        "quality_metric": "ndcg@10",
        "margin": 0.05,
        "min_gain_over_popularity": 0.0001,
        "min_coverage_ratio": 0.92,
        "min_users_covered_ratio": 0.92,
        "items_ratio_range": (0.82, 1.18),
        "min_list_overlap": 0.3,
        "max_empty_lists": 0.001,
        "max_seen_items": 0,
        "max_non_finite": 0,
    }


def test_a_toml_table_is_read():
    table = tomllib.loads('quality_metric = "recall@20"\nitems_ratio_range = [0.5, 2.0]\n')
    settings = GateSettings(**table)
    assert settings.quality_metric == "recall@20"
    assert settings.items_ratio_range == (0.5, 2.0)


def test_every_limit_says_what_it_means():
    for name, field in GateSettings.model_fields.items():
        assert field.description, name


@pytest.mark.parametrize(
    "table",
    [
        {"margn": 0.1},
        {"margin": -0.1},
        {"margin": float("nan")},
        {"min_gain_over_popularity": 0.0},
        {"min_coverage_ratio": float("inf")},
        {"items_ratio_range": [1.2, 0.8]},
        {"items_ratio_range": [0.8]},
        {"max_seen_items": -1},
        {"quality_metric": "auc"},
        {"quality_metric": "ndcg@5"},
    ],
)
def test_limits_that_cannot_be_meant_are_refused(table):
    with pytest.raises(ValidationError):
        GateSettings(**table)


def test_limits_cannot_be_changed_in_passing():
    with pytest.raises(ValidationError):
        GateSettings().margin = 0.5
