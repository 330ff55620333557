"""Champion against challenger: the champion's stored configuration, refitted at the same cuts."""

from dataclasses import dataclass
from typing import Any

import polars as pl
from pydantic import ValidationError

from assets.evaluation.measure import compare
from assets.evaluation.stage import LISTS, make_evaluation
from assets.models.candidates import make_candidates
from assets.models.ranker import make_ranker
from assets.models.recency import make_recency
from assets.models.stage import make_als, make_neighbours, make_popularity, make_two_tower
from core.artefact import Artefact
from core.errors import CheckFailed
from core.list_settings import ListSettings
from core.night import Night
from core.release_store import ReleaseStore
from core.schemas import USER_METRICS
from core.settings import ModelSettings, Settings

_STAGES = (
    make_popularity, make_als, make_neighbours, make_two_tower, make_recency, make_candidates,
    make_ranker, make_evaluation,
)  # fmt: skip


def stored_configuration(settings: Settings) -> dict[str, Any]:
    """Returns what a release keeps so that it can be refitted later as the champion."""
    return {"models": settings.models.model_dump(), "lists": settings.lists.model_dump()}


@dataclass(frozen=True)
class Champion:
    """The release that a challenger is held against.

    Attributes:
        release: its id.
        settings: the settings in force, with its own models and lists.
    """

    release: str
    settings: Settings


def find_champion(night: Night) -> Champion | None:
    """Returns the release before this date, or None for a first release.

    Raises:
        IntegrityError: its manifest is damaged.
        CheckFailed: its configuration is not one that this version knows.
    """
    releases = ReleaseStore(night.home.releases)
    release = releases.log.champion_before(night.key)
    if release is None:
        return None
    stored = releases.manifest(release).config
    try:
        sections = {
            "models": ModelSettings.model_validate(stored["models"]),
            "lists": ListSettings.model_validate(stored["lists"]),
        }
    except (KeyError, ValidationError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckFailed(
            f"release {release} cannot be refitted as the champion, its stored configuration is "
            f"not one of this version ({reason}); publish with the version that made it, or roll "
            "it back"
        ) from error
    return Champion(release, night.settings.model_copy(update=sections))


def refit(night: Night, champion: Champion) -> Artefact:
    """Returns the evaluation of the champion's configuration on this night's folds.

    A source whose configuration is the challenger's is taken as it was stored: the same plan has
    the same version. Where all are, the evaluation itself is the challenger's.
    """
    rival = night.rival_of(champion.settings)
    for make in _STAGES:
        made = make(rival)
    return made.artefact


def comparison(night: Night, champion: Champion) -> dict[str, Any]:
    """Returns the gate's numbers of challenger against champion.

    Returns:
        quality_lower, quality_power, quality_users, coverage_ratio, and the whole comparison.
    """
    new, old = night.get("evaluation"), refit(night, champion)
    metric, margin = night.settings.gate.quality_metric, night.settings.gate.margin
    sides = {"challenger": new, "champion": old}
    metrics = pl.concat(
        artefact.table(USER_METRICS)
        .filter(pl.col("system") == LISTS)
        .with_columns(system=pl.lit(side))
        for side, artefact in sides.items()
    )
    found = compare(
        metrics, "challenger", "champion", metric, night.settings.evaluation,
        night.settings.seed, margin,
    )  # fmt: skip
    before, after = old.facts.get("coverage"), new.facts.get("coverage")
    return {
        "quality_lower": found.lower,
        "quality_power": found.power,
        "quality_users": found.n_users,
        "coverage_ratio": after / before if before and after is not None else None,
        "comparison": {**vars(found), "metric": metric, "champion": champion.release},
    }
