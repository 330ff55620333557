"""What is missing skips a test, and fails it where the full form was asked for."""

import pytest

from tests import needed


def test_a_plain_run_skips_and_a_full_one_fails(monkeypatch):
    monkeypatch.setattr(needed, "is_full", False)
    with pytest.raises(pytest.skip.Exception, match="no such program"):
        needed.missing("no such program")
    monkeypatch.setattr(needed, "is_full", True)
    with pytest.raises(pytest.fail.Exception, match="no such program; the full form needs it"):
        needed.missing("no such program")


def test_it_is_told_what_was_asked_for(pytestconfig):
    assert needed.is_full == pytestconfig.getoption("--full")
