"""How many threads numerics use; results are promised for one machine and thread count."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


def available_threads() -> int:
    """Returns the processors this process may use, at most OMP_NUM_THREADS where that is set."""
    n_processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    n_threads = n_processors or os.cpu_count() or 1
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    return min(n_threads, int(wanted)) if wanted.isdigit() and int(wanted) else n_threads


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keeps BLAS to one thread, for code that runs its own threads around small products."""
    with threadpool_limits(limits=1, user_api="blas"):
        yield
