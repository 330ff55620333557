"""The checks that must stand behind a release: each a stored verdict on one exact version."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assets.cleaning.exclusion import Account, check_account
from assets.cleaning.stage import lake_paths
from assets.ingest.stage import check_totals
from core.errors import CheckFailed, NotFound
from core.night import Made, Night
from core.schemas import (
    CLEAN_EVENTS,
    EVENTS,
    INTERACTIONS,
    ITEM_FEATURES,
    ITEMS,
    LISTS,
    USER_FEATURES,
    USERS,
    Table,
)
from core.staging import Staging
from expectations.docs import write_docs
from expectations.invariants import Limits, Reference, invariants
from expectations.result import CheckRow
from expectations.run import validate

_ITEMS = ("item_id", ("items", ITEMS, ""))
_USERS = ("user_id", ("users", USERS, ""))


@dataclass(frozen=True)
class Contract:
    """What is checked of one artefact.

    Attributes:
        table: the table that is held to its schema.
        part: the fold whose table is checked, where there are several.
        references: by column, the artefact, table and part in which its values must be found.
        min_rows: fewest rows.
        account: whether the artefact keeps an account that must balance.
    """

    table: Table
    part: str = ""
    references: Mapping[str, tuple[str, Table, str]] = field(default_factory=dict)
    min_rows: int = 1
    account: bool = False


CONTRACTS: Mapping[str, Contract] = {
    "lake": Contract(EVENTS, account=True),
    "clean_events": Contract(CLEAN_EVENTS, account=True),
    "items": Contract(ITEMS),
    "users": Contract(USERS),
    "interactions": Contract(INTERACTIONS, "release", dict([_USERS])),
    "user_features": Contract(USER_FEATURES, "release", dict([_USERS])),
    "item_features": Contract(ITEM_FEATURES, "release"),
    "explanations": Contract(LISTS, references=dict([_ITEMS, _USERS])),
}
"""The artefacts that must have passed before a release of them is published."""


def check_names(kind: str) -> list[str]:
    """Returns the names of an artefact's checks, known without running them."""
    contract = CONTRACTS[kind]
    known = {
        column: Reference(of, [], column) for column, (of, _, _) in contract.references.items()
    }
    found = invariants(contract.table, known, Limits(min_rows=contract.min_rows))
    several = kind == "lake"  # its files are each in order, but not together
    names = [one.name for one in found if not (several and one.name == "in_key_order")]
    account = ["account_balances"] if contract.account else []
    return ["readable", *names, "sample", *account]


def make_check(night: Night, kind: str) -> Made:
    """Makes `check_<kind>`: a verdict on the exact version that is current, and Data Docs."""
    contract = CONTRACTS[kind]

    def write(staging: Staging) -> None:
        result = validate(
            contract.table,
            _paths(night, kind, contract),
            references={
                column: Reference(of, night.get(of).table_path(table, part), column)
                for column, (of, table, part) in contract.references.items()
            },
            limits=Limits(min_rows=contract.min_rows),
            run_at=datetime.combine(night.as_of, datetime.min.time(), UTC),
        )
        rows = _named_rows(kind, result.rows)
        if contract.account:
            rows.append(_account_row(night, kind))
        passed = all(row.passed for row in rows)
        staging.write_json(
            "verdict.json",
            {
                "kind": kind,
                "passed": passed,
                "n_rows": result.n_rows,
                "checks": [vars(row) for row in rows],
            },
        )
        write_docs([result], staging.file("docs"))
        staging.facts["passed"] = passed

    inputs = [kind, *sorted({of for of, _, _ in contract.references.values()} - {kind})]
    return night.make(f"check_{kind}", write, inputs=inputs)


def _paths(night: Night, kind: str, contract: Contract) -> Path | Sequence[Path]:
    if kind == "lake":
        return lake_paths(night, contract.table)
    return night.get(kind).table_path(contract.table, contract.part)


def _named_rows(kind: str, rows: Sequence[CheckRow]) -> list[CheckRow]:
    """Returns one row for every name of `check_names`; the sample's checks become one row."""
    by_name = {row.name: row for row in rows}
    sample = [row for row in rows if row.name.startswith("sample_")]
    bad = [row for row in sample if not row.passed]
    note = "; ".join(f"{row.name}: {row.note or row.observed}" for row in bad[:5])
    by_name["sample"] = CheckRow(
        "sample", bool(sample) and not bad, len(bad), "0 of the sample's checks fail", note
    )
    missing = "gave no result"
    return [
        by_name.get(name, CheckRow(name, False, None, "a result", missing))
        for name in check_names(kind)
        if name != "account_balances"
    ]


def _account_row(night: Night, kind: str) -> CheckRow:
    facts = night.get(kind).facts
    try:
        if kind == "lake":
            check_totals(facts)
        else:
            check_account(Account(**facts["account"]))
    except CheckFailed as error:
        return CheckRow("account_balances", False, None, "every record in one place", str(error))
    return CheckRow("account_balances", True, 0, "every record in one place")


def required_checks(night: Night, versions: Mapping[str, str]) -> dict[str, bool | None]:
    """Returns, for each contract, whether it held for exactly the versions behind a release.

    None where there is no verdict, or one on another version: the gate reads that as a no.

    Args:
        night: the date.
        versions: `lineage` of the release.
    """
    return {kind: _verdict(night, kind, versions) for kind in CONTRACTS}


def _verdict(night: Night, kind: str, versions: Mapping[str, str]) -> bool | None:
    version = versions.get(kind)
    try:
        check = night.get(f"check_{kind}")
    except NotFound:
        return None
    judged = check.manifest.inputs
    if version is None or judged.get(kind) != version:
        return None
    if any(versions.get(of) != one for of, one in judged.items()):
        return None  # held against other items or users than the release's
    document: dict[str, Any] = check.json("verdict.json")
    ran = [row["name"] for row in document["checks"]] == check_names(kind)
    return ran and bool(document["passed"]) and all(row["passed"] for row in document["checks"])
