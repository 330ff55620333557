"""What a validation found: one row a check, and the pages that Great Expectations can show."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class CheckRow:
    """One check's verdict.

    Attributes:
        name: the check's name, unique in its table.
        passed: whether it holds.
        observed: the number found; None where it could not be measured.
        expected: what the number must be, in words.
        note: what to look at, empty where there is nothing to say.
    """

    name: str
    passed: bool
    observed: float | int | None
    expected: str
    note: str = ""


@dataclass(frozen=True)
class SuiteResult:
    """One table's verdicts.

    Attributes:
        table: the table's name.
        rows: the verdicts, in the order of the suite.
        n_rows: rows of the table; 0 where it cannot be read.
        seconds: wall time.
        pages: Great Expectations' suites and results as JSON values, for `docs.write_docs`.
    """

    table: str
    rows: tuple[CheckRow, ...]
    n_rows: int
    seconds: float = 0.0
    pages: tuple[dict[str, Any], ...] = field(default=(), repr=False)

    @property
    def passed(self) -> bool:
        """Whether there are checks and each of them passed."""
        return bool(self.rows) and all(row.passed for row in self.rows)

    @property
    def failed(self) -> tuple[CheckRow, ...]:
        """The checks that did not pass."""
        return tuple(row for row in self.rows if not row.passed)

    def failure_line(self) -> str:
        """Returns one line that names each check that failed, with value, limit and next step."""
        if self.passed:
            return ""
        named = "; ".join(
            f"{row.name} is {row.observed}, expected {row.expected}"
            + (f" ({row.note})" if row.note else "")
            for row in self.failed[:5]
        )
        more = f" and {len(self.failed) - 5} more" if len(self.failed) > 5 else ""
        return f"table {self.table}: {named or 'no check ran'}{more}; see its Data Docs page"

    def as_dict(self) -> dict[str, Any]:
        """Returns the verdicts as JSON values, without times: equal tables, equal values."""
        return {
            "table": self.table,
            "passed": self.passed,
            "n_rows": self.n_rows,
            "checks": [
                {
                    "name": row.name,
                    "passed": row.passed,
                    "observed": row.observed,
                    "expected": row.expected,
                    "note": row.note,
                }
                for row in self.rows
            ],
        }
