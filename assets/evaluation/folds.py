"""Makes the folds: the cuts of a date, what each may fit on, and what it must foretell."""

from dataclasses import dataclass
from functools import cached_property

import polars as pl

from assets.cleaning.hidden import hidden_config
from assets.cleaning.stage import CleanTables, clean_tables
from assets.evaluation.holdout import (
    held_out_events,
    newcomers_truth,
    per_user_holdout,
    rolling_pairs,
    training_events,
    truth,
)
from assets.evaluation.protocol import Fold, Folds, per_user, rolling, time_split
from assets.features.interactions import interactions
from assets.features.weights import recency_table
from core.days import DAY_US
from core.engine import Frame
from core.night import Made, Night
from core.schemas import HOLDOUT, ITEMS, TRUTH
from core.staging import Staging


@dataclass(frozen=True)
class CutFold:
    """A fold with the tables that define it.

    Attributes:
        fold: the cut.
        items: ITEMS known at it.
        truth: TRUTH of the users known at it.
        newcomers: TRUTH of those who came later.
    """

    fold: Fold
    items: pl.DataFrame
    truth: pl.DataFrame
    newcomers: pl.DataFrame


class Cutter:
    """Cuts one night's clean events into folds."""

    def __init__(self, night: Night, tables: CleanTables, holdout: pl.DataFrame) -> None:
        self._night = night
        self._tables = tables
        self._holdout = tables.engine.from_polars(holdout)

    @cached_property
    def _recency(self) -> Frame:
        return self._tables.engine.from_polars(recency_table(self._night.settings.features))

    def cut(self, fold: Fold) -> CutFold:
        """Returns one fold's items and truth; the release's truth is empty."""
        training = training_events(self._tables.clean_events, self._holdout, fold)
        items = self._tables.items_at(training, fold.fit_before_us)
        if fold.role == "release":
            nothing = pl.DataFrame(schema=TRUTH.polars)
            return CutFold(fold, items, nothing, nothing)
        held_out = held_out_events(self._tables.clean_events, self._holdout, fold)
        known = self._tables.engine.from_polars(items)
        past = self._pairs(training, known, fold.fit_before_us)
        future = self._pairs(held_out, known, fold.truth_until_us)
        collect = self._tables.engine.collect
        return CutFold(
            fold, items, collect(truth(past, future)), collect(newcomers_truth(past, future))
        )

    def _pairs(self, events: Frame, items: Frame, now_us: int) -> Frame:
        return interactions(events, items, self._recency, now_us, self._night.settings.actions)


Cut = tuple[Folds, pl.DataFrame, list[CutFold]]
"""The folds of a protocol, HOLDOUT, and each fold's tables."""


def choose_folds(night: Night, tables: CleanTables) -> Cut:
    """Returns the folds of the first protocol with enough users, HOLDOUT, and the folds cut."""
    evaluation = night.settings.evaluation
    whole = pl.DataFrame(schema=HOLDOUT.polars)
    span_us = max(evaluation.rolling_days, evaluation.horizon_days) * DAY_US
    pairs = rolling_pairs(tables.clean_events, night.before_us - span_us, night.before_us)
    bound = tables.engine.collect(pairs)["user_id"].n_unique()
    time_safe = (
        time_split(night.before_us, evaluation.horizon_days),
        rolling(night.before_us, evaluation.rolling_days),
    )
    for folds in time_safe:
        if bound < evaluation.min_users:
            break  # not even the most generous count suffices
        cut = [Cutter(night, tables, whole).cut(fold) for fold in folds.folds]
        if _n_tested(cut) >= evaluation.min_users:
            return _with_truth(folds, whole, cut)
    holdout = tables.engine.collect(per_user_holdout(tables.clean_events, evaluation.holdout_share))
    folds = per_user(night.before_us)
    return folds, holdout, [Cutter(night, tables, holdout).cut(fold) for fold in folds.folds]


def _with_truth(folds: Folds, holdout: pl.DataFrame, cut: list[CutFold]) -> Cut:
    """Leaves out tests in which nothing can be foretold: each fold costs a fit of every source."""
    empty = {one.fold.name for one in cut if one.fold.role == "test" and one.truth.is_empty()}
    kept = [one for one in cut if one.fold.name not in empty]
    return folds.without(empty), holdout, kept


def _n_tested(cut: list[CutFold]) -> int:
    tested = [one.truth["user_id"] for one in cut if one.fold.role == "test"]
    return pl.concat(tested).n_unique()


def make_folds(night: Night) -> Made:
    """Makes `folds`: folds.json, holdout.parquet, and for each fold its items and its truth.

    The truth is <fold>/truth.parquet for the users known at the cut, and
    <fold>-newcomers/truth.parquet for those who came later.
    """

    def write(staging: Staging) -> None:
        with clean_tables(night) as tables:
            folds, holdout, cut = choose_folds(night, tables)
            staging.write_json("folds.json", folds.to_json())
            staging.write_table(holdout, HOLDOUT)
            for one in cut:
                staging.write_table(one.items, ITEMS, one.fold.name)
                staging.write_table(one.truth, TRUTH, one.fold.name)
                staging.write_table(one.newcomers, TRUTH, newcomers_part(one.fold))
            tested = [one for one in cut if one.fold.role == "test"]
            staging.facts.update(
                protocol=folds.protocol,
                n_test_users=_n_tested(cut),
                n_test_pairs=sum(one.truth.height for one in tested),
            )

    settings = night.settings
    config = {
        "evaluation": settings.evaluation.model_dump(),
        "actions": settings.actions.model_dump(),
        "features": settings.features.model_dump(),
        "engine": settings.engine,
        **hidden_config(night),
    }
    return night.make("folds", write, inputs=["lake", "bot_scores", "clean_events"], config=config)


def newcomers_part(fold: Fold) -> str:
    """Returns the part of `folds` with the truth of a fold's newcomers."""
    return f"{fold.name}-newcomers"


def read_folds(night: Night) -> Folds:
    """Returns the folds of a night."""
    return Folds.from_json(night.get("folds").json("folds.json"))
