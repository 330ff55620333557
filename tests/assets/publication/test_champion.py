from dataclasses import replace
from pathlib import Path

import pytest

from assets.evaluation.stage import make_evaluation
from assets.models.fold_data import FoldData
from assets.publication import champion as module
from assets.publication.champion import (
    Champion,
    comparison,
    find_champion,
    refit,
    stored_configuration,
)
from core.artefact import Artefact
from core.errors import CheckFailed, IntegrityError
from core.home import Home
from core.manifest import NAME
from core.night import Night, Workspace
from core.release_store import ReleaseStore
from core.release_writer import ReleasePlan, ReleaseWriter
from core.settings import Settings
from core.store import Store
from tests import tiny_night

DAY = "2024-03-10"


def released(home: Path, as_of: str, config: dict[str, object], action: str = "publish") -> str:
    """Adds a release to a home's store and log; returns its id."""
    store = ReleaseStore(Home(home).releases)
    plan = ReleasePlan(as_of=as_of, inputs={}, config=config, seed=1)
    writer = ReleaseWriter(store)
    made = writer.commit(plan, writer.begin(plan))
    store.log.append(action, made.version, as_of, reason="test")  # type: ignore[arg-type]
    return made.version


def night(home: Path, settings: Settings | None = None, day: str = DAY) -> Night:
    return Workspace(Home(home), settings or Settings()).night(day)


OTHER = Settings().model_copy(
    update={
        "lists": Settings().lists.model_copy(update={"length": 20}),
        "models": Settings().models.model_copy(
            update={"als": Settings().models.als.model_copy(update={"epochs": 3})}
        ),
    }
)


def test_a_first_release_has_no_champion(tmp_path: Path) -> None:
    assert find_champion(night(tmp_path)) is None


def test_the_champion_is_the_release_before_with_its_own_models_and_lists(tmp_path: Path) -> None:
    first = released(tmp_path, "2024-03-08", stored_configuration(Settings()))
    second = released(tmp_path, "2024-03-09", stored_configuration(OTHER))
    found = find_champion(night(tmp_path, Settings(seed=9)))
    assert found is not None
    assert found.release == second
    assert found.settings.lists.length == 20
    assert found.settings.models == OTHER.models
    assert found.settings.seed == 9  # all else is tonight's
    earlier = find_champion(night(tmp_path, day="2024-03-09"))
    assert earlier is not None
    assert earlier.release == first
    assert find_champion(night(tmp_path, day="2024-03-08")) is None


def test_a_release_that_was_rolled_back_is_no_champion(tmp_path: Path) -> None:
    first = released(tmp_path, "2024-03-08", stored_configuration(Settings()))
    second = released(tmp_path, "2024-03-09", stored_configuration(OTHER))
    ReleaseStore(Home(tmp_path).releases).log.append(
        "rollback", second, "2024-03-09", reason="test"
    )
    found = find_champion(night(tmp_path))
    assert found is not None
    assert found.release == first


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"models": {}},
        {"models": {"als": {"unheard_of": 1}}, "lists": {}},
        {"models": {}, "lists": {"length": 9}},
        {"models": {}, "lists": "long"},
    ],
)
def test_a_champion_whose_configuration_is_unknown_here_is_refused_in_one_line(
    tmp_path: Path, config: dict[str, object]
) -> None:
    release = released(tmp_path, "2024-03-09", config)
    with pytest.raises(CheckFailed, match=f"release {release} cannot be refitted") as refusal:
        find_champion(night(tmp_path))
    assert "\n" not in str(refusal.value)


def test_a_damaged_champion_is_refused(tmp_path: Path) -> None:
    release = released(tmp_path, "2024-03-09", stored_configuration(Settings()))
    path = ReleaseStore(Home(tmp_path).releases).path(release) / NAME
    path.write_bytes(path.read_bytes().replace(b'"length":50', b'"length":51'))
    with pytest.raises(IntegrityError, match="was altered"):
        find_champion(night(tmp_path))


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Night:
    """A night with an evaluation; only champions are fitted in it."""
    data: FoldData = tiny_night.whole(tmp_path_factory.mktemp("night"))
    make_evaluation(data.night)
    return data.night


def test_a_champion_of_the_same_configuration_is_the_challenger_itself(measured: Night) -> None:
    champion = Champion("2024-03-09.000000", measured.settings)
    assert refit(measured, champion) == measured.get("evaluation")
    found = comparison(measured, champion)
    assert found["quality_lower"] in (0, None)
    assert found["coverage_ratio"] == 1
    assert found["quality_users"] == found["comparison"]["n_users"] > 5
    assert found["comparison"]["relative_difference"] == 0
    assert found["comparison"]["champion"] == "2024-03-09.000000"
    assert found["comparison"]["metric"] == "ndcg@10"


def test_another_champion_is_refitted_and_never_becomes_the_nights_own(measured: Night) -> None:
    lists = measured.settings.lists.model_copy(
        update={"fresh_share": 0.0, "max_category_share": 1.0, "content_weight": 0.9}
    )
    als = measured.settings.models.als.model_copy(update={"epochs": 5})
    models = measured.settings.models.model_copy(update={"als": als})
    settings = measured.settings.model_copy(update={"lists": lists, "models": models})
    before = {kind: measured.get(kind).version for kind in ("als", "candidates", "evaluation")}
    evaluation = refit(measured, Champion("2024-03-09.000000", settings))
    store = Store(measured.home.artefacts)
    for kind, version in before.items():
        assert store.current(kind, measured.key).version == version
    assert evaluation.version != before["evaluation"]
    assert evaluation.manifest.inputs["candidates"] != before["candidates"]
    assert evaluation.manifest.inputs["folds"] == measured.get("folds").version
    other = Workspace(measured.home, measured.settings).night(measured.key)
    assert other.get("evaluation").version == before["evaluation"]


@pytest.mark.parametrize("coverage", [None, 0.0])
def test_a_ratio_to_nothing_is_none_so_that_the_gate_says_no(
    measured: Night, monkeypatch: pytest.MonkeyPatch, coverage: float | None
) -> None:
    mine = measured.get("evaluation")
    bare = Artefact(mine.path, replace(mine.manifest, facts={"coverage": coverage}))
    monkeypatch.setattr(module, "refit", lambda *_: bare)
    found = comparison(measured, Champion("2024-03-09.000000", measured.settings))
    assert found["coverage_ratio"] is None
    assert found["quality_users"] > 5
