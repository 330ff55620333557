"""The examples in the docstrings hold; the rest is tested where erased users are found."""

import doctest

from core import ids_in_text, raw_records


def test_examples():
    assert doctest.testmod(ids_in_text).failed == 0
    assert doctest.testmod(raw_records).failed == 0
