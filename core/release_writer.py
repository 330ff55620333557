"""How a release comes to lie among the versions: staged, flushed, renamed, like any artefact."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from core.artefact import Artefact
from core.code_version import code_version
from core.errors import CheckFailed, IntegrityError, MachineFault
from core.manifest import Manifest
from core.release_store import KIND, ReleaseStore
from core.staging import Staging
from core.store import Plan, Store

_LOG = logging.getLogger("daybreak")


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
    """Adds versions to a release store; it reads the log and does not write to it."""

    def __init__(self, releases: ReleaseStore) -> None:
        releases.versions.mkdir(parents=True, exist_ok=True)
        self._releases = releases
        self._versions = _FlatStore(releases.versions)

    def find(self, plan: ReleasePlan) -> Artefact | None:
        """Returns the plan's stored release, or None; only its manifest is looked at.

        Raises:
            IntegrityError: its manifest is damaged.
            CheckFailed: it was made by another plan.
        """
        return _of_plan(self._versions.find(plan), plan)

    def make(
        self, plan: ReleasePlan, write: Callable[[Staging], None], *, recompute: bool = False
    ) -> tuple[Artefact, bool]:
        """Returns the plan's release, and whether it is the stored one, taken as it was.

        Args:
            plan: what determines it.
            write: fills the staging folder; called only where something is to compute.
            recompute: compute what is stored too, and hold it against the stored bytes.

        Raises:
            IntegrityError: the stored release is damaged, and the log has announced it.
            CheckFailed: the stored release was made by another plan.
            NotReproducible: with `recompute`, the result differs from the stored one.
            MachineFault: the disk is full or fails; nothing half-written stays.
        """
        try:
            stored = self._whole(plan)
            if stored and (not recompute or stored.manifest.redaction):
                return stored, True
            return self._build(plan, write), False
        except OSError as error:
            place = f" ({error.filename})" if error.filename else ""
            raise MachineFault(
                f"release {plan.version} could not be written: {error.strerror or error}{place}; "
                "free space or mend the disk and run again"
            ) from error

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

    def begin_redaction(self, release: Artefact) -> Staging:
        """Opens an empty staging folder for a release that is to be rewritten."""
        return self._versions.begin_redaction(release)

    def redact(
        self, release: Artefact, staging: Staging, claim: Callable[[Manifest], Manifest]
    ) -> Artefact:
        """Puts a rewritten release in the place of one, under the same id; see `Store.redact`."""
        return self._versions.redact(release, staging, claim)

    def _whole(self, plan: ReleasePlan) -> Artefact | None:
        """Returns what an identical plan made before, every byte looked at, or None.

        A damaged release that nobody was told of makes way for a new one. One that the log knows
        is never touched: readers may have it open, and their copies are named by its id.
        """
        try:
            return _of_plan(self._versions.find_whole(plan), plan)
        except IntegrityError as error:
            status = self._releases.log.standing().status(plan.version)
            if status is not None:
                raise IntegrityError(
                    f"{error}; release {plan.version} is {status} and is not made anew under its "
                    "id: restore its folder from a copy, or bar it with `daybreak release "
                    "rollback` and run the date again with another root seed"
                ) from error
            aside = self._versions.set_aside(plan)
            _LOG.warning("%s: it is made anew, and kept at %s", error, aside)
            return None

    def _build(self, plan: ReleasePlan, write: Callable[[Staging], None]) -> Artefact:
        staging = self.begin(plan)
        try:
            write(staging)
            return self.commit(plan, staging)
        except BaseException:
            self.abandon(staging)
            raise


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
