"""Publication: build the release, ask the gate, announce, clear up."""

from typing import Any

import dagster as dg

from assets import plots
from assets.evaluation.tracked import mirror_log
from assets.materialisation import DAILY, OWNERS, announce, materialise, plot, tell
from assets.publication import stage
from assets.publication.garbage import clear_up
from assets.publication.release_diff import make_release_diff
from core.night import Made, Workspace
from serving.deciding_location import deciding_location

_ASSET: dict[str, Any] = {"partitions_def": DAILY, "group_name": "publication", "owners": OWNERS}


def _verdict(made: Made) -> dict[str, dg.MetadataValue]:
    table = made.artefact.file("verdict.md").read_text(encoding="utf-8")
    shown = {"verdict": dg.MetadataValue.md(table), "passed": made.artefact.facts["passed"]}
    found = made.artefact.json("verdict.json")["numbers"].get("comparison", {})
    interval = tuple(found.get(name) for name in ("relative_difference", "lower", "upper"))
    if any(end is None for end in interval):
        return shown  # a first release, or too few users to compare
    title = f"{found['metric']} against {found['champion']}, relative; dashed: the limit"
    figure = plots.intervals(title, {"challenger": interval}, bar=-found["margin"])
    return {**shown, "against_champion": plot(figure)}


@dg.asset(
    deps=["explanations", "segment_lists", "neighbour_lists", "items", "users", "interactions"],
    kinds={"file"},
    **_ASSET,
)
def release(
    context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.MaterializeResult:
    """All that a server needs, under one manifest, announced to nobody yet."""
    night = workspace.night(context.partition_key)
    return materialise(lambda: stage.make_release(night))


def _changes(made: Made) -> dict[str, dg.MetadataValue]:
    table = made.artefact.file("diff.md").read_text(encoding="utf-8")
    shown: dict[str, dg.MetadataValue] = {"changes": dg.MetadataValue.md(table)}
    found = made.artefact.json("diff.json")
    if found["before"] is None:
        return shown
    if (overlap := found["overlap"]["mean"]) is not None:
        shown["overlap"] = dg.MetadataValue.float(overlap)
    title = f"{found['after']} against {found['before']}"
    figure = plots.release_changes(title, found["overlap"]["users"], found["by_source"])
    return {**shown, "plot": plot(figure)}


@dg.asset(deps=[release], kinds={"json"}, **_ASSET)
def release_diff(
    context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.MaterializeResult:
    """What the release would change for users, held against the one before it; names nobody."""
    night = workspace.night(context.partition_key)
    return materialise(lambda: make_release_diff(night), show=_changes)


@dg.asset(
    deps=[release, "evaluation", "explanations", "segment_lists", "items", "users", "interactions"],
    kinds={"json"},
    **_ASSET,
)
def gate(
    context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.MaterializeResult:
    """The verdict on exactly one release, with the numbers it was reached by."""
    night = workspace.night(context.partition_key)
    return materialise(lambda: stage.make_gate(night), show=_verdict)


@dg.asset(deps=[release, gate, release_diff], kinds={"json"}, **_ASSET)
def publication(
    context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.MaterializeResult:
    """The entry of the release log that announces the release; refused unless the gate said yes."""
    night = workspace.night(context.partition_key)
    return announce(lambda: stage.publish(night), lambda: mirror_log(night.home))


@dg.asset(deps=[publication], kinds={"json"}, **_ASSET)
def retention(
    context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.MaterializeResult:
    """What went: releases that are no longer kept, versions that nothing refers to, litter."""
    del context  # whatever the date, the whole home is looked through
    settings = workspace.settings
    location = deciding_location(workspace.home, settings.releases)
    return tell(lambda: clear_up(workspace.home, settings.retention, location))
