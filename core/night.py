"""One as-of date of one home: where stages find their inputs and leave their results."""

import dataclasses
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from core.artefact import Artefact
from core.days import day_start_us, parse_day
from core.errors import IntegrityError, MachineFault
from core.home import Home
from core.home_lock import no_rewriting
from core.memory import peak_mb, reset_peak
from core.settings import Settings
from core.staging import Staging
from core.store import Plan, Store

_LOG = logging.getLogger("daybreak")


@dataclass(frozen=True)
class Made:
    """What a stage left behind.

    Attributes:
        artefact: the version.
        reused: whether the stored version of an identical plan was taken as it was.
        seconds: wall time.
        peak_mb: highest resident memory of the process while it was made, MiB.
    """

    artefact: Artefact
    reused: bool
    seconds: float
    peak_mb: float


@dataclass(frozen=True)
class Workspace:
    """What orchestration hands to every asset.

    Attributes:
        home: the home.
        settings: the settings in force.
        recompute: compute even what is stored, and hold it against the stored bytes.
    """

    home: Home
    settings: Settings
    recompute: bool = False

    def night(self, as_of: str) -> "Night":
        """Returns the view of one as-of date; raises UsageError for a text that is no date."""
        return Night(self.home, self.settings, parse_day(as_of), self.recompute)


@dataclass(frozen=True)
class Night:
    """One run's view of an as-of date.

    Attributes:
        home: the home.
        settings: the settings in force.
        as_of: the date D; only what happened before its 00:00 UTC may matter.
        recompute: compute even what is stored, and hold it against the stored bytes.
        rival: True for a champion refitted beside the night's own challenger: its results are
            kept like all others but never become the date's current ones.
    """

    home: Home
    settings: Settings
    as_of: date
    recompute: bool = False
    rival: bool = False
    _resolved: dict[str, Artefact] = field(default_factory=dict, repr=False)

    @cached_property
    def store(self) -> Store:
        """The home's artefact store."""
        return Store(self.home.artefacts)

    @property
    def key(self) -> str:
        """The date as it names folders and partitions."""
        return self.as_of.isoformat()

    @property
    def before_us(self) -> int:
        """D 00:00 UTC in microseconds."""
        return day_start_us(self.as_of)

    def get(self, kind: str) -> Artefact:
        """Returns the date's version of a kind; raises NotFound where it has none."""
        found = self._resolved.get(kind)
        if found is None:
            return self.store.current(kind, self.key)
        if found.path.is_dir():
            return found
        return self.store.version(kind, self.key, found.version)  # rewritten meanwhile

    def rival_of(self, settings: Settings) -> "Night":
        """Returns a view in which other settings are fitted on this night's own inputs."""
        return dataclasses.replace(self, settings=settings, rival=True, _resolved={})

    def make(
        self,
        kind: str,
        write: Callable[[Staging], None],
        *,
        inputs: Sequence[str] = (),
        config: Mapping[str, Any] | None = None,
    ) -> Made:
        """Makes one artefact, or takes the stored one that the same plan made before.

        Args:
            kind: its name.
            write: fills the staging folder; called only where something is to compute.
            inputs: the kinds that it reads.
            config: the settings that shape it, as JSON values.

        Raises:
            NotFound: an input has not been made for this date.
            NotReproducible: with `recompute`, the result differs from the stored one.
            MachineFault: the disk is full or fails; nothing half-written stays.
        """
        with no_rewriting(self.home):
            return self._make(kind, write, inputs, dict(config or {}))

    def _make(
        self,
        kind: str,
        write: Callable[[Staging], None],
        inputs: Sequence[str],
        config: dict[str, Any],
    ) -> Made:
        start = time.perf_counter()
        reset_peak()
        versions = {name: self.get(name).version for name in inputs}
        plan = Plan(kind, self.key, versions, config, self.settings.seed)
        try:
            stored = self._stored(plan)
            # A rewritten version is not what the plan made, and could not be made again.
            reused = stored is not None and (not self.recompute or stored.manifest.redaction > 0)
            artefact = stored if stored and reused else self._compute(plan, write)
            if not self.rival:
                self.store.make_current(artefact)
        except OSError as error:
            place = f" ({error.filename})" if error.filename else ""
            raise MachineFault(
                f"{kind} as of {self.key} could not be written: {error.strerror or error}{place}; "
                f"free space or mend the disk and run again"
            ) from error
        self._resolved[kind] = artefact
        made = Made(artefact, reused, time.perf_counter() - start, peak_mb())
        _LOG.info(
            "%-20s %s  %6.1f s  %6.0f MB%s", kind, artefact.version, made.seconds, made.peak_mb,
            "  (as before)" if reused else "",
        )  # fmt: skip
        return made

    def _stored(self, plan: Plan) -> Artefact | None:
        """Returns what an identical plan made before; a damaged version makes way for a new one."""
        try:
            return self.store.find_whole(plan)
        except IntegrityError as error:
            _LOG.warning("%s: it is made anew, and kept at %s", error, self.store.set_aside(plan))
            return None

    def _compute(self, plan: Plan, write: Callable[[Staging], None]) -> Artefact:
        staging = self.store.begin(plan)
        try:
            write(staging)
            return self.store.commit(plan, staging)
        except BaseException:
            self.store.abandon(staging)
            raise
