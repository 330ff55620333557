"""What Dagster is told of the assets is what they do."""

from datetime import UTC, datetime

import dagster as dg
import pytest

from assets.publication.checks import CONTRACTS
from core.home import Home
from core.release_store import ReleaseStore
from core.store import Store
from orchestration.definitions import defs
from tests.small_world import SECOND_NIGHT

GRAPH = defs.resolve_asset_graph()
KINDS = sorted(key.to_user_string() for key in GRAPH.get_all_asset_keys())
STAGES = {
    "erasure", "ingest", "cleaning", "features", "evaluation", "models", "lists", "explanations",
    "publication",
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_asset_says_what_it_is(kind):
    node = GRAPH.get(dg.AssetKey(kind))
    assert node.group_name in STAGES
    assert node.owners == ["team:recommendations"]
    assert node.kinds
    assert len(node.description) > 20
    assert isinstance(node.partitions_def, dg.DailyPartitionsDefinition)
    assert node.partitions_def.end_offset == 1
    assert node.is_executable


def test_every_stage_has_an_asset():
    assert {GRAPH.get(dg.AssetKey(kind)).group_name for kind in KINDS} == STAGES


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind not in ("erasure", "publication", "retention")]
)
def test_dagster_knows_the_inputs_that_the_manifest_records(nights, kind):
    """What is missing here would be computed too early; what is too much would be waited for."""
    home = Home(nights)
    if kind == "release":
        manifest = ReleaseStore(home.releases).manifest(
            ReleaseStore(home.releases).log.current() or ""
        )
    else:
        manifest = Store(home.artefacts).current(kind, SECOND_NIGHT).manifest
    read = set(manifest.inputs)
    if kind in ("gate", "release_diff"):
        read.add("release")  # named in its configuration, as it lies in no artefact folder
        assert manifest.config["release"].startswith(SECOND_NIGHT)
    if kind == "lake":
        read.add("erasure")  # it leaves no artefact; what it rewrites must not be read before
    declared = {key.to_user_string() for key in GRAPH.get(dg.AssetKey(kind)).parent_keys}
    assert declared == read


def test_publication_waits_for_the_gate_and_the_diff():
    parents = GRAPH.get(dg.AssetKey("publication")).parent_keys
    assert {key.to_user_string() for key in parents} == {"release", "gate", "release_diff"}


def test_every_artefact_is_an_asset_or_a_check_of_one(nights):
    for kind in Store(Home(nights).artefacts).root.iterdir():
        name = kind.name.removeprefix("check_")
        assert name in KINDS
        assert name == kind.name or name in CONTRACTS


def test_every_check_blocks():
    assert {key.asset_key.to_user_string() for key in GRAPH.asset_check_keys} == set(CONTRACTS)
    for key in GRAPH.asset_check_keys:
        assert GRAPH.get(key).blocking, key


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Dagster's schedule calls its own past
def test_the_schedule_runs_the_golden_path_at_two():
    schedule = defs.resolve_schedule_def("daily_at_two")
    assert (schedule.job_name, schedule.cron_schedule) == ("daily", "0 2 * * *")
    assert schedule.execution_timezone in (None, "UTC")
    at_two = datetime(2025, 3, 31, 2, tzinfo=UTC)
    context = dg.build_schedule_context(
        scheduled_execution_time=at_two,
        repository_def=defs.get_repository_def(),
        instance=dg.DagsterInstance.ephemeral(),
    )
    (request,) = schedule.evaluate_tick(context).run_requests
    assert request.partition_key == "2025-03-31"
