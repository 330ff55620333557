"""Each check says no where it should, and a verdict on anything else than the release is none."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.publication.checks import CONTRACTS, check_names, make_check, required_checks
from core.artefact import Artefact
from core.errors import IntegrityError
from core.home import Home
from core.night import Night, Workspace
from core.schemas import CLEAN_EVENTS, EVENTS, INTERACTIONS, ITEMS, USERS, Table
from core.staging import Staging
from core.tables import write_table
from tests import tiny_night, toy

ALL_YES = dict.fromkeys(CONTRACTS, True)
SETTLED = {"accepted": 2, "clean": 2, "bot": 0, "opted_out": 0, "not_before": 0}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("checks")
    tiny_night.tables_only(home)
    return home


@pytest.fixture
def night(base: Path, tmp_path: Path) -> Night:
    shutil.copytree(base, tmp_path, dirs_exist_ok=True)
    return Workspace(Home(tmp_path), tiny_night.SETTINGS).night(toy.AS_OF.isoformat())


def writing(
    table: Table, frame: pl.DataFrame, part: str = "", **facts: object
) -> Callable[[Staging], None]:
    def write(staging: Staging) -> None:
        staging.write_table(frame, table, part)
        staging.facts.update(facts)

    return write


def verdict(night: Night, kind: str) -> dict[str, Any]:
    document: dict[str, Any] = make_check(night, kind).artefact.json("verdict.json")
    return document


def failed(document: Mapping[str, Any]) -> list[str]:
    return [row["name"] for row in document["checks"] if not row["passed"]]


@pytest.mark.parametrize("kind", CONTRACTS)
def test_the_names_of_the_checks_are_known_beforehand(kind: str) -> None:
    names = check_names(kind)
    assert len(set(names)) == len(names) > 5
    assert names[0] == "readable"
    assert ("account_balances" in names) == (kind in ("lake", "clean_events"))


@pytest.mark.parametrize("kind", ["items", "interactions"])
def test_tables_in_order_pass_and_docs_are_kept(night: Night, kind: str) -> None:
    made = make_check(night, kind).artefact
    document = made.json("verdict.json")
    assert failed(document) == []
    assert document["passed"] is True
    assert [row["name"] for row in document["checks"]] == check_names(kind)
    assert document["n_rows"] > 0
    assert made.facts == {"passed": True}
    assert made.file("docs/index.html").stat().st_size > 500
    assert made.manifest.inputs[kind] == night.get(kind).version


def test_a_reference_into_nothing_is_a_no(night: Night) -> None:
    pairs = night.get("interactions").table(INTERACTIONS, "release")
    stranger = pairs.with_columns(user_id=pl.col("user_id").replace("u05", "stranger"))
    night.make("interactions", writing(INTERACTIONS, stranger, "release"), config={"bad": 1})
    document = verdict(night, "interactions")
    assert document["passed"] is False
    assert failed(document) == [name for name in check_names("interactions") if "in_users" in name]


def test_an_empty_table_is_a_no(night: Night) -> None:
    night.make("items", writing(ITEMS, toy.rows_of(ITEMS, [])), config={"bad": 1})
    document = verdict(night, "items")
    assert document["passed"] is False
    assert document["n_rows"] == 0


def test_a_doubled_key_is_a_no(night: Night) -> None:
    people = night.get("users").table(USERS)
    night.make("users", writing(USERS, pl.concat([people, people[:1]])), config={"bad": 1})
    assert any("unique" in name or "key" in name for name in failed(verdict(night, "users")))


def test_a_table_that_cannot_be_read_fails_every_check(night: Night) -> None:
    night.get("items").table_path(ITEMS).write_bytes(b"torn")
    document = verdict(night, "items")
    assert document["passed"] is False
    assert "readable" in failed(document)
    assert [row["name"] for row in document["checks"]] == check_names("items")


def events(table: Table) -> pl.DataFrame:
    rows = [toy.event(name, "ann", "alpha", "click", "2024-03-01") for name in ("a", "b")]
    return toy.rows_of(table, rows)


@pytest.mark.parametrize(
    ("changes", "passed"), [({}, True), ({"clean": 1}, False), ({"accepted": 3}, False)]
)
def test_the_account_of_cleaning_must_balance(
    night: Night, changes: dict[str, int], passed: bool
) -> None:
    write = writing(CLEAN_EVENTS, events(CLEAN_EVENTS), account={**SETTLED, **changes})
    night.make("clean_events", write, config=changes)
    document = verdict(night, "clean_events")
    assert failed(document) == ([] if passed else ["account_balances"])
    assert document["passed"] is passed
    if not passed:
        assert "cleaning found" in document["checks"][-1]["note"]


def land(night: Night, **changes: int) -> None:
    """Makes a lake of two events whose account says what it is told to."""
    n_rows = write_table(events(EVENTS), EVENTS, night.home.lake / "events" / "one.parquet")
    one = {"read": 3, "accepted": n_rows, "duplicate": 1, "quarantined": 0, **changes}

    def write(staging: Staging) -> None:
        files = {"events": ["events/one.parquet"]}
        staging.write_json("snapshot.json", {"position": 1, "files": files})
        staging.facts.update(accounts={"events": one}, stored_rows={"events": 2, "quarantine": 0})

    night.make("lake", write, config=changes)


@pytest.mark.parametrize(
    ("changes", "passed"),
    [({}, True), ({"quarantined": 1}, False), ({"accepted": 3, "read": 4}, False)],
)
def test_the_account_of_ingest_must_balance(
    night: Night, changes: dict[str, int], passed: bool
) -> None:
    land(night, **changes)
    assert failed(verdict(night, "lake")) == ([] if passed else ["account_balances"])


def fake_verdicts(night: Night, **changes: dict[str, Any]) -> dict[str, str]:
    """Stores a yes for every contract but what `changes` say; returns the versions judged."""
    land(night)
    night.make("clean_events", writing(CLEAN_EVENTS, events(CLEAN_EVENTS), account=SETTLED))
    night.make("explanations", lambda staging: staging.write_json("lists.json", []))
    for kind, contract in CONTRACTS.items():
        rows = [{"name": name, "passed": True} for name in check_names(kind)]
        document = {"passed": True, "checks": rows, **changes.get(kind, {})}
        inputs = [kind, *sorted({of for of, _, _ in contract.references.values()})]

        def write(staging: Staging, document: dict[str, Any] = document) -> None:
            staging.write_json("verdict.json", document)

        night.make(f"check_{kind}", write, inputs=inputs)
    return {kind: night.get(kind).version for kind in CONTRACTS}


def test_yes_is_read_for_exactly_the_versions_judged(night: Night) -> None:
    versions = fake_verdicts(night)
    assert required_checks(night, versions) == ALL_YES


def test_without_any_verdict_nothing_is_known(night: Night) -> None:
    assert required_checks(night, {}) == dict.fromkeys(CONTRACTS)
    versions = {kind: night.get(kind).version for kind in ("items", "users")}
    assert required_checks(night, versions) == dict.fromkeys(CONTRACTS)


def test_a_verdict_on_another_version_is_none(night: Night) -> None:
    versions = fake_verdicts(night) | {"user_features": "another"}
    assert required_checks(night, versions) == ALL_YES | {"user_features": None}


def test_a_verdict_held_against_other_users_than_the_releases_is_none(night: Night) -> None:
    versions = fake_verdicts(night) | {"users": "another"}
    found = required_checks(night, versions)
    assert [kind for kind, result in found.items() if result is None] == [
        "users", "interactions", "user_features", "explanations",
    ]  # fmt: skip
    assert {result for result in found.values() if result is not None} == {True}


def test_an_artefact_that_the_release_was_not_made_from_is_none(night: Night) -> None:
    versions = fake_verdicts(night)
    del versions["lake"]
    assert required_checks(night, versions)["lake"] is None


ROWS = [{"name": name, "passed": True} for name in check_names("items")]


@pytest.mark.parametrize(
    "change",
    [
        {"passed": False},
        {"checks": []},
        {"checks": ROWS[:-1]},
        {"checks": [*ROWS[:-1], {"name": ROWS[-1]["name"], "passed": False}]},
        {"checks": [*ROWS, {"name": "another", "passed": True}]},
    ],
    ids=["no", "no check ran", "one was skipped", "one failed", "of other code"],
)
def test_a_no_and_a_check_that_did_not_run_are_a_no(night: Night, change: dict[str, Any]) -> None:
    versions = fake_verdicts(night, items=change)
    assert required_checks(night, versions) == ALL_YES | {"items": False}


def test_a_verdict_edited_on_disk_is_refused(night: Night) -> None:
    versions = fake_verdicts(night, items={"passed": False})
    made: Artefact = night.get("check_items")
    path = made.file("verdict.json")
    path.write_bytes(path.read_bytes().replace(b"false", b"true"))
    other = Workspace(night.home, night.settings).night(night.key)
    with pytest.raises(IntegrityError, match=r"verdict\.json has"):
        required_checks(other, versions)
