"""Makes the ranker: LambdaMART over the candidates of past folds, graded by what came true."""

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.evaluation.folds import read_folds
from assets.evaluation.protocol import Fold
from assets.models.candidates import stored_blocks
from assets.models.fold_data import FoldData
from assets.models.pair_features import NAMES, pair_features
from core.night import Made, Night
from core.schemas import CANDIDATES
from core.seeds import derive_seed, generator
from core.staging import Staging
from training.ranker import RankerModel, fit_ranker

_STRONG_MICRO = 3_000_000  # one purchase, like or high rating, or several clicks


def grades(data: FoldData, users: NDArray[np.int32], items: NDArray[np.int32]) -> NDArray[np.int32]:
    """Returns each pair's grade: 0 untouched, 1 taken to, 2 taken to strongly, (N,)."""
    n_items = data.numbering.shape[1]
    truth = data.truth
    keys = truth["user_num"].to_numpy().astype(np.int64) * n_items + truth["item_num"].to_numpy()
    strong = truth["weight_micro"].to_numpy() >= _STRONG_MICRO
    wanted = users.astype(np.int64) * n_items + items
    place = np.minimum(np.searchsorted(keys, wanted), max(0, len(keys) - 1))
    hit = keys[place] == wanted if len(keys) else np.zeros(len(wanted), dtype=bool)
    return np.where(hit, np.where(strong[place], 2, 1), 0).astype(np.int32)


def training_rows(
    night: Night, folds: Sequence[Fold]
) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.int64]]:
    """Returns features (N, F), grades (N,) and contiguous group numbers (N,) of past folds.

    Users without a hit among their candidates teach a ranker nothing and are left out; of the
    others at most `max_ranker_users`, drawn by the root seed, with all hits and `n_negatives` of
    the rest.
    """
    seed, settings = night.settings.seed, night.settings
    parts, n_groups = [], 0
    for data, chosen in _drawn(night, folds):
        rng = generator(seed, "ranker", data.fold.name)
        for block, (_, contribution) in stored_blocks(data, settings.lists.block_size):
            grade = grades(data, block.user_nums, block.items)
            wanted = np.isin(block.users, chosen)[block.rows]
            keep = _sample(block.rows, grade, settings.models.ranker.n_negatives, rng) & wanted
            if not keep.any():
                continue
            features = pair_features(block, contribution, data.features)
            _, group = np.unique(block.rows[keep], return_inverse=True)
            parts.append((features[keep], grade[keep], group + n_groups))
            n_groups += int(group.max()) + 1
    if not parts:
        return np.zeros((0, len(NAMES)), np.float32), np.zeros(0, np.int32), np.zeros(0, np.int64)
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))  # type: ignore[return-value]  # one array a column


def _drawn(night: Night, folds: Sequence[Fold]) -> Iterator[tuple[FoldData, NDArray[np.int32]]]:
    """Yields each fold with those of its users with a hit who train the ranker."""
    found = [_with_hit(FoldData(night, fold)) for fold in folds]
    first = np.cumsum([0, *map(len, found)])
    n_users, limit = int(first[-1]), night.settings.evaluation.max_ranker_users
    chosen = np.ones(n_users, dtype=bool)
    if limit < n_users:
        rng = generator(night.settings.seed, "ranker users")
        chosen = np.zeros(n_users, dtype=bool)
        chosen[rng.choice(n_users, limit, replace=False)] = True
    for fold, users, start in zip(folds, found, first, strict=False):
        kept = users[chosen[start : start + len(users)]]
        if len(kept):
            yield FoldData(night, fold), kept


def _with_hit(data: FoldData) -> NDArray[np.int32]:
    """Returns the users with a hit among their candidates, (n,) user numbers ascending."""
    path = data.night.get("candidates").table_path(CANDIDATES, data.fold.name)
    pairs = ("user_num", "item_num")
    hits = pl.scan_parquet(path).join(data.truth.lazy().select(pairs), on=pairs, how="semi")
    users = hits.select("user_num").unique().collect()["user_num"].sort()
    return users.to_numpy().astype(np.int32)


def _sample(
    rows: NDArray[np.int32], grade: NDArray[np.int32], n_negatives: int, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Returns which candidates train: every hit, and a few misses of each user who has one."""
    with_hit = np.bincount(rows, weights=grade > 0) > 0 if len(rows) else np.zeros(0, dtype=bool)
    frame = pl.DataFrame({"row": rows, "hit": grade > 0, "draw": rng.random(len(rows))})
    nth = pl.col("draw").rank("ordinal").over("row", "hit")
    chosen = frame.select(pl.col("hit") | (nth <= n_negatives)).to_series().to_numpy()
    sampled: NDArray[np.bool_] = chosen & with_hit[rows]
    return sampled


def make_ranker(night: Night) -> Made:
    """Makes `ranker`: test.ubj ranks the tests, release.ubj, which saw them, the release."""
    settings = night.settings.models.ranker

    def write(staging: Staging) -> None:
        folds = read_folds(night)
        for name, past in (
            ("test", folds.of("label")),
            ("release", (*folds.of("label"), *folds.of("test"))),
        ):
            features, grade, group = training_rows(night, past)
            staging.facts[f"{name}_rows"] = len(grade)
            staging.facts[f"{name}_groups"] = int(group.max()) + 1 if len(group) else 0
            if staging.facts[f"{name}_groups"] < settings.min_groups:
                continue  # too little came true to learn from: lists follow the blend instead
            model = fit_ranker(
                features, grade, group, settings, feature_names=list(NAMES),
                seed=derive_seed(night.settings.seed, "ranker", name),
            )  # fmt: skip
            staging.file(f"{name}.ubj").write_bytes(model.to_bytes())
            staging.write_json(f"{name}-importance.json", model.importance())

    inputs = [
        "folds", "users", "items", "interactions", "user_features", "item_features", "candidates",
    ]  # fmt: skip
    config = {
        "ranker": settings.model_dump(),
        "max_ranker_users": night.settings.evaluation.max_ranker_users,
    }
    return night.make("ranker", write, inputs=inputs, config=config)


def read_ranker(night: Night, name: str) -> RankerModel | None:
    """Returns a stored ranker, or None where too little came true to fit one."""
    artefact = night.get("ranker")
    if f"{name}.ubj" not in artefact.manifest.files:
        return None
    return RankerModel.from_bytes(artefact.file(f"{name}.ubj").read_bytes())
