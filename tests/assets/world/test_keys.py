import numpy as np
import polars as pl
import pytest

from assets.world.keys import hex_ids, mix, numbers_of, pack_key, uniform, user_ids


def test_keys_of_different_places_differ():
    parts = [
        pack_key(day, stream, block, np.arange(50))
        for day in (0, 1, 16_383)
        for stream in (0, 9, 31)
        for block in (0, 8_191)
    ]
    keys = np.concatenate(parts)
    assert len(np.unique(keys)) == len(keys)
    assert len(set(hex_ids(mix(keys, 7)).to_pylist())) == len(keys)


@pytest.mark.parametrize("place", [(16_384, 0, 0), (0, 32, 0), (0, 0, 8_192), (-1, 0, 0)])
def test_a_part_that_does_not_fit_is_refused(place):
    with pytest.raises(ValueError, match="does not fit"):
        pack_key(*place, np.arange(1))


def test_hashed_draws_are_uniform_and_repeatable():
    keys = np.arange(100_000, dtype=np.uint64)
    draws = uniform(keys, 3)
    assert 0.0 <= draws.min() < draws.max() < 1.0
    assert np.histogram(draws, 10, (0, 1))[0] == pytest.approx(10_000, rel=0.05)
    assert (uniform(keys[::-1], 3)[::-1] == draws).all()
    assert abs(np.corrcoef(draws, uniform(keys, 4))[0, 1]) < 0.02


def test_ids_and_numbers_are_one_to_one():
    assert user_ids(999_999, 1_000_001).to_list() == ["u999999", "u1000000"]
    assert numbers_of(user_ids(999_999, 1_000_001)).tolist() == [999_999, 1_000_000]


def test_an_id_of_another_world_is_refused():
    with pytest.raises(pl.exceptions.InvalidOperationError):
        numbers_of(pl.Series(["visitor-7"]))
