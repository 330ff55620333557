"""Explanations: a reason for every list row, and each sentence once."""

from typing import Any

import dagster as dg

from assets.explanations.stage import make_explanations
from assets.materialisation import DAILY, OWNERS, checks_of, materialise
from core.night import Workspace
from core.schemas import LISTS

_ASSET: dict[str, Any] = {"partitions_def": DAILY, "group_name": "explanations", "owners": OWNERS}


@dg.asset(
    deps=["ranked", "items", "users", "interactions", "item_features"],
    kinds={"parquet"},
    check_specs=checks_of("explanations"),
    **_ASSET,
)
def explanations(
    context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.MaterializeResult:
    """One list row with its reason; the sentences lie beside, each once."""
    night = workspace.night(context.partition_key)
    return materialise(lambda: make_explanations(night), LISTS, night=night)
