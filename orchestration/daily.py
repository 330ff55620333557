"""Runs the golden path in this process, as the UI would, and finds out what said no."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg

from assets.ingest.landing import landed_files
from assets.materialisation import DAILY
from core.errors import CheckFailed, DaybreakError, InputError, UsageError
from core.home import Home
from orchestration.instance import REPOSITORY_TAG, open_instance

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""Dagster's events go to its instance; on standard error they would bury the line that counts."""


@dataclass(frozen=True)
class DailyRun:
    """A run that went through.

    Attributes:
        as_of: its date.
        run_id: its id in the Dagster instance.
        seconds: its wall time.
    """

    as_of: str
    run_id: str
    seconds: float


def run_daily(
    home: Home, as_of: str, *, recompute: bool = False, only: Sequence[str] = ()
) -> DailyRun:
    """Materialises every asset of one date.

    Args:
        home: where.
        as_of: the date, as a partition key.
        recompute: compute what is stored too, and hold it against the stored bytes.
        only: materialise these assets alone, as one may in the UI.

    Raises:
        UsageError: the date is no partition: it lies in the future, or before all of them; or the
            home holds nothing to run on.
        CheckFailed: a check or the gate said no; the message is its one line.
        DaybreakError: a stage failed in a way that Daybreak foresaw.
    """
    _check_partition(as_of)
    _check_holds_data(home)
    from orchestration.definitions import defs

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Dagster's own previews and deprecations
        result = defs.resolve_job_def("daily").execute_in_process(
            instance=open_instance(home),
            partition_key=as_of,
            tags=REPOSITORY_TAG,
            asset_selection=[dg.AssetKey(name) for name in only] or None,
            run_config={
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                "resources": {
                    "workspace": {"config": {"home": str(home.root), "recompute": recompute}}
                },
            },
            raise_on_error=False,
        )
    if not result.success:
        raise _first_refusal(result)
    stats = result.dagster_run
    record = open_instance(home).get_run_record_by_id(stats.run_id)
    start, end = (record.start_time, record.end_time) if record else (None, None)
    return DailyRun(as_of, stats.run_id, (end or 0.0) - (start or 0.0))


def _check_partition(as_of: str) -> None:
    first, last = DAILY.get_first_partition_key(), DAILY.get_last_partition_key()
    if first is None or last is None or not first <= as_of <= last:
        raise UsageError(f"as-of date {as_of} is not from {first} to {last} (today, UTC)")


def _check_holds_data(home: Home) -> None:
    """Checks, before anything is made, that this is a home: a mistyped one is empty."""
    if not (landed_files(home) or any(home.ledger.glob("*.json"))):
        raise UsageError(
            f"home {str(home.root)!r} holds no imported and no landed file; take some in with "
            "`daybreak import`, or give another home with --home"
        )


def _first_refusal(result: dg.ExecuteInProcessResult) -> DaybreakError:
    """Returns the first failed check or step of a run as the error that it stands for."""
    for event in result.all_events:
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            check = event.asset_check_evaluation_data
            if not check.passed and check.blocking:
                detail = check.metadata.get("failure")
                text = detail.value if detail else check.description or "see the Dagster UI"
                return CheckFailed(
                    f"check {check.check_name} of {check.asset_key.to_user_string()}: "
                    f"{str(text).rstrip('. ')}; nothing is published; see the asset's checks in "
                    "`daybreak ui`"
                )
        if event.is_step_failure:
            return _step_error(event)
    return DaybreakError("the run failed before its first step; see it in the Dagster UI")


def _step_error(event: dg.DagsterEvent) -> DaybreakError:
    data = event.step_failure_data
    failure = data.user_failure_data
    if failure is not None and failure.metadata:
        code = failure.metadata.get("exit_code")
        kind = InputError if code is not None and code.value == 2 else CheckFailed
        return kind(failure.description or f"step {event.step_key} failed")
    cause = data.error.cause if data.error and data.error.cause else data.error
    detail = " ".join(cause.message.split())[:500] if cause else "no detail"
    return DaybreakError(f"step {event.step_key} failed unexpectedly: {detail}; this is a defect")
