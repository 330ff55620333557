"""Evaluation: the cuts of a date, and how every system does at them."""

from typing import Any

import dagster as dg

from assets import plots
from assets.evaluation.folds import make_folds
from assets.evaluation.published import make_published
from assets.evaluation.stage import make_evaluation
from assets.evaluation.tracked import track_evaluation
from assets.materialisation import DAILY, OWNERS, materialise, plot
from core.night import Made, Night, Workspace
from core.schemas import TRUTH, USER_METRICS

_ASSET: dict[str, Any] = {"partitions_def": DAILY, "group_name": "evaluation", "owners": OWNERS}


def _track(night: Night, made: Made) -> dg.MetadataValue:
    if made.reused:
        return dg.MetadataValue.text("recorded when it was first made")
    return dg.MetadataValue.url(track_evaluation(night, made.artefact))


def _earlier(made: Made) -> dict[str, dg.MetadataValue]:
    return {"releases": dg.MetadataValue.json(made.artefact.json("published.json"))}


def _report(made: Made) -> dict[str, dg.MetadataValue]:
    if "report.json" not in made.artefact.manifest.files:
        return {}
    report = made.artefact.json("report.json")
    metric = report["metric"]
    found = {name: one["metrics"][metric] for name, one in report["systems"].items()}
    rows = {
        name: (one["mean"] or 0.0, one["lower"] or 0.0, one["upper"] or 0.0)
        for name, one in found.items()
    }
    means = {f"{metric}/{name}": dg.MetadataValue.float(row[0]) for name, row in rows.items()}
    page = made.artefact.file("report.md").read_text(encoding="utf-8")
    return {
        "report": dg.MetadataValue.md(page),
        "systems": plot(plots.intervals(f"{metric} by system", rows, "lists")),
        **means,
    }


@dg.asset(deps=["lake", "bot_scores", "clean_events"], kinds={"narwhals", "parquet"}, **_ASSET)
def folds(
    context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.MaterializeResult:
    """What each cut may be fitted on, and what it must foretell."""
    night = workspace.night(context.partition_key)
    return materialise(lambda: make_folds(night), TRUTH)


@dg.asset(
    deps=[
        "folds",
        "users",
        "items",
        "interactions",
        "user_features",
        "item_features",
        "popularity",
        "candidates",
        "ranker",
    ],
    kinds={"parquet"},
    **_ASSET,
)
def evaluation(
    context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.MaterializeResult:
    """One user's measure of one system's list: every source, the ranker, and the lists."""
    night = workspace.night(context.partition_key)
    return materialise(
        lambda: make_evaluation(night),
        USER_METRICS,
        show=lambda made: {**_report(made), "mlflow": _track(night, made)},
    )


@dg.asset(deps=["clean_events", "interactions"], kinds={"parquet"}, **_ASSET)
def published(
    context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.MaterializeResult:
    """How the lists published on earlier days did on what happened since."""
    night = workspace.night(context.partition_key)
    return materialise(lambda: make_published(night), show=_earlier)
