"""Makes the lake's snapshot: everything that has landed, as it stands at one ledger position."""

from dataclasses import asdict
from typing import Any

import pyarrow.parquet as pq

from assets.ingest.landed_redaction import redact_repeated
from assets.ingest.landing import IngestReport, ingest_landing
from assets.ingest.ledger import read_entries
from assets.ingest.snapshot import Snapshot, snapshot
from core.errors import CheckFailed
from core.home import Home
from core.home_lock import no_rewriting
from core.ids import digest
from core.ingest_settings import IngestSettings
from core.night import Made, Night
from core.release_location import find_location, reaching
from core.schemas import EVENTS, QUARANTINE
from core.staging import Staging
from serving.intake.handing_over import fetch_handed_over
from serving.intake.sealing import seal_leftovers


def make_lake(night: Night) -> Made:
    """Makes `lake`: takes in what waits in the landing zone, then notes which files there are.

    snapshot.json holds the ledger position and the lake's files by table: whoever reads the lake
    through it sees the same rows, whatever lands afterwards.
    """
    location = find_location(night.settings.releases)
    if location is not None:
        with reaching(location):
            fetch_handed_over(night.home, location.landing)
    report = take_in_waiting(night.home, night.settings.ingest)
    redact_repeated(night.home, night.settings.ingest, report)
    with no_rewriting(night.home):  # or an erasure takes away the files that the snapshot names
        return _make_lake(night, snapshot(night.home))


def take_in_waiting(home: Home, settings: IngestSettings) -> IngestReport:
    """Takes in what landed, and what servers that are dead took in and could not hand over.

    Raises:
        IntegrityError: a ledger entry is missing or altered.
        MachineFault: the machine failed while a file was read; it and those after it wait.
        OSError: the lake cannot be written.
    """
    seal_leftovers(home)
    return ingest_landing(home, settings)


def _make_lake(night: Night, taken: Snapshot) -> Made:
    def write(staging: Staging) -> None:
        staging.write_json("snapshot.json", snapshot_files(taken))
        staging.facts.update(describe(taken))

    config = {"ledger_position": taken.position, "ledger": _ledger_digest(night, taken.position)}
    return night.make("lake", write, config=config)


def snapshot_files(taken: Snapshot) -> dict[str, Any]:
    """Returns the content of snapshot.json."""
    files = {table: [file.path for file in found] for table, found in taken.files.items()}
    return {"position": taken.position, "files": files}


def describe(taken: Snapshot) -> dict[str, Any]:
    """Returns the facts of a lake: where the ledger stood, and the account of every table."""
    accounts = {table: asdict(totals) for table, totals in taken.accounts.items()}
    return {
        "ledger_position": taken.position,
        "accounts": accounts,
        "stored_rows": _stored_rows(taken),
        "accepted_events": accounts.get(EVENTS.name, {}).get("accepted", 0),
    }


def _ledger_digest(night: Night, position: int) -> str:
    """Returns a hash over what was taken in: a lake built anew from other files is another lake."""
    return digest(
        [
            [entry.sha256, entry.importer, entry.mapping, entry.settings_digest, entry.status]
            for entry in read_entries(night.home, position)
        ]
    )


def _stored_rows(taken: Snapshot) -> dict[str, int]:
    """Counts the rows in the lake's files themselves: what the ledger says is held against it."""
    return {
        table: sum(pq.read_metadata(taken.lake / file.path).num_rows for file in files)
        for table, files in taken.files.items()
    }


def check_totals(facts: dict[str, Any]) -> None:
    """Checks the lake's account by table: read = accepted + duplicate + quarantined, and stored.

    Raises:
        CheckFailed: the ledger's numbers do not add up, or the files hold other numbers of rows.
    """
    accounts, stored = facts["accounts"], facts["stored_rows"]
    for table, one in accounts.items():
        told = one["accepted"] + one["duplicate"] + one["quarantined"]
        if one["read"] != told:
            raise CheckFailed(
                f"lake {table}: read {one['read']} records, but {told} are accounted for; "
                "find the file in the ledger whose numbers do not add up"
            )
        if table in stored and stored[table] != one["accepted"]:
            raise CheckFailed(
                f"lake {table}: the ledger accepted {one['accepted']} rows, the files hold "
                f"{stored[table]}; restore the lake's files"
            )
    refused = sum(one["quarantined"] for one in accounts.values())
    if stored[QUARANTINE.name] != refused:
        raise CheckFailed(
            f"lake: the ledger quarantined {refused} records, the files hold "
            f"{stored[QUARANTINE.name]}; restore the lake's files"
        )
