"""Erasure: the first step of a run, before anything is read."""

import dagster as dg

from assets.erasure import stage
from assets.materialisation import DAILY, OWNERS, tell
from core.night import Workspace


@dg.asset(partitions_def=DAILY, group_name="erasure", owners=OWNERS, kinds={"parquet"})
def erasure(
    context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.MaterializeResult:
    """Whatever is stored, without the users whose erasure was asked for since the last run."""
    return tell(lambda: stage.carry_out(workspace.home).as_facts())
