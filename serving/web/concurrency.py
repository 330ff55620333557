"""How many requests a worker has in progress, and when that is too many.

What never waits and what does are counted apart: however many posts stand about for their bodies
or for the disk, lists are answered.
"""

import asyncio


class Concurrency:
    """Counts what came together: a worker refuses what it could answer only late.

    The hot path never waits, so what is in progress beside the request at hand lies in the event
    loop's queue. Requests that came while the loop took one turn are answered in the next: their
    number within a turn is their concurrency.

    Args:
        most: requests in progress at once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._in_turn = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Says in which loop the requests come."""
        self._loop = loop

    def admits(self) -> bool:
        """Returns whether one more request may be answered, and counts it."""
        if not self._in_turn and self._loop is not None:
            self._loop.call_soon(self._end_turn)
        self._in_turn += 1
        return self._in_turn <= self._most

    def _end_turn(self) -> None:
        self._in_turn = 0


class Waiting:
    """Counts what waits, for a body, the disk or a thread, until it is done; as a context.

    Args:
        most: requests that may wait at once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._n = 0

    @property
    def is_full(self) -> bool:
        """Returns whether no more may wait."""
        return self._n >= self._most

    def __enter__(self) -> None:
        """Counts one that waits."""
        self._n += 1

    def __exit__(self, *_: object) -> None:
        """Counts it no more."""
        self._n -= 1
