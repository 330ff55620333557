"""Who makes artefacts, and who rewrites them: never both at once in a home.

The lock ends with its process, however that ends.
"""

import contextlib
import fcntl
from collections.abc import Iterator

from core.home import Home


@contextlib.contextmanager
def no_rewriting(home: Home) -> Iterator[None]:
    """Keeps stored versions as they are while one more is made from them; many may do so."""
    with _held(home, fcntl.LOCK_SH):
        yield


@contextlib.contextmanager
def rewriting(home: Home) -> Iterator[None]:
    """Waits until nothing is being made, and lets nothing begin; one at a time."""
    with _held(home, fcntl.LOCK_EX):
        yield


@contextlib.contextmanager
def _held(home: Home, how: int) -> Iterator[None]:
    home.root.mkdir(parents=True, exist_ok=True)
    with (home.root / ".lock").open("ab") as lock:
        fcntl.flock(lock, how)
        yield
