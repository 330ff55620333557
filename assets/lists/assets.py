"""Lists: for every user, for every segment, and beside every item."""

from typing import Any

import dagster as dg

from assets.lists import stage
from assets.materialisation import DAILY, OWNERS, materialise
from core.night import Workspace
from core.schemas import NEIGHBOUR_LISTS, RANKED, SEGMENT_LISTS

_ASSET: dict[str, Any] = {"partitions_def": DAILY, "group_name": "lists", "owners": OWNERS}


@dg.asset(
    deps=[
        "folds",
        "users",
        "items",
        "interactions",
        "user_features",
        "item_features",
        "candidates",
        "ranker",
    ],
    kinds={"parquet"},
    **_ASSET,
)
def ranked(
    context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.MaterializeResult:
    """One item on one user's list, with the numbers behind it."""
    night = workspace.night(context.partition_key)
    return materialise(lambda: stage.make_ranked(night), RANKED)


@dg.asset(
    deps=["folds", "users", "items", "interactions", "item_features", "popularity"],
    kinds={"parquet"},
    **_ASSET,
)
def segment_lists(
    context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.MaterializeResult:
    """One item on the list of a segment, for users without a history."""
    night = workspace.night(context.partition_key)
    return materialise(lambda: stage.make_segment_lists(night), SEGMENT_LISTS)


@dg.asset(
    deps=["folds", "users", "items", "interactions", "neighbours", "two_tower"],
    kinds={"parquet"},
    **_ASSET,
)
def neighbour_lists(
    context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.MaterializeResult:
    """One item like another."""
    night = workspace.night(context.partition_key)
    return materialise(lambda: stage.make_neighbour_lists(night), NEIGHBOUR_LISTS)
