"""Features: every table once for each fold, as of that fold's cut."""

from typing import Any

import dagster as dg

from assets.features import stage
from assets.materialisation import DAILY, OWNERS, checks_of, materialise
from core.night import Workspace
from core.schemas import INTERACTIONS, ITEM_FEATURES, USER_FEATURES

_ASSET: dict[str, Any] = {
    "partitions_def": DAILY,
    "group_name": "features",
    "owners": OWNERS,
    "kinds": {"narwhals", "parquet"},
}


@dg.asset(deps=["clean_events", "folds"], check_specs=checks_of("interactions"), **_ASSET)
def interactions(
    context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.MaterializeResult:
    """One user's weighted relation to one item that they touched before the cut."""
    night = workspace.night(context.partition_key)
    return materialise(lambda: stage.make_interactions(night), INTERACTIONS, night=night)


@dg.asset(
    deps=["clean_events", "folds", interactions], check_specs=checks_of("user_features"), **_ASSET
)
def user_features(
    context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.MaterializeResult:
    """One user's activity and tastes at the cut."""
    night = workspace.night(context.partition_key)
    return materialise(lambda: stage.make_user_features(night), USER_FEATURES, night=night)


@dg.asset(
    deps=["clean_events", "folds", interactions], check_specs=checks_of("item_features"), **_ASSET
)
def item_features(
    context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.MaterializeResult:
    """One item's reception at the cut."""
    night = workspace.night(context.partition_key)
    return materialise(lambda: stage.make_item_features(night), ITEM_FEATURES, night=night)
