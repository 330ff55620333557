"""Token buckets that all workers share, in constant memory.

A bucket is one number, the moment at which it will be full again (the generic cell rate algorithm:
a request is granted while that moment is no further away than the burst lasts). A name has two
cells by its keyed hash, and the fuller of the two decides, so that a crowd of other names cannot
use up someone's bucket (a count-min sketch with conservative update). Nobody waits for a lock: of
two workers that charge one bucket within the same microsecond one charge may be lost.
"""

from serving.web.shared_memory import SharedMemory

N_CELLS = 1 << 18
"""Cells of one set of buckets: 2 MiB."""


class TokenBuckets:
    """The buckets of one kind of name.

    Args:
        shared: the memory that all workers see.
        region: its region, of `N_CELLS`.
        rate: requests a second that a name may make in the long run; 0: as many as it likes.
        burst: requests that it may make at once.
    """

    def __init__(self, shared: SharedMemory, region: str, rate: float, burst: int) -> None:
        self._cells = shared.times(region)
        self.is_limited = rate > 0
        self._cost = 1 / rate if rate else 0.0
        self._depth = burst * self._cost

    def wait(self, name: str, now: float, n: int = 1, *, take: bool = True) -> float:
        """Takes n tokens; returns 0, or the seconds until they will be there, taking none.

        Args:
            name: whose; hashed with a secret that the forked workers share.
            now: monotonic seconds.
            n: how many, at most the burst.
            take: False only to look.
        """
        cells = self._cells
        key = hash(name)
        one, two = key & (N_CELLS - 1), (key >> 32) & (N_CELLS - 1)
        first, second = cells[one], cells[two]
        full_at = first if first < second else second
        full_at = (full_at if full_at > now else now) + n * self._cost
        if full_at - now > self._depth + 1e-9:
            return full_at - now - self._depth
        if not take:
            return 0.0
        # Read anew: another worker may have charged it since, and must not be undone.
        if full_at > cells[one]:
            cells[one] = full_at
        if full_at > cells[two]:
            cells[two] = full_at
        return 0.0
