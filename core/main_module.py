"""A stand-in for the file that `__main__` lacks in worker processes and under `python -c`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def main_with_file() -> Iterator[None]:
    """Gives `__main__` a `__file__` while pyspark is imported, where it has none.

    Without one pyspark 4.3 takes the import for a run of its own doctests and leaves the process
    with exit code 0; Great Expectations imports it wherever it is installed.
    """
    main = sys.modules["__main__"].__dict__
    lacking = "__file__" not in main
    if lacking:
        main["__file__"] = __file__
    try:
        yield
    finally:
        if lacking:
            del main["__file__"]
