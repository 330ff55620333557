"""The examples in the docstrings hold."""

import doctest
import importlib
import pkgutil

import pytest

import assets.ingest

MODULES = [name for _, name, _ in pkgutil.iter_modules(assets.ingest.__path__)]


@pytest.mark.parametrize("name", [name for name in MODULES if name not in ("assets", "stage")])
def test_examples(name):
    outcome = doctest.testmod(importlib.import_module(f"assets.ingest.{name}"))
    assert outcome.failed == 0
