"""Ingest: what has landed, as it stands at one ledger position."""

import dagster as dg

from assets.ingest import stage
from assets.materialisation import DAILY, OWNERS, checks_of, materialise
from core.night import Workspace
from core.schemas import EVENTS


@dg.asset(
    deps=["erasure"],
    partitions_def=DAILY,
    group_name="ingest",
    owners=OWNERS,
    kinds={"parquet"},
    check_specs=checks_of("lake"),
    retry_policy=dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL),
)
def lake(
    context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.MaterializeResult:
    """One accepted event, item, user or tag, and every refused row with its reason."""
    night = workspace.night(context.partition_key)
    return materialise(lambda: stage.make_lake(night), EVENTS, night=night)
