"""All settings: `daybreak.toml`, overridden by `DAYBREAK_…` variables, read here alone."""

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import UsageError
from core.explanation_settings import ExplanationSettings
from core.gate_settings import GateSettings
from core.ingest_settings import IngestSettings
from core.intake_settings import IntakeSettings
from core.limit_settings import LimitSettings
from core.list_settings import EvaluationSettings, ListSettings
from core.model_settings import (
    AlsSettings,
    NeighboursSettings,
    PopularitySettings,
    RankerSettings,
    TwoTowerSettings,
)
from core.release_settings import ReleaseSettings
from core.retention_settings import RetentionSettings
from core.security_settings import SecuritySettings
from core.serving_settings import ServingSettings
from core.transform_settings import ActionSettings, CleaningSettings, FeatureSettings

_RESERVED = {"DAYBREAK_HOME", "DAYBREAK_DATA", "DAYBREAK_CONFIG", "DAYBREAK_WEBHOOK"}
_FROZEN = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class ModelSettings(BaseModel):
    """How the models are fitted: what a champion's stored configuration holds."""

    model_config = _FROZEN

    popularity: PopularitySettings = PopularitySettings()
    """Popularity by horizon, by category, and trending."""
    als: AlsSettings = AlsSettings()
    """Implicit matrix factorisation."""
    neighbours: NeighboursSettings = NeighboursSettings()
    """Item neighbours."""
    two_tower: TwoTowerSettings = TwoTowerSettings()
    """The two-tower network."""
    ranker: RankerSettings = RankerSettings()
    """LambdaMART over the sources' candidates."""


class Settings(BaseModel):
    """Everything that can be set; each section has its own file in `core/`."""

    model_config = _FROZEN

    seed: int = Field(default=20260101, ge=0, lt=2**53)
    """Root seed, from which every consumer derives its own by name."""
    engine: str = Field(default="polars", pattern="^(polars|duckdb|spark)$")
    """Which engine runs the table transforms: polars, duckdb or spark."""
    ingest: IngestSettings = IngestSettings()
    """What ingest accepts."""
    actions: ActionSettings = ActionSettings()
    """What each action is worth."""
    cleaning: CleaningSettings = CleaningSettings()
    """Which events count."""
    features: FeatureSettings = FeatureSettings()
    """Horizons and half-lives."""
    models: ModelSettings = ModelSettings()
    """How the models are fitted."""
    evaluation: EvaluationSettings = EvaluationSettings()
    """Cuts, holdouts and intervals."""
    lists: ListSettings = ListSettings()
    """Lengths, caps and stages."""
    explanations: ExplanationSettings = ExplanationSettings()
    """Sentences."""
    gate: GateSettings = GateSettings()
    """The limits that a release must keep."""
    retention: RetentionSettings = RetentionSettings()
    """What is kept, and for how long."""
    serving: ServingSettings = ServingSettings()
    """The lookup service."""
    intake: IntakeSettings = IntakeSettings()
    """Events that are posted, and lists that were served."""
    limits: LimitSettings = LimitSettings()
    """What one caller may take of it."""
    security: SecuritySettings = SecuritySettings()
    """Who may ask it."""
    releases: ReleaseSettings = ReleaseSettings()
    """Where releases live beside the home."""


def load_settings(
    path: Path | None = None, environment: Mapping[str, str] | None = None
) -> Settings:
    """Returns the settings in force.

    Args:
        path: the TOML file; DAYBREAK_CONFIG, else `daybreak.toml` in the working folder, else the
            one beside the package; its absence leaves every default.
        environment: the variables; `DAYBREAK_LISTS__LENGTH=40` sets `[lists] length`.

    Raises:
        UsageError: the file is missing or no TOML, a key is unknown, or a value is out of range.
    """
    variables = os.environ if environment is None else environment
    tree = _read_toml(path or _find_file(variables))
    for name in sorted(variables):
        if name.startswith("DAYBREAK_") and name not in _RESERVED:
            _put(tree, name, variables[name])
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"setting {place!r} = {first.get('input')!r}: {first['msg']}; see docs/settings.md"
        ) from None


def _find_file(variables: Mapping[str, str]) -> Path | None:
    if named := variables.get("DAYBREAK_CONFIG"):
        return Path(named)
    candidates = (Path("daybreak.toml"), Path(__file__).resolve().parent.parent / "daybreak.toml")
    return next((path for path in candidates if path.is_file()), None)


def _read_toml(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(
            f"settings file {str(path)!r} does not exist; see DAYBREAK_CONFIG"
        ) from None
    except OSError as error:
        raise UsageError(
            f"settings file {str(path)!r} cannot be read ({error.strerror}); see DAYBREAK_CONFIG"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"settings file {str(path)!r} is no TOML: {error}") from None


def _put(tree: dict[str, Any], name: str, text: str) -> None:
    """Sets one value of the tree from a variable; JSON where it parses as such, else text."""
    *sections, key = name.removeprefix("DAYBREAK_").lower().split("__")
    for section in sections:
        tree = tree.setdefault(section, {})
        if not isinstance(tree, dict):
            raise UsageError(
                f"variable {name} names a section that is a value; see docs/settings.md"
            )
    try:
        tree[key] = json.loads(text)
    except (ValueError, RecursionError):
        tree[key] = text
