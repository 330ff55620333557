"""May this release be published? One table of limits and one evaluator.

A limit is one line in `LIMITS`: the measurement it reads, the setting that holds its bar, and
what to do when it falls short. The publishing step supplies the measurements by name, together
with the result of every check on the exact versions it is about to publish.

Whatever is missing is a no: an absent measurement, a NaN, a check that was skipped, no checks at
all, and a baseline that should be there (any release but the first) and is not.
"""

import math
import numbers
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from assets.publication.verdict import Direction, GateRow, Verdict, clears
from core.gate_settings import GateSettings

When = Literal["always", "first", "later"]


@dataclass(frozen=True)
class Limit:
    """One line of the gate's table."""

    name: str
    """The measurement's key. Where two limits read one measurement, a suffix after a colon keeps
    the names distinct."""
    direction: Direction
    bar: Callable[[GateSettings], float]
    when: When
    """`first` and `later`: asked only of the first release, or only of those after it."""
    next_step: str
    label: str = ""
    """What people read, `{metric}` being the quality metric; else the name with spaces."""
    context: tuple[str, ...] = ()
    """Further measurements that the note prints beside the number."""

    @property
    def measurement(self) -> str:
        """The key under which the measured number comes."""
        return self.name.partition(":")[0]


_COMPARE = "read the date's evaluation report and undo what changed the setting or the data"
_RELIST = "read the checks of the lists, mend the rule and run the date again"
_INPUTS = "look for missing files in the landing zone and run the date again"

LIMITS: tuple[Limit, ...] = (
    Limit(
        "quality_lower",
        ">=",
        lambda s: -s.margin,
        "later",
        _COMPARE,
        label="{metric} relative difference lower bound",
        context=("quality_power", "quality_users"),
    ),
    Limit(
        "popularity_gain_lower",
        ">=",
        lambda s: s.min_gain_over_popularity,
        "first",
        "import more events and run the date again",
        label="{metric} gain over popularity lower bound",
        context=("popularity_gain_users",),
    ),
    Limit("coverage_ratio", ">=", lambda s: s.min_coverage_ratio, "later", _COMPARE),
    Limit("users_covered_ratio", ">=", lambda s: s.min_users_covered_ratio, "later", _INPUTS),
    Limit("items_ratio:low", ">=", lambda s: s.items_ratio_range[0], "later", _INPUTS),
    Limit("items_ratio:high", "<=", lambda s: s.items_ratio_range[1], "later", _INPUTS),
    Limit("list_overlap", ">=", lambda s: s.min_list_overlap, "later", _COMPARE),
    Limit("empty_list_share", "<=", lambda s: s.max_empty_lists, "always", _RELIST),
    Limit("seen_items", "<=", lambda s: s.max_seen_items, "always", _RELIST),
    Limit("non_finite_numbers", "<=", lambda s: s.max_non_finite, "always", _RELIST),
    Limit("null_keys", "<=", lambda _: 0.0, "always", _RELIST),
    Limit("doubled_keys", "<=", lambda _: 0.0, "always", _RELIST),
    Limit(
        "packed_unlike_tables",
        "<=",
        lambda _: 0.0,
        "always",
        "mend the release's builder or reader and run the date again",
        label="users who read another list than their tables say",
    ),
)


def evaluate_gate(
    measurements: Mapping[str, float | None],
    settings: GateSettings,
    *,
    required_checks: Mapping[str, bool | None],
    first_release: bool,
) -> Verdict:
    """Returns the verdict over every limit that applies and every required check.

    Args:
        measurements: By `Limit.measurement`, such as `coverage_ratio`; None, NaN, infinity and
            absence all mean missing. Names that no limit reads are ignored, so a whole report
            can be passed.
        settings: The bars.
        required_checks: By name, whether the check passed; None where it was skipped or left no
            result. No entry at all is itself a failure.
        first_release: True where nothing was ever published, so that there is no champion.

    Returns:
        Rows in the table's order, then the checks by name.
    """
    skipped: When = "later" if first_release else "first"
    rows = [_limit_row(limit, measurements, settings) for limit in LIMITS if limit.when != skipped]
    n_checks = float(len(required_checks))
    rows.append(
        GateRow(
            name="checks",
            label="number of checks read",
            value=n_checks,
            bar=1.0,
            direction=">=",
            passed=n_checks >= 1.0,
            note="",
            next_step="materialise the date together with its checks",
        )
    )
    rows.extend(_check_row(name, required_checks[name]) for name in sorted(required_checks))
    return Verdict.of(tuple(rows))


def _limit_row(
    limit: Limit, measurements: Mapping[str, float | None], settings: GateSettings
) -> GateRow:
    value, reason = _finite(measurements.get(limit.measurement))
    context = [f"{name} {_shown(measurements.get(name))}" for name in limit.context]
    label = limit.label.format(metric=settings.quality_metric)
    label = label or limit.measurement.replace("_", " ")
    bar = float(limit.bar(settings))
    return GateRow(
        name=limit.name,
        label=label,
        value=value,
        bar=bar,
        direction=limit.direction,
        passed=clears(value, bar, limit.direction),
        note=", ".join(part for part in (reason, *context) if part),
        next_step=limit.next_step,
    )


def _check_row(name: str, result: bool | None) -> GateRow:
    # Only a true boolean is a yes: a string or number here is a mistake, not a result.
    known = isinstance(result, bool | np.bool_)
    value = float(result) if known and result is not None else None
    return GateRow(
        name=f"check:{name}",
        label=f"check {name}",
        value=value,
        bar=1.0,
        direction=">=",
        passed=clears(value, 1.0, ">="),
        note={None: "skipped or without a result", 0.0: "failed", 1.0: ""}[value],
        next_step=f"read the result of check {name} and run the date again with its checks",
    )


def _finite(value: float | None) -> tuple[float | None, str]:
    """Returns the number and no reason, or None and why there is no number."""
    if value is None:
        return None, "not measured"
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        return None, f"{value!r} is not a number"
    number = float(value)
    return (number, "") if math.isfinite(number) else (None, f"{number} is not a finite number")


def _shown(value: float | None) -> str:
    number, _ = _finite(value)
    return "missing" if number is None else f"{number:.4g}"
