import math

import pytest

from core.errors import UnsafeName
from core.ids import canonical_json, digest, safe_name
from tests.nasty import NASTY


@pytest.mark.parametrize("name", NASTY, ids=lambda name: ascii(name)[:30])
def test_a_name_that_could_leave_its_folder_is_refused(name: str) -> None:
    with pytest.raises(UnsafeName, match="is not allowed: use 1 to 128 of") as refusal:
        safe_name(name)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 1000
    assert refusal.value.exit_code == 2


def test_there_are_enough_of_them() -> None:
    assert len(set(NASTY)) >= 60


@pytest.mark.parametrize("name", ["a", "7", "als", "2024-03-10", "a.b", "a_b-c.d", "x" * 128, "A."])
def test_a_plain_name_is_returned_as_it_is(name: str) -> None:
    assert safe_name(name) == name


def test_one_spelling_of_a_json_value() -> None:
    assert canonical_json({"b": [1, 2.5, None, True], "a": "é"}) == (
        '{"a":"é","b":[1,2.5,null,true]}'.encode()
    )
    assert canonical_json({"a": 1, "b": 2}) == canonical_json({"b": 2, "a": 1})


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="Out of range float"):
        canonical_json({"a": [number]})


def test_the_digest_is_sha_256_of_that_spelling() -> None:
    # printf '{"a":1}' | sha256sum
    expected = "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"
    assert digest({"a": 1}) == expected
    assert digest({"a": 1}) != digest({"a": 1.0})
    assert digest({"a": (1, 2)}) == digest({"a": [1, 2]})
