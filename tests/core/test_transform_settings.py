"""Settings of actions, cleaning and features: defaults, limits, and what they refuse."""

import pytest
from pydantic import ValidationError

from core.transform_settings import (
    ActionSettings,
    BotSettings,
    CleaningSettings,
    FeatureSettings,
)


def test_default_weights_in_millionths() -> None:
    actions = ActionSettings()
    names = ["impression", "click", "view", "purchase", "like", "dislike", "hide"]
    assert {name: actions.micro(name) for name in names} == {
        "impression": 0,
        "click": 1_000_000,
        "view": 1_000_000,
        "purchase": 5_000_000,
        "like": 4_000_000,
        "dislike": -4_000_000,
        "hide": -5_000_000,
    }
    assert ActionSettings(click=0.1).micro("click") == 100_000


def test_rating_limits_must_not_cross() -> None:
    with pytest.raises(ValidationError, match=r"rating_negative_to 4\.0 must lie below"):
        ActionSettings(rating_negative_to=4.0, rating_positive_from=4.0)


@pytest.mark.parametrize(
    ("section", "values"),
    [
        (ActionSettings, {"clicks": 1.0}),
        (ActionSettings, {"click": float("nan")}),
        (ActionSettings, {"hide": -1001.0}),
        (BotSettings, {"fast_gap_share": 1.5}),
        (BotSettings, {"threshold": -1}),
        (CleaningSettings, {"bot": {}}),
        (FeatureSettings, {"half_life_days": 0.0}),
        (FeatureSettings, {"recent_factor": 0.5}),
        (FeatureSettings, {"recent_items": 0}),
    ],
)
def test_what_cannot_be_meant_is_refused(section: type, values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        section(**values)


@pytest.mark.parametrize(
    "section", [ActionSettings, BotSettings, CleaningSettings, FeatureSettings]
)
def test_every_setting_says_what_it_means(section: type) -> None:
    for name, field in section.model_fields.items():  # type: ignore[attr-defined]
        assert field.description, name


def test_no_weak_signals_alone_make_a_bot() -> None:
    bots = BotSettings()
    decisive = {"crawler_agent", "reused_ids"}
    points = {
        name: getattr(bots, name)
        for name in (
            "fast_gaps", "regular_gaps", "shared_prefix", "unprompted", "clicks_all",
            "ignores_all", "high_rate", "few_items", "all_items", "no_night",
        )
    }  # fmt: skip
    assert all(getattr(bots, name) >= bots.threshold for name in decisive)
    assert all(value < bots.threshold for value in points.values())
