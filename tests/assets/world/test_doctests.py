import doctest
import importlib

import pytest


@pytest.mark.parametrize("name", ["columns", "events", "growth", "keys"])
def test_examples_in_docstrings_hold(name):
    result = doctest.testmod(importlib.import_module(f"assets.world.{name}"))
    assert (result.failed, result.attempted > 0) == (0, True)
