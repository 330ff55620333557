"""Validates one table: profile, sample, suites, verdicts."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from core.schemas import Table
from expectations.great import load, open_context
from expectations.invariants import NOT_MEASURED, Invariant, Limits, Reference, invariants
from expectations.pages import page_of
from expectations.profile import Profile, measure, scan
from expectations.result import CheckRow, SuiteResult
from expectations.suites import profile_suite, sample_suite, sampled_columns

# Counts only: values would carry people's ids into metadata and pages.
_RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def validate(
    table: Table,
    paths: Path | Sequence[Path],
    *,
    references: Mapping[str, Reference] | None = None,
    limits: Limits | None = None,
    sample_rows: int = 10_000,
    run_at: datetime = _EPOCH,
) -> SuiteResult:
    """Returns the verdict of every check on a table.

    Invariants are measured over all rows; a sample (every n-th row in stored order) is what
    Great Expectations then reads as pandas. A check that raised an exception, or that gave no
    result, did not pass. A file that cannot be read fails the one check `readable`.

    Args:
        table: the schema.
        paths: its file, or its files in order.
        references: by column, where its values must be found.
        limits: how much of it there must be; one row, if not given.
        sample_rows: about how many rows to sample.
        run_at: what the Data Docs show as the time of the run; the as-of date makes them
            reproducible.
    """
    start = time.perf_counter()
    known = dict(references or {})
    try:
        frame = scan(paths, table)
        wanted = _wanted(table, known, limits or Limits(), paths)
        profile = measure(frame, table, wanted, known)
        sample = _sample(frame, table, profile.n_rows, sample_rows)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        line = str(error).strip().partition("\n")[0] or type(error).__name__
        row = CheckRow("readable", False, None, "a table that can be read", line)
        return SuiteResult(table.name, (row,), 0, time.perf_counter() - start)
    readable = CheckRow("readable", True, 0, "a table that can be read")
    ran = [_run(profile_suite(table, wanted), _as_pandas(profile), table, run_at)]
    if profile.n_rows:
        ran.append(_run(sample_suite(table), sample, table, run_at))
    rows = [row for suite, result in ran for row in _verdicts(suite, result, profile)]
    pages = tuple(page_of(suite, result, run_at) for suite, result in ran)
    seconds = time.perf_counter() - start
    return SuiteResult(table.name, (readable, *rows), profile.n_rows, seconds, pages)


def _wanted(
    table: Table, references: Mapping[str, Reference], limits: Limits, paths: Path | Sequence[Path]
) -> tuple[Invariant, ...]:
    """Returns the invariants; several files are each in order, but not together."""
    single = isinstance(paths, Path)
    every = invariants(table, references, limits)
    return tuple(x for x in every if single or x.name != "in_key_order")


def _sample(frame: pl.LazyFrame, table: Table, n_rows: int, sample_rows: int) -> Any:
    """Returns every n-th row in stored order: the same rows of the same table, always."""
    there = frame.collect_schema().names()
    names = [column.name for column in sampled_columns(table) if column.name in there]
    stride = max(1, -(-n_rows // sample_rows))
    return frame.select(names).gather_every(stride).collect(engine="streaming").to_pandas()


def _as_pandas(profile: Profile) -> Any:
    return pl.DataFrame({name: [value] for name, value in profile.values.items()}).to_pandas()


def _run(suite: Any, frame: Any, table: Table, run_at: datetime) -> tuple[Any, Any]:
    """Runs one suite on one frame in a context of its own; returns the suite and its result."""
    gx = load()
    from great_expectations.core.run_identifier import RunIdentifier

    context = open_context()
    source = context.data_sources.add_pandas(suite.name.split(".")[1])
    batch = source.add_dataframe_asset(table.name).add_batch_definition_whole_dataframe("whole")
    definition = context.validation_definitions.add(
        gx.ValidationDefinition(name=suite.name, data=batch, suite=context.suites.add(suite))
    )
    result = definition.run(
        batch_parameters={"dataframe": frame},
        result_format=_RESULT_FORMAT,
        run_id=RunIdentifier(run_name=table.name, run_time=run_at),
    )
    return suite, result


def _verdicts(suite: Any, result: Any, profile: Profile) -> list[CheckRow]:
    """Returns one row for each expectation of the suite, in its order; none is passed over."""
    by_check = {found.expectation_config.meta["check"]: found for found in result.results}
    rows = []
    for expectation in suite.expectations:
        name = expectation.meta["check"]
        found = by_check.get(name)
        if found is None:
            rows.append(CheckRow(name, False, None, _expected(expectation), "gave no result"))
            continue
        raised = raised_exception(found.exception_info)
        observed, note = _observed(name, found, profile), profile.notes.get(name, "")
        passed = bool(found.success) and not raised
        rows.append(CheckRow(name, passed, observed, _expected(expectation), raised or note))
    return rows


def _observed(name: str, found: Any, profile: Profile) -> int | None:
    if name in profile.values:
        value = profile.values[name]
        return None if value == NOT_MEASURED else value
    count = found.result.get("unexpected_count")
    return None if count is None else int(count)


def _expected(expectation: Any) -> str:
    """Returns the limits of an expectation in words."""
    if not expectation.meta["check"].startswith("sample_"):
        low, high = expectation.min_value, expectation.max_value
        if low == high:
            return f"{low:g}"
        return f"at least {low:g}" if high is None else f"{low:g} to {high:g}"
    return f"in the sample: {expectation.notes}"


def raised_exception(info: Mapping[str, Any] | None) -> str:
    """Returns the message of the exception in a result's `exception_info`; empty if none.

    The mapping is flat, or nested by metric id; both shapes are read.
    """
    if not info:
        return ""
    entries = [info] if "raised_exception" in info else list(info.values())
    for entry in entries:
        if entry["raised_exception"]:
            line = str(entry.get("exception_message") or "no message").strip().splitlines()[0]
            return f"raised: {line}"
    return ""
