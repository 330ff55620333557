"""Cleaning: whose events count, and who and what is known at D."""

from typing import Any

import dagster as dg

from assets import plots
from assets.cleaning import stage
from assets.materialisation import DAILY, OWNERS, checks_of, materialise, plot
from core.night import Made, Workspace
from core.schemas import BOT_SCORES, CLEAN_EVENTS, ITEMS, USERS

_ASSET: dict[str, Any] = {
    "partitions_def": DAILY,
    "group_name": "cleaning",
    "owners": OWNERS,
    "kinds": {"narwhals", "parquet"},
}


def _excluded(made: Made) -> dict[str, dg.MetadataValue]:
    report = made.artefact.json("excluded.json")
    days = made.artefact.json("events_a_day.json")
    return {
        "excluded": dg.MetadataValue.json(report["excluded"]),
        "bots_by_reason": plot(plots.bars("Bots by reason", report["bots_by_reason"])),
        "events_a_day": plot(plots.days("Clean events a day", days)),
    }


@dg.asset(deps=["lake"], **_ASSET)
def bot_scores(
    context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.MaterializeResult:
    """One user's evidence of being a machine, with the signals that fired."""
    night = workspace.night(context.partition_key)
    return materialise(lambda: stage.make_bot_scores(night), BOT_SCORES)


@dg.asset(deps=["lake", bot_scores], check_specs=checks_of("clean_events"), **_ASSET)
def clean_events(
    context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.MaterializeResult:
    """One event before D by a person who lets it count; what does not count lies beside it."""
    night = workspace.night(context.partition_key)
    return materialise(
        lambda: stage.make_clean_events(night), CLEAN_EVENTS, night=night, show=_excluded
    )


@dg.asset(deps=["lake", bot_scores, clean_events], check_specs=checks_of("items"), **_ASSET)
def items(
    context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.MaterializeResult:
    """One item known at D; its row number is its item_num."""
    night = workspace.night(context.partition_key)
    return materialise(lambda: stage.make_items(night), ITEMS, night=night)


@dg.asset(deps=["lake", bot_scores, clean_events], check_specs=checks_of("users"), **_ASSET)
def users(
    context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.MaterializeResult:
    """One user known at D, bots left out; the row number is the user_num."""
    night = workspace.night(context.partition_key)
    return materialise(lambda: stage.make_users(night), USERS, night=night)
