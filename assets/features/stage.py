"""Makes the feature artefacts: every table once for each fold, as of that fold's cut."""

from collections.abc import Iterator
from contextlib import contextmanager

from assets.evaluation.holdout import training_events
from assets.evaluation.protocol import Fold, Folds
from assets.features.interactions import interactions, recent_items
from assets.features.item_features import item_features
from assets.features.user_features import user_categories, user_features
from assets.features.weights import recency_table
from core.engine import Engine, Frame, open_engine
from core.night import Made, Night
from core.schemas import (
    CLEAN_EVENTS,
    HOLDOUT,
    INTERACTIONS,
    ITEM_FEATURES,
    ITEMS,
    RECENT_ITEMS,
    USER_CATEGORIES,
    USER_FEATURES,
)
from core.staging import Staging


class FoldTables:
    """The engine's frames of one night, cut for one fold after another."""

    def __init__(self, night: Night, engine: Engine) -> None:
        self.night = night
        self.engine = engine
        self.folds = Folds.from_json(night.get("folds").json("folds.json"))
        self._events = engine.scan(
            [night.get("clean_events").table_path(CLEAN_EVENTS)], CLEAN_EVENTS
        )
        self._holdout = engine.scan([night.get("folds").table_path(HOLDOUT)], HOLDOUT)

    def events(self, fold: Fold) -> Frame:
        """Returns the CLEAN_EVENTS that a fold may be fitted on."""
        return training_events(self._events, self._holdout, fold)

    def interactions(self, fold: Fold) -> Frame:
        """Returns a fold's INTERACTIONS as they are stored."""
        path = self.night.get("interactions").table_path(INTERACTIONS, fold.name)
        return self.engine.scan([path], INTERACTIONS)

    def items(self, fold: Fold) -> Frame:
        """Returns the ITEMS known at a fold's cut."""
        return self.engine.scan([self.night.get("folds").table_path(ITEMS, fold.name)], ITEMS)


@contextmanager
def fold_tables(night: Night) -> Iterator[FoldTables]:
    """Opens the engine in force on a night's folds."""
    with open_engine(night.settings.engine) as engine:
        yield FoldTables(night, engine)


def make_interactions(night: Night) -> Made:
    """Makes `interactions`: <fold>/interactions.parquet and <fold>/recent_items.parquet."""
    settings = night.settings

    def write(staging: Staging) -> None:
        with fold_tables(night) as tables:
            recency = tables.engine.from_polars(recency_table(settings.features))
            for fold in tables.folds.folds:
                pairs = interactions(
                    tables.events(fold),
                    tables.items(fold),
                    recency,
                    fold.fit_before_us,
                    settings.actions,
                )
                tables.engine.sink(pairs, INTERACTIONS, staging, fold.name)
                stored = tables.engine.scan(
                    [staging.file(f"{fold.name}/interactions.parquet")], INTERACTIONS
                )
                recent = recent_items(stored, settings.features.recent_items)
                tables.engine.sink(recent, RECENT_ITEMS, staging, fold.name)

    config = {
        "actions": settings.actions.model_dump(),
        "features": settings.features.model_dump(),
        "engine": settings.engine,
    }
    return night.make("interactions", write, inputs=["clean_events", "folds"], config=config)


def make_user_features(night: Night) -> Made:
    """Makes `user_features`: <fold>/user_features.parquet and <fold>/user_categories.parquet."""

    def write(staging: Staging) -> None:
        with fold_tables(night) as tables:
            for fold in tables.folds.folds:
                pairs = tables.interactions(fold)
                users = user_features(
                    tables.events(fold), tables.items(fold), pairs, fold.fit_before_us
                )
                tables.engine.sink(users, USER_FEATURES, staging, fold.name)
                categories = user_categories(pairs, tables.items(fold))
                tables.engine.sink(categories, USER_CATEGORIES, staging, fold.name)

    inputs = ["clean_events", "folds", "interactions"]
    return night.make(
        "user_features", write, inputs=inputs, config={"engine": night.settings.engine}
    )


def make_item_features(night: Night) -> Made:
    """Makes `item_features`: <fold>/item_features.parquet."""
    settings = night.settings

    def write(staging: Staging) -> None:
        with fold_tables(night) as tables:
            for fold in tables.folds.folds:
                features = item_features(
                    tables.events(fold),
                    tables.items(fold),
                    tables.interactions(fold),
                    fold.fit_before_us, settings.features,
                )  # fmt: skip
                tables.engine.sink(features, ITEM_FEATURES, staging, fold.name)

    inputs = ["clean_events", "folds", "interactions"]
    config = {"features": settings.features.model_dump(), "engine": settings.engine}
    return night.make("item_features", write, inputs=inputs, config=config)
