"""How a release comes to lie among the versions: staged, flushed, renamed, like any artefact."""

from dataclasses import dataclass, field
from pathlib import Path

from core.artefact import Artefact
from core.code_version import code_version
from core.errors import CheckFailed
from core.release_store import KIND, ReleaseStore
from core.staging import Staging
from core.store import Plan, Store


@dataclass(frozen=True)
class ReleasePlan(Plan):
    """Everything that determines a release's content; its kind is always `release`."""

    kind: str = field(default=KIND, kw_only=True)

    @property
    def version(self) -> str:
        """The release's id: its as-of date, a dot, and six digits of the plan's hash."""
        return f"{self.as_of}.{super().version[:6]}"


class _FlatStore(Store):
    """A store whose versions lie side by side, as their ids name their dates."""

    def _folder(self, kind: str, as_of: str) -> Path:
        return self.root


class ReleaseWriter:
    """Adds versions to a release store; it does not touch the log."""

    def __init__(self, releases: ReleaseStore) -> None:
        releases.versions.mkdir(parents=True, exist_ok=True)
        self._versions = _FlatStore(releases.versions)

    def find(self, plan: ReleasePlan) -> Artefact | None:
        """Returns the plan's stored release, or None; only its manifest is looked at.

        Raises:
            IntegrityError: its manifest is damaged.
            CheckFailed: it was made by another plan.
        """
        return _of_plan(self._versions.find(plan), plan)

    def find_whole(self, plan: ReleasePlan) -> Artefact | None:
        """Returns the plan's stored release after a look at every byte, or None.

        Raises:
            IntegrityError: it is damaged.
            CheckFailed: it was made by another plan.
        """
        return _of_plan(self._versions.find_whole(plan), plan)

    def set_aside(self, plan: ReleasePlan) -> Path:
        """Puts a damaged release that nobody was told of under a hidden name; returns where."""
        return self._versions.set_aside(plan)

    def begin(self, plan: ReleasePlan) -> Staging:
        """Opens an empty staging folder."""
        return self._versions.begin(plan)

    def commit(self, plan: ReleasePlan, staging: Staging) -> Artefact:
        """Flushes and renames a staged release into place; returns it.

        Raises:
            NotReproducible: the release exists with other content.
        """
        return self._versions.commit(plan, staging)

    def abandon(self, staging: Staging) -> None:
        """Removes a staging folder whose build failed."""
        self._versions.abandon(staging)


def _of_plan(found: Artefact | None, plan: ReleasePlan) -> Artefact | None:
    """Returns what was found; six digits of a hash may be those of another plan too."""
    if found is not None:
        made = found.manifest
        stored = (made.inputs, made.config, made.seed, made.code_version)
        if stored != (dict(plan.inputs), dict(plan.config), plan.seed, code_version()):
            raise CheckFailed(
                f"release {plan.version} was made by another plan of the same id; "
                f"change the root seed and run again"
            )
    return found
