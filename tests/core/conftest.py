"""The toy releases, for tests of where releases lie."""

from tests.serving.conftest import toy

__all__ = ["toy"]
