"""Makes the evaluation: every source, the ranked lists and their rules, on every test fold.

Rules cost something whoever ranks: at most three of a category in the top ten keeps out what a
person with one taste takes to. So the published lists stand beside the best source under the same
rules, and the ranker's own order beside the sources' own orders.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.evaluation.folds import read_folds
from assets.evaluation.measure import FoldLists, compare, pooled_metrics, summary
from assets.evaluation.newcomers import newcomer_slices
from assets.evaluation.report import markdown
from assets.lists.ranking import ranked_blocks, source_blocks, top_matrix
from assets.models.candidates import listed_users, stored_blocks
from assets.models.fold_data import FoldData
from assets.models.ranker import read_ranker
from core.night import Made, Night
from core.schemas import SOURCES, USER_METRICS
from core.staging import Staging
from training.held_out import HeldOut

DEPTH = 20
LISTS = "lists"
"""The system whose lists would be published: ranked, with every rule applied."""
RANKED = "ranked"
"""The ranker's order before any rule."""


def fold_lists(data: FoldData) -> FoldLists:
    """Returns what every system lists for the measured users of a test fold."""
    users = listed_users(data)
    lists = {name: np.full((len(users), DEPTH), -1, dtype=np.int32) for name in SOURCES}
    for block, _ in stored_blocks(data, data.night.settings.lists.block_size):
        at = np.searchsorted(users, block.users)
        for column, name in enumerate(SOURCES):
            rank = block.ranks[:, column]
            shown = (rank > 0) & (rank <= DEPTH)
            lists[name][at[block.rows[shown]], rank[shown] - 1] = block.items[shown]
    for name in (RANKED, LISTS):
        lists[name] = np.full((len(users), DEPTH), -1, dtype=np.int32)
    for ranked in ranked_blocks(data, read_ranker(data.night, "test")):
        at = np.searchsorted(users, ranked.users)
        lists[RANKED][at] = top_matrix(ranked.order, ranked.users, DEPTH)
        lists[LISTS][at] = top_matrix(ranked.rows, ranked.users, DEPTH)
    return FoldLists(
        users=users,
        truth=_truth(data, users),
        lists=lists,
        n_history=data.history.n_touched[users],
        n_people=int(np.count_nonzero(data.history.n_positive)),
        popularity=data.numbering.item_lookup(data.item_features, "n_users").astype(np.int64),
        content=data.content,
    )


def with_ruled(data: FoldData, measured: FoldLists, source: str) -> FoldLists:
    """Returns the measured users with one more system: the source alone under the same rules."""
    lists = np.full((len(measured.users), DEPTH), -1, dtype=np.int32)
    for users, rows in source_blocks(data, source):
        at = np.searchsorted(measured.users, users)
        lists[at] = top_matrix(rows, users, DEPTH)
    return replace(measured, lists={**measured.lists, ruled(source): lists})


def ruled(source: str) -> str:
    """Returns the name of the system that lists a source's own order under the rules.

    >>> ruled("als")
    'als under rules'
    """
    return f"{source} under rules"


def best_source(metrics: pl.DataFrame, metric: str) -> str:
    """Returns the source with the best mean over users, the earlier of `SOURCES` among equals."""
    means = dict(metrics.group_by("system").agg(pl.col(metric).mean()).iter_rows())
    return max(SOURCES, key=means.__getitem__)


def _truth(data: FoldData, users: NDArray[np.int32]) -> HeldOut:
    rows = data.truth.filter(pl.col("user_num").is_in(users.tolist()))
    return HeldOut.from_pairs(
        np.searchsorted(users, rows["user_num"].to_numpy()), rows["item_num"].to_numpy(),
        n_users=len(users), n_items=data.numbering.shape[1],
    )  # fmt: skip


def make_evaluation(night: Night) -> Made:
    """Makes `evaluation`: user_metrics.parquet, report.json, report.md.

    The facts hold what the gate reads of it: the protocol, and the comparison with popularity.
    """
    settings = night.settings

    def write(staging: Staging) -> None:
        folds = read_folds(night)
        found = [(fold, fold_lists(FoldData(night, fold))) for fold in folds.of("test")]
        found = [(fold, lists) for fold, lists in found if len(lists.users)]
        if not found:
            staging.write_table(pl.DataFrame(schema=USER_METRICS.polars), USER_METRICS)
            staging.facts.update(protocol=folds.protocol, n_users=0)
            return
        user_ids = FoldData(night, folds.release).numbering.user_ids
        best = best_source(
            pooled_metrics([lists for _, lists in found], user_ids), settings.gate.quality_metric
        )
        measured = [with_ruled(FoldData(night, fold), lists, best) for fold, lists in found]
        metrics = pooled_metrics(measured, user_ids)
        staging.write_table(metrics, USER_METRICS)
        report = _report(night, folds.protocol, metrics, measured, best)
        tests = (FoldData(night, fold) for fold in folds.of("test"))
        for name, found_new in newcomer_slices(tests).items():
            report["systems"][name]["slices"]["new"] = found_new
        staging.write_json("report.json", report)
        staging.file("report.md").write_text(markdown(report), encoding="utf-8")
        staging.facts.update(
            protocol=folds.protocol,
            n_users=report["n_users"],
            n_pairs=report["n_pairs"],
            coverage=report["systems"][LISTS]["lists"]["coverage@10"],
            ndcg={
                name: one["metrics"]["ndcg@10"]["mean"] for name, one in report["systems"].items()
            },
            gain_over_popularity=report["against_popularity"][LISTS],
        )

    inputs = [
        "folds", "users", "items", "interactions", "user_features", "item_features", "popularity",
        "candidates", "ranker",
    ]  # fmt: skip
    config = {
        "evaluation": settings.evaluation.model_dump(),
        "lists": settings.lists.model_dump(),
        "metric": settings.gate.quality_metric,
        "margin": settings.gate.margin,
    }
    return night.make("evaluation", write, inputs=inputs, config=config)


def _report(
    night: Night, protocol: str, metrics: pl.DataFrame, measured: list[FoldLists], best: str
) -> dict[str, Any]:
    settings, seed = night.settings, night.settings.seed
    systems = summary(metrics, measured, settings.evaluation, seed)
    metric, margin = settings.gate.quality_metric, settings.gate.margin

    def against(reference: str) -> dict[str, Any]:
        return {
            name: vars(compare(metrics, name, reference, metric, settings.evaluation, seed, margin))
            for name in systems
            if name != reference
        }

    return {
        "as_of": night.key,
        "protocol": protocol,
        "metric": metric,
        "n_users": metrics["user_id"].n_unique(),
        "n_pairs": int(sum(fold.truth.indices.size for fold in measured)),
        "n_folds": len(measured),
        "systems": systems,
        "against_popularity": against("popularity"),
        "best_source": best,
        "against_best_source": against(best),
        "against_best_source_ruled": against(ruled(best)),
    }
