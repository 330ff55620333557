import pytest
from pydantic import ValidationError

import core.model_settings as module
from core.model_settings import (
    AlsSettings,
    NeighboursSettings,
    PopularitySettings,
    RankerSettings,
    TwoTowerSettings,
)

EVERY = (PopularitySettings, AlsSettings, NeighboursSettings, TwoTowerSettings, RankerSettings)


@pytest.mark.parametrize("kind", EVERY)
def test_every_field_says_what_it_means_and_the_defaults_are_valid(kind):
    assert kind.__module__ == module.__name__
    for name, field in kind.model_fields.items():
        assert field.description, name
    assert kind.model_validate(kind().model_dump()) == kind()


@pytest.mark.parametrize("kind", EVERY)
def test_unknown_keys_and_changes_are_refused(kind):
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        kind(surprise=1)
    with pytest.raises(ValidationError, match="frozen"):
        setattr(kind(), next(iter(kind.model_fields)), 1)


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        (AlsSettings, "regularization", 0.0),
        (AlsSettings, "alpha", float("nan")),
        (AlsSettings, "epochs", 0),
        (NeighboursSettings, "n_neighbours", 0),
        (TwoTowerSettings, "history_dropout", 1.0),
        (TwoTowerSettings, "temperature", float("inf")),
        (TwoTowerSettings, "learning_rate", -0.1),
        (RankerSettings, "row_share", 0.0),
        (PopularitySettings, "recent_days", 0),
    ],
)
def test_values_out_of_range_are_refused(kind, field, value):
    with pytest.raises(ValidationError, match=field):
        kind(**{field: value})
