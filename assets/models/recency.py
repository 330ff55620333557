"""Makes the recency weights: how much what is taken to this week counts in each personal source.

Where items live for days (news) a source that looks at the whole past proposes what is over; where
they live for decades (films) this week says little. So each source's score of an item is multiplied
by (1 + log(1 + users of the last 7 days)) to a power, and the power is chosen on the label fold,
whose truth no source has seen: the best NDCG@10, the smaller power among equals.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from assets.evaluation.folds import read_folds
from assets.models.candidates import listed_users
from assets.models.fold_data import FoldData
from assets.models.fold_models import read_source
from core.night import Made, Night
from core.seeds import derive_seed
from core.staging import Staging
from training.held_out import HeldOut
from training.metrics import user_metrics

SOURCES = ("als", "neighbours", "two_tower")
POWERS = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0)
_MAX_USERS = 2_000
_MIN_USERS = 20


def make_recency(night: Night) -> Made:
    """Makes `recency`: powers.json, the power of each source; the facts hold all that was tried."""

    def write(staging: Staging) -> None:
        tried: dict[str, dict[float, float]] = {name: {} for name in SOURCES}
        for fold in read_folds(night).of("label"):
            data = FoldData(night, fold)
            users = _sample(data)
            tried = {name: _ndcg_by_power(data, name, users) for name in SOURCES}
        staging.write_json("powers.json", {name: best(found) for name, found in tried.items()})
        staging.facts["ndcg@10"] = {
            name: {str(power): value for power, value in found.items()}
            for name, found in tried.items()
        }

    inputs = ["folds", "users", "items", "interactions", "item_features", *SOURCES]
    return night.make("recency", write, inputs=inputs, config={"powers": list(POWERS)})


def best(found: Mapping[float, float]) -> float:
    """Returns the power with the best value, the smaller among equals; 0 where none was measured.

    >>> best({0.0: 0.1, 0.5: 0.2, 1.0: 0.2}), best({})
    (0.5, 0.0)
    """
    return min(found, key=lambda power: (-found[power], power), default=0.0)


def _sample(data: FoldData) -> NDArray[np.int32]:
    users = listed_users(data)
    if len(users) <= _MAX_USERS:
        return users
    rng = np.random.default_rng(derive_seed(data.night.settings.seed, "recency"))
    return np.sort(rng.choice(users, _MAX_USERS, replace=False))


def _ndcg_by_power(data: FoldData, name: str, users: NDArray[np.int32]) -> dict[float, float]:
    if len(users) < _MIN_USERS:
        return {}
    rows = data.truth.filter(data.truth["user_num"].is_in(users.tolist()))
    truth = HeldOut.from_pairs(
        np.searchsorted(users, rows["user_num"].to_numpy()), rows["item_num"].to_numpy(),
        n_users=len(users), n_items=data.numbering.shape[1],
    )  # fmt: skip
    found = {}
    for power in POWERS:
        source = read_source(data, name, power)
        listed, _ = source.propose(users, 10, data.history.seen[users], data.allowed)
        values = user_metrics(listed, truth, cutoffs=(10,)).values["ndcg@10"]
        found[power] = round(float(values.mean()), 6)
    return found
