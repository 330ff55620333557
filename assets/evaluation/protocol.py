"""Which past is fitted on and which future is held out: the folds of one as-of date.

Three protocols, tried in this order (DESIGN.md, "Three cuts"):

    time split        one week for the ranker's labels, the next for the test
    rolling one-day   sixty one-day tests, pooled by user, where a week has too few users
    per-user          each user's last events, where no day has enough; not time-safe
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from core.days import DAY_US

Role = Literal["label", "test", "release"]
TIME_SPLIT = "time split"
ROLLING = "rolling one-day holdouts"
PER_USER = "per-user, not time-safe"


@dataclass(frozen=True)
class Fold:
    """One cut through time.

    Attributes:
        name: its folder inside artefacts.
        role: what it is for: the ranker's labels, the test, or the release itself.
        fit_before_us: sources and features see only events before this moment.
        truth_until_us: the held-out window ends here; equal to `fit_before_us` for the release.
        train_levels: with the per-user protocol, the holdout levels that training may see.
        truth_level: with the per-user protocol, the level held out; 0 otherwise.
    """

    name: str
    role: Role
    fit_before_us: int
    truth_until_us: int
    train_levels: tuple[int, ...] = ()
    truth_level: int = 0


@dataclass(frozen=True)
class Folds:
    """The folds of a date, in the order in which they are fitted, and their protocol."""

    protocol: str
    folds: tuple[Fold, ...]

    def of(self, role: Role) -> tuple[Fold, ...]:
        """Returns the folds of one role."""
        return tuple(fold for fold in self.folds if fold.role == role)

    @property
    def release(self) -> Fold:
        """The fold that is fitted on everything before D."""
        return self.of("release")[0]

    def without(self, names: Collection[str]) -> "Folds":
        """Returns the folds without those of some names."""
        return replace(self, folds=tuple(fold for fold in self.folds if fold.name not in names))

    @property
    def per_user(self) -> bool:
        """Whether events are held out by user instead of by time."""
        return self.protocol == PER_USER

    def to_json(self) -> dict[str, Any]:
        """Returns the folds as JSON values."""
        return {"protocol": self.protocol, "folds": [asdict(fold) for fold in self.folds]}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Folds":
        """Reads what `to_json` wrote."""
        return cls(
            value["protocol"],
            tuple(Fold(**{**f, "train_levels": tuple(f["train_levels"])}) for f in value["folds"]),
        )


def time_split(before_us: int, horizon_days: int) -> Folds:
    """Returns the folds fitted at D−2h, D−h and D."""
    h = horizon_days * DAY_US
    return Folds(
        TIME_SPLIT,
        (
            Fold("label", "label", before_us - 2 * h, before_us - h),
            Fold("test", "test", before_us - h, before_us),
            _release(before_us),
        ),
    )


def rolling(before_us: int, rolling_days: int) -> Folds:
    """Returns one label fold of half the span, then a one-day test fold for each day of it."""
    first = before_us - rolling_days * DAY_US
    label_days = max(1, rolling_days // 2)
    tests = (
        Fold(f"test-{day:03d}", "test", first + day * DAY_US, first + (day + 1) * DAY_US)
        for day in range(rolling_days)
    )
    label = Fold("label", "label", first - label_days * DAY_US, first)
    return Folds(ROLLING, (label, *tests, _release(before_us)))


def per_user(before_us: int) -> Folds:
    """Returns folds that hold out each user's last events: level 1 for the test, 2 for labels."""
    return Folds(
        PER_USER,
        (
            Fold("label", "label", before_us, before_us, (), 2),
            Fold("test", "test", before_us, before_us, (2,), 1),
            Fold("release", "release", before_us, before_us, (1, 2)),
        ),
    )


def _release(before_us: int) -> Fold:
    return Fold("release", "release", before_us, before_us)
