"""Fixtures for every test: UTC, and each engine in turn."""

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl
import pytest

from core.engine import ENGINES, Engine, Frame
from core.schemas import Table
from tests import needed

os.environ["TZ"] = "UTC"
time.tzset()


# A process of its own for what is dear to set up: Spark's session, and two nights of a small world.
# xdist's own `loadgroup` cannot: it marks node ids, which pytest 9.2 no longer lets it change.
_NIGHTS = frozenset(
    f"tests/{name}.py"
    for name in (
        "faults/test_04_bad_data_is_not_published", "faults/test_13_a_rerun_touches_its_own_date",
        "faults/test_26_erasure_is_complete", "faults/test_the_llm_is_gone",
        "orchestration/test_bare_interpreter", "orchestration/test_daily_path",
        "orchestration/test_definitions", "orchestration/test_dirty_landing",
        "orchestration/test_leaks", "orchestration/test_nights_at_a_location",
        "orchestration/test_notebooks", "orchestration/test_refusals",
        "orchestration/test_published", "orchestration/test_sql", "orchestration/test_ui",
        "orchestration/test_why", "serving/test_training_serving_agree",
    )
)  # fmt: skip
_SPARK = re.compile(r"[\[-]spark[]-]")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Returns a scheduler that keeps the tests of a group in one process."""
    from xdist.scheduler import LoadScopeScheduling

    class Grouped(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            if nodeid.partition("::")[0] in _NIGHTS:
                return "nights"
            return "spark" if _SPARK.search(nodeid) else nodeid

    return Grouped(config, log)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds `--full`: as many trials as the promises name, where a plain run makes a few."""
    parser.addoption("--full", action="store_true", help="the full form of the fault tests")


def pytest_configure(config: pytest.Config) -> None:
    """Lets `missing` know what was asked for."""
    needed.is_full = bool(config.getoption("--full"))


@pytest.fixture
def trials(request: pytest.FixtureRequest) -> Callable[[Any, Any], Any]:
    """Chooses between the small and the full form: `trials(20, 1000)`."""
    full = bool(request.config.getoption("--full"))
    return lambda few, many: many if full else few


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skips the slow forms of tests unless they are asked for."""
    if "slow" in config.getoption("markexpr"):
        return
    skip = pytest.mark.skip(reason="a slow form; ask for it with -m slow")
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(skip)


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A real S3 server, once it has been seen to refuse a second put-if-absent."""
    from tests.servers import S3Server

    server = S3Server(tmp_path_factory.mktemp("s3"))
    try:
        server.prove_that_it_refuses_a_second_create()
        yield server
    finally:
        server.kill()


@pytest.fixture
def s3(s3_server: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """That server, with the environment by which a client finds it."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return s3_server


@pytest.fixture(scope="session")
def spark_engine() -> Iterator[Engine]:
    """A Spark engine that shuffles every input, so that no test leans on the order of rows."""
    from core.engine.spark import SparkEngine, has_java

    if not has_java():
        needed.missing("Spark needs Java 17, and none is on the PATH or at JAVA_HOME")

    class Shuffling(SparkEngine):
        def scan(self, paths: Sequence[Path], table: Table) -> Frame:
            return _shuffled(super().scan(paths, table))

        def from_polars(self, frame: pl.DataFrame) -> Frame:
            return _shuffled(super().from_polars(frame))

    # Tests have few rows and many plans: compiling each one would take most of the time.
    settings = {
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.shuffle.partitions": "2",
    }
    engine = Shuffling(threads=2, memory_gb=1, settings=settings)
    yield engine
    engine.close()


def _shuffled(frame: Frame) -> Frame:
    return nw.from_native(frame.to_native().repartition(2))


@pytest.fixture(params=[*(name for name in ENGINES if name != "spark"),
                        pytest.param("spark", marks=pytest.mark.spark)])  # fmt: skip
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Each engine in turn; Spark is one session for all tests, the others are opened anew."""
    if request.param == "spark":
        yield request.getfixturevalue("spark_engine")
        return
    from core.engine import open_engine

    with open_engine(request.param, threads=2) as opened:
        yield opened
