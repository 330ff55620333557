"""MLflow's model registry as a mirror of the release log, which alone decides what is published."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import InputError
from training.tracking_database import named_errors, open_client

if TYPE_CHECKING:
    from mlflow import MlflowClient

MODEL_NAME = "daybreak"
ALIASES = ("champion", "challenger", "previous")
_RELEASE_TAG = "release"


@dataclass(frozen=True)
class RegisteredRelease:
    """A release as the model registry shows it."""

    release_id: str
    source: str
    """URI or path of the release's folder. Only the reference is stored; nothing is copied."""
    run_id: str | None = None
    """The run that trained it, where known."""


def set_aliases(folder: Path, aliases: Mapping[str, RegisteredRelease | None]) -> dict[str, str]:
    """Points the registered model's aliases at releases, as the release log has them.

    Each release becomes one version of the model `daybreak`, found again by its tag, so that a
    second call with the same releases changes nothing. An alias that is None or absent is removed.

    Args:
        folder: The tracking folder.
        aliases: By alias (champion, challenger, previous), the release or None.

    Returns:
        By alias, the version that it now names.

    Raises:
        InputError: An alias is not one of `ALIASES`.
        UnreadableFile: The database is damaged, or of another MLflow version.
    """
    unknown = sorted(set(aliases) - set(ALIASES))
    if unknown:
        raise InputError(f"alias {unknown[0]!r} is not one of {', '.join(ALIASES)}")
    client = open_client(folder)
    with named_errors(folder):
        if not client.search_registered_models(f"name = '{MODEL_NAME}'"):
            client.create_registered_model(MODEL_NAME)
        current = client.get_registered_model(MODEL_NAME).aliases
        wanted = {
            alias: _version_of(client, release)
            for alias, release in aliases.items()
            if release is not None
        }
        for alias in ALIASES:
            if alias not in wanted and alias in current:
                client.delete_registered_model_alias(MODEL_NAME, alias)
            elif alias in wanted and str(current.get(alias)) != wanted[alias]:
                client.set_registered_model_alias(MODEL_NAME, alias, wanted[alias])
    return wanted


def _version_of(client: "MlflowClient", release: RegisteredRelease) -> str:
    # Names that could end a filter's quotation never reach the registry.
    if not re.fullmatch(r"[\w.\-]+", release.release_id):
        raise InputError(
            f"release id {release.release_id!r} holds other than letters, digits, . _ and -"
        )
    found = client.search_model_versions(
        f"name = '{MODEL_NAME}' and tag.{_RELEASE_TAG} = '{release.release_id}'"
    )
    if found:
        return str(found[0].version)
    created = client.create_model_version(
        MODEL_NAME,
        release.source,
        run_id=release.run_id,
        tags={_RELEASE_TAG: release.release_id},
        await_creation_for=0,
    )
    return str(created.version)
