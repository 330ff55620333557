from dataclasses import FrozenInstanceError

import pytest

from core import columns
from core.columns import ACTIONS, Column
from core.transform_settings import ActionSettings

DEFINED = {name: value for name, value in vars(columns).items() if isinstance(value, Column)}


def test_a_constant_is_named_as_its_column() -> None:
    assert {name: column.name for name, column in DEFINED.items() if name != "TABLE_NAME"} == {
        name: name.lower() for name in DEFINED if name != "TABLE_NAME"
    }
    assert columns.TABLE_NAME.name == "table"


def test_every_column_says_in_a_sentence_what_it_means() -> None:
    for column in DEFINED.values():
        assert column.meaning[0].isupper() or column.meaning[0] in "`1", column
        assert column.meaning.endswith("."), column
        assert "\n" not in column.meaning


def test_limits_are_ordered_and_on_numbers_alone() -> None:
    for column in DEFINED.values():
        if column.minimum is not None and column.maximum is not None:
            assert column.minimum < column.maximum
        if column.minimum is not None:
            assert column.dtype.startswith(("int", "float"))


def test_an_optional_column_is_the_same_but_for_null() -> None:
    optional = columns.SCORE.optional()
    assert (optional.nullable, columns.SCORE.nullable) == (True, False)
    assert (optional.name, optional.dtype) == ("score", "float64")
    assert optional.required() == columns.SCORE


def test_a_column_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        columns.SCORE.nullable = True  # type: ignore[misc]  # that is the point


def test_every_action_has_a_weight() -> None:
    weighed = set(ActionSettings.model_fields) - {"rating_positive_from", "rating_negative_to"}
    assert {name.partition("_")[0] for name in weighed} == set(ACTIONS)
