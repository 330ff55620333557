"""How an engine is chosen, opened and closed."""

from collections.abc import Iterator
from contextlib import contextmanager

from core.engine.protocol import Engine
from core.errors import UsageError

ENGINES = ("polars", "duckdb", "spark")


@contextmanager
def open_engine(
    name: str, *, threads: int | None = None, memory_gb: float | None = None
) -> Iterator[Engine]:
    """Opens an engine by its name and closes it at the end.

    Args:
        name: one of `ENGINES`.
        threads: how many threads DuckDB and a local Spark may use; None for one a core.
            (Polars reads POLARS_MAX_THREADS when it is imported.)
        memory_gb: how much memory DuckDB and Spark's driver may take; None for their default.

    Raises:
        UsageError: there is no such engine, or Java is absent where Spark is asked for.
    """
    engine = _engine(name, threads, memory_gb)
    try:
        yield engine
    finally:
        engine.close()


def _engine(name: str, threads: int | None, memory_gb: float | None) -> Engine:
    # Each engine is imported when chosen: pyspark alone takes a second.
    if name == "polars":
        from core.engine.polars_engine import PolarsEngine

        return PolarsEngine()
    if name == "duckdb":
        from core.engine.duckdb_engine import DuckDBEngine

        return DuckDBEngine(threads, memory_gb)
    if name == "spark":
        from core.engine.spark import SparkEngine

        return SparkEngine(threads, memory_gb)
    raise UsageError(f"engine {name!r} is unknown; use one of {', '.join(ENGINES)}")
