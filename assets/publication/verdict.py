"""The gate's answer: one row per limit, in a form that is stored, shown and read back strictly."""

import json
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from core.errors import GateRefused, IntegrityError

Direction = Literal[">=", "<="]


class GateRow(BaseModel):
    """One number beside its bar."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    name: str
    """The limit's name, distinct within a verdict."""
    label: str
    """What the number is, for people."""
    value: float | None
    """The measurement; None where it is missing or not finite."""
    bar: float
    direction: Direction
    passed: bool
    note: str
    """Why there is no value, or what qualifies it, such as the power of a comparison."""
    next_step: str
    """What to do where the row did not pass."""

    @model_validator(mode="after")
    def _passed_follows_from_numbers(self) -> Self:
        if self.passed != clears(self.value, self.bar, self.direction):
            raise ValueError(
                f"row {self.name} says passed={self.passed} of {self.value} {self.direction} "
                f"{self.bar}"
            )
        return self

    def shortfall(self) -> str:
        """Returns the row as a clause that names value and bar, for a row that did not pass."""
        if self.value is None:
            return f"{self.label} is missing ({self.note}), the bar is {_shown(self.bar)}"
        side = "below" if self.direction == ">=" else "above"
        note = f" ({self.note})" if self.note else ""
        value, bar = _shown(self.value), _shown(self.bar)
        if value == bar:  # A miss by less than the rounding must not read as a hit.
            value, bar = repr(self.value), repr(self.bar)
        return f"{self.label} {value} is {side} {bar}{note}"


class Verdict(BaseModel):
    """Whether a release may be published, with every number that was asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    passed: bool
    rows: tuple[GateRow, ...]

    @model_validator(mode="after")
    def _passed_follows_from_rows(self) -> Self:
        names = [row.name for row in self.rows]
        if not names or len(set(names)) != len(names):
            raise ValueError(f"a verdict needs rows with distinct names, not {names}")
        if self.passed != all(row.passed for row in self.rows):
            raise ValueError(f"verdict says passed={self.passed} against its own rows")
        return self

    @classmethod
    def of(cls, rows: tuple[GateRow, ...]) -> Self:
        """Returns the verdict over rows: yes where every one passed."""
        return cls(passed=all(row.passed for row in rows), rows=rows)

    @property
    def failed_rows(self) -> tuple[GateRow, ...]:
        """The rows that did not pass, in the table's order."""
        return tuple(row for row in self.rows if not row.passed)

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON values; a missing value is null, never NaN."""
        return self.model_dump(mode="json")

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """Returns a stored verdict.

        Raises:
            IntegrityError: A field is missing, unknown, of another type or not finite, or a
                `passed` contradicts the numbers beside it.
        """
        try:
            return cls.model_validate_json(json.dumps(document, allow_nan=False))
        except (ValidationError, ValueError, TypeError, RecursionError) as error:
            reason = " ".join(str(error).split())[:300]
            raise IntegrityError(
                f"stored gate verdict cannot be trusted: {reason}; run the gate again"
            ) from error

    def failure_line(self) -> str | None:
        """Returns one line naming each number that fell short and the next step; None if none."""
        if self.passed:
            return None
        clauses = "; ".join(row.shortfall() for row in self.failed_rows)
        next_step = self.failed_rows[0].next_step
        line = f"gate refused: {clauses}; the current release stays; next step: {next_step}"
        return " ".join(line.split())

    def require_passed(self) -> None:
        """Raises GateRefused with the failure line unless every row passed."""
        line = self.failure_line()
        if line is not None:
            raise GateRefused(line)

    def to_markdown(self) -> str:
        """Returns a Markdown table, one line per row, failures marked in bold."""
        lines = ["| | limit | value | bar | note |", "|---|---|---:|---:|---|"]
        for row in self.rows:
            mark = "yes" if row.passed else "**no**"
            value = "missing" if row.value is None else _shown(row.value)
            cells = (mark, row.label, value, f"{row.direction} {_shown(row.bar)}", row.note)
            lines.append("| " + " | ".join(map(_cell, cells)) + " |")
        return "\n".join(lines) + "\n"


def clears(value: float | None, bar: float, direction: Direction) -> bool:
    """Returns whether a value reaches its bar; a missing value or NaN never does."""
    if value is None:
        return False
    return value >= bar if direction == ">=" else value <= bar


def _shown(number: float) -> str:
    return f"{number:.6g}"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
