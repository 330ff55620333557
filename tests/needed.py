"""What a test needs of the machine: without it a plain run skips the test, a full one fails."""

from typing import NoReturn

import pytest

is_full = False
"""Whether `--full` was given: a run that is to prove something must not be green without proof."""


def missing(what: str) -> NoReturn:
    """Skips the running test, saying what it lacks; under `--full` fails it."""
    if is_full:
        pytest.fail(f"{what}; the full form needs it")
    pytest.skip(what)
