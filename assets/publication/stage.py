"""Makes the release, asks the gate, and publishes: three steps that a crash may come between."""

import os
import time
from typing import Any

from assets.publication.announcement import announce
from assets.publication.champion import comparison, find_champion, stored_configuration
from assets.publication.checks import required_checks
from assets.publication.gate import evaluate_gate
from assets.publication.lineage import lineage
from assets.publication.measurements import against_champion, storable
from assets.publication.released import PART, release_measurements
from assets.publication.shared import announcing, catch_up
from assets.publication.verdict import Verdict
from core.artefact import Artefact, table_file
from core.errors import CheckFailed
from core.home_lock import no_rewriting
from core.memory import peak_mb, reset_peak
from core.night import Made, Night
from core.release_log import ReleaseEntry
from core.release_store import ReleaseStore
from core.release_writer import ReleasePlan, ReleaseWriter
from core.schemas import (
    EXPLANATIONS,
    ITEMS,
    LISTS,
    NEIGHBOUR_LISTS,
    RECENT_ITEMS,
    SEGMENT_LISTS,
    USERS,
)
from core.staging import Staging
from serving.builder import ReleaseInputs, build_release

_INPUTS = ("explanations", "segment_lists", "neighbour_lists", "items", "users", "interactions")


def make_release(night: Night) -> Made:
    """Makes `release`: all that a server needs, under one manifest, announced to nobody yet."""
    start = time.perf_counter()
    reset_peak()
    writer = ReleaseWriter(ReleaseStore(night.home.releases))
    with no_rewriting(night.home):
        release, reused = writer.make(
            release_plan(night), lambda staging: _fill(night, staging), recompute=night.recompute
        )
    return Made(release, reused, time.perf_counter() - start, peak_mb())


def release_plan(night: Night) -> ReleasePlan:
    """Returns what the release of the night's current artefacts is made from."""
    versions = {kind: night.get(kind).version for kind in _INPUTS}
    config = {
        **stored_configuration(night.settings),
        "n_shards": night.settings.serving.n_shards,
        "ledger_position": _position(night),
    }
    return ReleasePlan(night.key, versions, config, night.settings.seed)


def _position(night: Night) -> int:
    return int(night.get("lake").facts["ledger_position"])


def release_inputs(night: Night) -> ReleaseInputs:
    """Returns the tables from which the night's release is packed."""
    get = night.get
    return ReleaseInputs(
        lists=get("explanations").table_path(LISTS),
        explanations=get("explanations").table_path(EXPLANATIONS),
        segment_lists=get("segment_lists").table_path(SEGMENT_LISTS),
        neighbour_lists=get("neighbour_lists").table_path(NEIGHBOUR_LISTS),
        items=get("items").table_path(ITEMS),
        users=get("users").table_path(USERS),
        recent_items=get("interactions").table_path(RECENT_ITEMS, "release"),
    )


def _fill(night: Night, staging: Staging) -> None:
    serving = night.settings.serving
    build_release(
        staging, release_inputs(night), night.as_of, n_shards=serving.n_shards,
        n_workers=serving.build_workers or len(os.sched_getaffinity(0)),
        category_cap=night.settings.lists.category_cap,
    )  # fmt: skip


def current_release(night: Night) -> Artefact:
    """Returns the release that this night's current artefacts make up.

    Raises:
        CheckFailed: it has not been made, or its inputs have been made anew since.
    """
    found = ReleaseWriter(ReleaseStore(night.home.releases)).find(release_plan(night))
    if found is None:
        raise CheckFailed(
            f"there is no release of the present artefacts as of {night.key}; materialise "
            "`release` for that date"
        )
    return found


def make_gate(night: Night) -> Made:
    """Makes `gate`: verdict.json on exactly one release, with the numbers it was reached by.

    A no is a result, not an error: it is stored like a yes, and publishing reads it.
    """
    release = current_release(night)
    catch_up(night)
    champion = find_champion(night)
    checks = required_checks(night, lineage(night.store, release))

    def write(staging: Staging) -> None:
        numbers: dict[str, Any] = release_measurements(
            release, night.get("users"), night.get("interactions")
        )
        facts = night.get("evaluation").facts
        if champion is None:
            gain = facts.get("gain_over_popularity", {})
            numbers["popularity_gain_lower"] = gain.get("difference_lower")
            numbers["popularity_gain_users"] = gain.get("n_users")
        else:
            folder = ReleaseStore(night.home.releases).path(champion.release)
            lists = release.table_path(LISTS, PART)
            n_items = release.manifest.files[f"{PART}/{table_file(ITEMS)}"].rows or 0
            numbers |= against_champion(lists, n_items, folder)
            numbers |= comparison(night, champion)
        verdict = evaluate_gate(
            {name: value for name, value in numbers.items() if name != "comparison"},
            night.settings.gate, required_checks=checks, first_release=champion is None,
        )  # fmt: skip
        document = {
            "release": release.version,
            "champion": champion.release if champion else None,
            "protocol": facts.get("protocol"),
            "numbers": storable(numbers),
            "verdict": verdict.to_dict(),
        }
        staging.write_json("verdict.json", document)
        staging.file("verdict.md").write_text(verdict.to_markdown(), encoding="utf-8")
        staging.facts.update(
            release=release.version, passed=verdict.passed, failure=verdict.failure_line()
        )

    config = {
        "gate": night.settings.gate.model_dump(),
        "release": release.version,
        "champion": champion.release if champion else None,
        "checks": dict(checks),
    }
    inputs = ["explanations", "segment_lists", "items", "users", "interactions", "evaluation"]
    return night.make("gate", write, inputs=inputs, config=config)


def publish(night: Night) -> ReleaseEntry:
    """Announces the night's release in the log, if the gate said yes to exactly this version.

    An older date than the current one is archived: kept, validated, never announced. A release
    that the log holds already is left as it stands.

    Raises:
        GateRefused: the gate said no, and the message names each number that fell short; or the
            release was rolled back.
        CheckFailed: the gate judged another version, or held it against a champion that no
            longer stands.
        IntegrityError: the release on the disk is damaged.
        ReleaseConflict: other writers kept taking the place in the log.
        MachineFault: the entry could not be written, or nobody knows whether it was; or the
            location that decides can't be reached.
    """
    release, gate = current_release(night), night.get("gate")
    document = gate.json("verdict.json")
    if document["release"] != release.version:
        raise CheckFailed(
            f"the gate judged {document['release']}, not {release.version}; materialise `gate` "
            f"for {night.key}"
        )
    Verdict.from_dict(document["verdict"]).require_passed()
    versions = {"gate": gate.version, "evaluation": gate.manifest.inputs["evaluation"]}
    with announcing(night, release.version) as releases:
        return announce(releases, release, document, versions)
