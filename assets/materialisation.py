"""The one adapter between stages and Dagster: what every asset shows of the artefact it made."""

import base64
import contextlib
import io
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets.publication.checks import CONTRACTS, check_names, make_check
from core.errors import DaybreakError
from core.night import Made, Night
from core.release_log import ReleaseEntry
from core.schemas import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DAILY = dg.DailyPartitionsDefinition(start_date="1995-01-01", end_offset=1)
"""A partition is an as-of date D; the schedule at 02:00 on the 17th runs 17."""
OWNERS = ["team:recommendations"]
_MAX_PLOT_BYTES = 180_000


def table_schema(table: Table) -> dg.TableSchema:
    """Returns a table's columns as Dagster shows them, with type, constraint and meaning."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=column.dtype,
                description=column.meaning,
                constraints=dg.TableColumnConstraints(nullable=column.nullable),
            )
            for column in table.columns
        ]
    )


def plot(figure: "Figure") -> dg.MarkdownMetadataValue:
    """Returns a figure as an inline image; Dagster has no image metadata of its own."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=72, bbox_inches="tight")
    if content.tell() > _MAX_PLOT_BYTES:
        return dg.MetadataValue.md(f"The plot has {content.tell()} bytes, too many to inline.")
    encoded = base64.b64encode(content.getvalue()).decode()
    return dg.MetadataValue.md(f"![plot](data:image/png;base64,{encoded})")


def checks_of(kind: str) -> list[dg.AssetCheckSpec]:
    """Returns the blocking checks of an asset, one for each expectation of its contract."""
    table = CONTRACTS[kind].table
    return [
        dg.AssetCheckSpec(name, asset=kind, blocking=True, description=f"{table.name}: {name}")
        for name in check_names(kind)
    ]


def materialise(
    make: Callable[[], Made],
    table: Table | None = None,
    show: Callable[[Made], Mapping[str, Any]] | None = None,
    night: Night | None = None,
) -> dg.MaterializeResult[Any]:
    """Runs a stage and returns what Dagster records of it.

    Args:
        make: the stage, bound to its night.
        table: the artefact's main table, whose schema is shown.
        show: further metadata, such as plots.
        night: given where the artefact has a contract; its checks run in the same step, so that
            no run can leave them out.

    Raises:
        dagster.Failure: the stage raised an error of Daybreak's tree; its line is the description.
            A retry would meet the same data, so none is allowed.
    """
    with _failures():
        made = make()
        metadata = {**_facts(made, table), **(show(made) if show else {})}
        results = check_results(night, made.artefact.manifest.kind) if night else []
    return dg.MaterializeResult(
        metadata=metadata,
        data_version=dg.DataVersion(made.artefact.version),
        check_results=results,
    )


def check_results(night: Night, kind: str) -> list[dg.AssetCheckResult]:
    """Checks the current version of an artefact; returns a result for each of `checks_of`."""
    verdict = make_check(night, kind).artefact.json("verdict.json")
    return [
        dg.AssetCheckResult(
            check_name=row["name"],
            passed=row["passed"],
            severity=dg.AssetCheckSeverity.ERROR,
            description=f"{row['observed']}, expected {row['expected']}. {row['note']}".strip(),
            metadata={"observed": str(row["observed"]), "expected": row["expected"]},
        )
        for row in verdict["checks"]
    ]


def announce(
    publish: Callable[[], ReleaseEntry], mirror: Callable[[], Mapping[str, str]]
) -> dg.MaterializeResult[Any]:
    """Runs the publishing step and returns what Dagster records of the log entry.

    Args:
        publish: appends to the release log.
        mirror: shows the log elsewhere; what it returns is recorded too.

    Raises:
        dagster.Failure: the gate said no, or judged another version.
    """
    with _failures():
        entry = publish()
        aliases = dict(mirror())
    shown: dict[str, Any] = {
        "release": entry.release,
        "action": entry.action,
        "entry": entry.seq,
        "at": entry.at,
        "aliases": dg.MetadataValue.json(aliases),
    }
    return dg.MaterializeResult(metadata=shown, data_version=dg.DataVersion(entry.release))


def tell(act: Callable[[], Mapping[str, Any]]) -> dg.MaterializeResult[Any]:
    """Runs a step that leaves no artefact and returns what it tells of itself.

    Raises:
        dagster.Failure: it raised an error of Daybreak's tree.
    """
    with _failures():
        told = act()
    shown = {
        name: dg.MetadataValue.json(value) if isinstance(value, dict | list) else value
        for name, value in told.items()
    }
    return dg.MaterializeResult(metadata=shown)


@contextlib.contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except DaybreakError as error:
        raise dg.Failure(
            description=str(error),
            metadata={"error": type(error).__name__, "exit_code": error.exit_code},
            allow_retries=False,
        ) from error


def _facts(made: Made, table: Table | None) -> dict[str, Any]:
    manifest = made.artefact.manifest
    rows = {name: record.rows for name, record in manifest.files.items() if record.rows is not None}
    facts: dict[str, Any] = {
        "path": dg.MetadataValue.path(str(made.artefact.path)),
        "version": manifest.version,
        "content_hash": manifest.content_hash,
        "bytes": sum(record.bytes for record in manifest.files.values()),
        "seconds": round(made.seconds, 3),
        "reused": made.reused,
        "peak_memory_mb": made.peak_mb,
    }
    if table is not None:
        main = [n for name, n in rows.items() if name.endswith(f"{table.name}.parquet")]
        facts["dagster/row_count"] = sum(main)
        facts["dagster/column_schema"] = table_schema(table)
    if len(rows) > 1:
        facts["rows"] = dg.MetadataValue.json(rows)
    if manifest.facts:
        facts["facts"] = dg.MetadataValue.json(manifest.facts)
    return facts
