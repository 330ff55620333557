"""Models: the sources, their candidates, the ranker, the vectors for other teams."""

from typing import Any

import dagster as dg

from assets import plots
from assets.materialisation import DAILY, OWNERS, materialise, plot
from assets.models import stage
from assets.models.candidates import make_candidates
from assets.models.embeddings import make_embeddings
from assets.models.ranker import make_ranker
from assets.models.recency import make_recency
from core.night import Made, Workspace
from core.schemas import CANDIDATES

_ASSET: dict[str, Any] = {"partitions_def": DAILY, "group_name": "models", "owners": OWNERS}

_FEATURES = ["folds", "users", "items", "interactions", "user_features", "item_features"]


def _curves(made: Made) -> dict[str, dg.MetadataValue]:
    curve = made.artefact.json("curves.json")["release"]
    if not curve:
        return {}
    series = {name: [step[name] for step in curve] for name in sorted(curve[0])}
    return {"loss_curve": plot(plots.lines("Release fit", series, "epoch"))}


def _importance(made: Made) -> dict[str, dg.MetadataValue]:
    if "release-importance.json" not in made.artefact.manifest.files:
        return {}
    importance = made.artefact.json("release-importance.json")
    top = dict(sorted(importance.items(), key=lambda pair: -pair[1])[:15])
    return {"feature_importance": plot(plots.bars("Gain by feature", top))}


@dg.asset(deps=_FEATURES, kinds={"numpy"}, **_ASSET)
def popularity(
    context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.MaterializeResult:
    """What many people take to: by horizon, by category, trending."""
    night = workspace.night(context.partition_key)
    return materialise(lambda: stage.make_popularity(night))


@dg.asset(deps=_FEATURES, kinds={"implicit"}, **_ASSET)
def als(
    context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.MaterializeResult:
    """Implicit matrix factorisation, fitted at every cut."""
    night = workspace.night(context.partition_key)
    return materialise(lambda: stage.make_als(night), show=_curves)


@dg.asset(deps=_FEATURES, kinds={"scipy"}, **_ASSET)
def neighbours(
    context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.MaterializeResult:
    """What each item says about every other, fitted at every cut."""
    night = workspace.night(context.partition_key)
    return materialise(lambda: stage.make_neighbours(night))


@dg.asset(deps=_FEATURES, kinds={"torch"}, **_ASSET)
def two_tower(
    context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.MaterializeResult:
    """Item vectors from id and content, user vectors from histories, fitted at every cut."""
    night = workspace.night(context.partition_key)
    return materialise(lambda: stage.make_two_tower(night), show=_curves)


@dg.asset(
    deps=["folds", "users", "items", "interactions", "item_features", als, neighbours, two_tower],
    kinds={"numpy"},
    **_ASSET,
)
def recency(
    context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.MaterializeResult:
    """How much this week's users of an item count in each personal source."""
    night = workspace.night(context.partition_key)
    return materialise(lambda: make_recency(night))


@dg.asset(
    deps=[*_FEATURES, popularity, als, neighbours, two_tower, recency],
    kinds={"faiss", "parquet"},
    **_ASSET,
)
def candidates(
    context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.MaterializeResult:
    """One item that a source proposed for one user, with every source's score of it."""
    night = workspace.night(context.partition_key)
    return materialise(lambda: make_candidates(night), CANDIDATES)


@dg.asset(deps=[*_FEATURES, candidates], kinds={"xgboost"}, **_ASSET)
def ranker(
    context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.MaterializeResult:
    """LambdaMART over the candidates of past cuts, graded by what came true."""
    night = workspace.night(context.partition_key)
    return materialise(lambda: make_ranker(night), show=_importance)


@dg.asset(
    deps=["folds", "users", "items", "interactions", als, two_tower],
    kinds={"faiss", "parquet"},
    **_ASSET,
)
def embeddings(
    context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.MaterializeResult:
    """User and item vectors for other teams: Parquet, safetensors, a FAISS index."""
    night = workspace.night(context.partition_key)
    return materialise(lambda: make_embeddings(night))
